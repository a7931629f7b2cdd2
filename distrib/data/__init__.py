"""Readers, checks, splits and simulators: pure functions, without torch, JAX or Ray."""
