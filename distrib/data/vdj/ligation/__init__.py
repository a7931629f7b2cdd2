"""Junctions: every ligation of two trimmed ends, and simulated ones."""
