"""Families that give every frame of a recording of behaviour a class."""
