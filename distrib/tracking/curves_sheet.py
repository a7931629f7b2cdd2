"""A sheet of small panels that is drawn once and filled again for every trial.

Making a figure costs ten times as much as filling one, so everything that does not change from
trial to trial is kept as pixels, and only lines and texts are drawn anew: lines by matplotlib,
texts by Pillow, which needs a tenth of the time for them.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ticker import MaxNLocator
from PIL import Image, ImageColor, ImageDraw, ImageFont

BLUE, GREY, ORANGE, INK = "#1f5fa8", "#9aa3ad", "#d97706", "#30363d"
PANEL = (220, 140)  # pixels
EDGES = (54, 10, 24, 34)  # of a panel's axes: left, right, top, bottom
HEAD = 52  # pixels for the title
DPI = 80
COLUMNS = 3
MOST = 1e300  # the largest number that is drawn as it is
PAD = 0.06  # of a curve's height, free above and below it
SHADES = 16  # of each colour, white among them; with many more Pillow takes one of them for white


class Panel:
    """One metric over the units of fidelity; the best unit is marked.

    Args:
        left, top: pixels of its corner in a picture of the size `width` x `height`.

    Attributes:
        name: its title. marks: what stands at the axis of the values, (pixels from top, text).
    """

    def __init__(self, figure: Figure, left: int, top: int, unit: str) -> None:
        width, height = figure.get_size_inches() * DPI
        self.left, self.top = left, top
        self.name = ""
        self.steps: Sequence[float] = (0.0,)
        self.marks: list[tuple[float, str]] = []
        wide, high = PANEL[0] - EDGES[0] - EDGES[1], PANEL[1] - EDGES[2] - EDGES[3]
        below = height - top - PANEL[1] + EDGES[3]
        self.axes: Axes = figure.add_axes(
            ((left + EDGES[0]) / width, below / height, wide / width, high / height)
        )
        axes = self.axes
        axes.set_xlabel(unit, fontsize=8, color=INK, labelpad=1, parse_math=False)
        axes.tick_params(labelsize=7, colors=INK, length=2, pad=2)
        axes.set_yticks([])
        axes.xaxis.set_major_locator(
            MaxNLocator(4, steps=[1, 2, 4, 5, 10], integer=True, min_n_ticks=1)
        )
        for side, spine in axes.spines.items():
            spine.set_color(GREY)
            spine.set_visible(side in ("left", "bottom"))
        self.best = axes.axvline(0, color=ORANGE, linewidth=1, linestyle=(0, (3, 2)))
        (self.beside,) = axes.plot([], [], color=GREY, linewidth=1.1, markersize=4)
        (self.line,) = axes.plot([], [], color=BLUE, linewidth=1.4, markersize=4)
        (self.dot,) = axes.plot([], [], "o", color=ORANGE, markersize=4)
        self.moving = [self.best, self.beside, self.line, self.dot]  # bottom first
        for artist in self.moving:
            artist.set_animated(True)

    def draw(
        self,
        name: str,
        steps: Sequence[float],
        values: Sequence[float],
        beside: Sequence[float] | None,
        best_fidelity: int,
    ) -> None:
        """Fill the panel: (rows,) steps, values, and a second curve for comparison or None."""
        finite = [v for v in (*values, *(beside or ())) if math.isfinite(v)]
        # Drawn smaller where no float held how far apart they are.
        scale = max(1.0, max(map(abs, finite), default=0.0) / MOST)
        values = [v / scale for v in values]
        beside = beside and [v / scale for v in beside]
        self.steps = steps
        self.line.set_data(steps, values)
        for line in (self.line, self.beside):  # of one unit there is no line
            line.set_marker("o" if len(steps) == 1 else "")
        self.beside.set_data(steps if beside else [], beside or [])
        self.best.set_xdata([best_fidelity, best_fidelity])
        at = [v for s, v in zip(steps, values) if s == best_fidelity and math.isfinite(v)]
        self.dot.set_data([best_fidelity] if at else [], at[-1:])
        self.name = clipped(name, 30)
        if not finite:
            self.name += ": no finite value"
            self.marks = []
            return
        low, high = min(finite) / scale, max(finite) / scale
        pad = (high - low) * PAD or abs(high) * PAD or 1.0
        self.axes.set_ylim(low - pad, high + pad)
        tall = PANEL[1] - EDGES[2] - EDGES[3]
        shown = sorted({low, (low + high) / 2, high})
        self.marks = [
            (self.top + EDGES[2] + tall * (high + pad - v) / (high - low + 2 * pad), text)
            for v, text in zip(shown, marked([v * scale for v in shown]))
        ]


class Sheet:
    """Panels in rows of three under a title of three lines."""

    def __init__(self, panels: int, unit: str) -> None:
        columns = min(COLUMNS, max(2, panels))
        self.size = (columns * PANEL[0], math.ceil(panels / columns) * PANEL[1] + HEAD)
        inches = (self.size[0] / DPI, self.size[1] / DPI)
        self.figure = Figure(figsize=inches, dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self.panels = [
            Panel(self.figure, i % columns * PANEL[0], HEAD + i // columns * PANEL[1], unit)
            for i in range(panels)
        ]
        self.heads = ("", "", "")
        self._still: tuple[tuple[float, float], object] | None = None

    def label(self, title: str, params: str, note: str) -> None:
        """Set the title, the line of parameters, and a remark."""
        room = self.size[0] // 6
        self.heads = (clipped(title, room), clipped(params, room), clipped(note, room))

    def png(self) -> bytes:
        """The picture, drawn."""
        limits = (
            min(panel.steps[0] for panel in self.panels) - 0.5,
            max(panel.steps[-1] for panel in self.panels) + 0.5,
        )
        if self._still is None or self._still[0] != limits:
            for panel in self.panels:
                panel.axes.set_xlim(*limits)
            self.canvas.draw()
            self._still = limits, self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._still[1])
        for panel in self.panels:
            for artist in panel.moving:
                artist.draw(self.canvas.renderer)
        picture = Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB")
        self._write(ImageDraw.Draw(picture))
        file = io.BytesIO()
        picture.quantize(palette=shades(), dither=Image.Dither.NONE).save(
            file, "png", compress_level=1
        )
        return file.getvalue()

    def _write(self, draw: ImageDraw.ImageDraw) -> None:
        for text, top, size in zip(self.heads, (6, 22, 35), (12, 10, 10)):
            write(draw, 8, top, text, size)
        for panel in self.panels:
            write(draw, panel.left + EDGES[0], panel.top + 8, panel.name, 10)
            for height, text in panel.marks:
                wide = sum(glyph(letter, 9)[1] for letter in text)
                left = panel.left + EDGES[0] - 4 - wide
                write(draw, left, height - sum(font(9).getmetrics()) / 2, text, 9)


def marked(values: Sequence[float]) -> list[str]:
    """Numbers for an axis: three digits, or more where these do not tell them apart."""
    for digits in (3, 4, 5):
        texts = [re.sub(r"e\+?(-?)0?", r"e\1", f"{value:.{digits}g}") for value in values]
        if len(set(texts)) == len(texts):
            break
    return texts


def clipped(text: str, room: int) -> str:
    """One line of at most `room` characters."""
    line = " ".join(text.split())
    return line if len(line) <= room else line[: room - 1] + "…"


def write(draw: ImageDraw.ImageDraw, left: float, top: float, text: str, pixels: int) -> None:
    """Write a line. Letters are drawn once and kept, which is most of the time that text takes."""
    for letter in text:
        mask, wide = glyph(letter, pixels)
        draw.bitmap((round(left), round(top)), mask, fill=INK)
        left += wide


@lru_cache(maxsize=1024)
def glyph(letter: str, pixels: int) -> tuple[Image.Image, float]:
    """A letter as a mask, and how far from it the next one stands."""
    face = font(pixels)
    wide = face.getlength(letter)
    mask = Image.new("L", (math.ceil(wide) + 1, sum(face.getmetrics())))
    ImageDraw.Draw(mask).text((0, 0), letter, fill=255, font=face)
    return mask, wide


@lru_cache(maxsize=8)
def font(pixels: int) -> ImageFont.FreeTypeFont:
    """The font that matplotlib brings with it."""
    return ImageFont.truetype(findfont("DejaVu Sans"), pixels)


@lru_cache(maxsize=1)
def shades() -> Image.Image:
    """A palette of all colours from white to full: with one, a PNG is packed five times as fast."""
    full = np.array([ImageColor.getrgb(colour) for colour in (BLUE, GREY, ORANGE, INK)])
    share = np.linspace(0, 1, SHADES)[:, None, None]
    palette = Image.new("P", (1, 1))
    palette.putpalette(np.round(255 + share * (full - 255)).astype(np.uint8).tobytes())
    return palette
