"""Networks that segment behaviour."""
