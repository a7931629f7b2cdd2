"""Schedules and replicas, for the training of any network."""
