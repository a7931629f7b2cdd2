"""Families of models of antibody chains."""
