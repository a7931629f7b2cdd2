"""Studies in the process of the tests, on one Ray for all of a module."""

from tests.cli.conftest import one_ray

__all__ = ["one_ray"]
