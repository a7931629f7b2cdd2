"""distrib tunes the sequence models of immunology and genomics, on a laptop or a Ray cluster."""

__version__ = "0.1.0"
