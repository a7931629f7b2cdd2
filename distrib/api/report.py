"""A study's report: its path, shown in a notebook or a browser."""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path

HEIGHT = 720  # of the frame in a notebook, in pixels


@dataclass(frozen=True)
class Report(os.PathLike[str]):
    """`report.html` of a study: one file that needs no network.

    Attributes:
        path: where it lies.
    """

    path: Path

    def __fspath__(self) -> str:
        return str(self.path)

    def __str__(self) -> str:
        return str(self.path)

    def show(self) -> None:
        """Open it in the browser of this machine."""
        import webbrowser

        webbrowser.open(self.path.absolute().as_uri())

    def _repr_html_(self) -> str:
        """In a notebook: the report itself, in a frame whose scripts reach nothing outside it."""
        page = html.escape(self.path.read_text(encoding="utf-8"))
        return (
            f'<iframe srcdoc="{page}" sandbox="allow-scripts" width="100%" height="{HEIGHT}" '
            'style="border: 0"></iframe>'
        )
