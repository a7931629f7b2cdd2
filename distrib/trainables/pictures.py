"""How every family's pictures look, and how they are written.

Imported inside functions alone: matplotlib takes its time.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from distrib.files import atomic_path

BLUE, GREY, ORANGE, INK = "#1f5fa8", "#9aa3ad", "#d97706", "#30363d"
_DPI = 120


def new_figure(width: float, height: float) -> Figure:
    """An empty figure, in inches; it belongs to no window."""
    figure = Figure(figsize=(width, height), dpi=_DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def save_figure(figure: Figure, path: Path) -> None:
    """Write a picture, which appears whole, in the form of the file's ending."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format=path.suffix.removeprefix(".") or "png")
