"""Families that predict the responses of a perturbation screen."""
