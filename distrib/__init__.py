"""distrib tunes the sequence models of immunology and genomics, on a laptop or a Ray cluster.

From Python: `search` and `open_study` give a `Study`; `load`, `build` and `open_model` give data
and a `Model`. The commands (`distrib.tune`, `distrib.train`, ...) are modules of their own.
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from distrib.api.models import Model, build, load, open_model
    from distrib.api.search import search
    from distrib.api.study import Study, open_study
    from distrib.errors import InputError

__all__ = ["InputError", "Model", "Study", "build", "load", "open_model", "open_study", "search"]
__version__ = "0.1.0"

_HOMES = {
    "InputError": "errors",
    "Study": "api.study",
    "open_study": "api.study",
    "search": "api.search",
}


if not TYPE_CHECKING:  # else every name would be one of this package's

    def __getattr__(name: str) -> object:
        """What the house offers; imported when it is asked for, since `--help` needs none of it."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f"distrib.{_HOMES.get(name, 'api.models')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
