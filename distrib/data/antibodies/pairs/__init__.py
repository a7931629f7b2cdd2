"""Pairs of a heavy and a light chain."""
