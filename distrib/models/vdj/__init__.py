"""Likelihoods of V(D)J recombination."""
