"""Antibody chains: reading, simulating, clustering and splitting them."""
