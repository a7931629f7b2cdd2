"""The Observed Antibody Space: its catalogue and its data units (Olsen et al. 2022)."""
