"""distrib tunes the sequence models of immunology and genomics, on a laptop or a Ray cluster."""

from distrib.api import build, load, predict, train

__all__ = ["build", "load", "predict", "train"]
__version__ = "0.1.0"
