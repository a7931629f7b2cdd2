"""Readers, checks and splits: pure functions, without torch, JAX or Ray."""
