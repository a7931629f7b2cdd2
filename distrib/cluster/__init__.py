"""Connecting to Ray: resources, placement, and data shared between processes."""
