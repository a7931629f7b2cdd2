"""Families of V(D)J recombination: trimming, and trimming with ligation."""
