"""A masked language model of one antibody chain."""
