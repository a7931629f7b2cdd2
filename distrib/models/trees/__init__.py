"""Trees that several domains grow."""
