"""Antibodies with their antigens and affinities: read, simulated, as arrays."""
