"""Model families: one file per family, all with the contract of `base`."""
