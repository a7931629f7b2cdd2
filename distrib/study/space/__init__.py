"""Search spaces: parameters, their file, configurations."""
