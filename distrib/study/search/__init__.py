"""Samplers, which draw configurations, and schedulers, which stop trials early."""
