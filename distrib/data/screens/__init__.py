"""Perturbation screens: read, checked, split, scored, simulated."""
