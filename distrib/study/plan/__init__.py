"""What a user asks of a study, checked before anything starts."""
