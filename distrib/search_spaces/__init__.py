"""One YAML per space, named after what `--space` takes."""
