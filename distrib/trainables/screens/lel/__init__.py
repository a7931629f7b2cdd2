"""Latent-embedding linear models in closed form."""
