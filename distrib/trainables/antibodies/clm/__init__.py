"""A causal language model of one antibody chain."""
