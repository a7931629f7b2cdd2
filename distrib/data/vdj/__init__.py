"""V(D)J recombination: germline genes, their ends, and what is observed of joining them."""
