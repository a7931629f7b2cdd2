"""Counts of trims, and the features of a cut."""
