"""Recordings of behaviour: a class for every frame, from markers or other signals."""
