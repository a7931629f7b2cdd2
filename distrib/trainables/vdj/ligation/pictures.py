"""Pictures of trims and microhomology: what was observed beside what a model predicts.

Imported inside functions alone: matplotlib takes its time.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from distrib.trainables.pictures import BLUE, GREY, INK, ORANGE, new_figure, save_figure
from distrib.trainables.vdj.coefficient_pictures import end_name
from distrib.trainables.vdj.ligation.profiles import Microhomology, Profiles

GENES = 8  # of each gene end, the most used ones
_COLUMNS = 4
_RARE = 1e-4  # share of the sequences below which a ratio is noise


def draw_profiles(profiles: Sequence[Profiles], path: Path) -> None:
    """Trimming profiles of the most used genes of each end: observed bars, predicted line."""
    shown = [profile.most_used(GENES) for profile in profiles]
    blocks = [-(-len(profile.genes) // _COLUMNS) for profile in shown]
    figure = new_figure(2.4 * _COLUMNS, 0.8 + 1.75 * sum(blocks))
    parts = figure.subfigures(len(shown), 1, squeeze=False, height_ratios=blocks)[:, 0]
    for part, profile, rows in zip(parts, shown, blocks):
        part.suptitle(end_name(profile.trim_type), fontsize=11, color=INK)
        panels = part.subplots(rows, _COLUMNS, squeeze=False, sharex=True)
        top = 1.08 * max(profile.observed.max(), profile.predicted.max())
        for k, panel in enumerate(panels.ravel()):
            if k >= len(profile.genes):
                panel.set_visible(False)
                continue
            bars = panel.bar(profile.trims, profile.observed[k], width=0.85, color=GREY, alpha=0.7)
            (line,) = panel.plot(
                profile.trims, profile.predicted[k], "o-", color=BLUE, linewidth=1.4, markersize=2.5
            )
            panel.set_ylim(0, top)
            panel.set_title(f"{profile.genes[k]} ({profile.share[k]:.1%})", fontsize=8, color=INK)
            _plain(panel)
        names = [_observed(profile.dealt), "predicted"]
        part.legend([bars, line], names, fontsize=8, frameon=False, ncols=2, loc="upper right")
        part.supxlabel("nucleotides trimmed (negative: P-nucleotides kept)", fontsize=8, color=INK)
        part.supylabel("P(trim | gene)", fontsize=8, color=INK)
    save_figure(figure, path)


def draw_microhomology(found: Microhomology, path: Path) -> None:
    """Bases of microhomology used in ligation, and the trims that offer much of it."""
    figure = new_figure(9.4 if found.ligation is not None else 5.2, 3.9)
    panels = figure.subplots(1, 1 + (found.ligation is not None), squeeze=False)[0]
    if found.ligation is not None:
        _draw_ligation(panels[0], found)
    _draw_trims(panels[-1], found)
    figure.suptitle("Effect of microhomology", fontsize=11, color=INK)
    save_figure(figure, path)


def _draw_ligation(panel: Axes, found: Microhomology) -> None:
    """Shares of sequences, on a log scale, by the bases that their ligation used."""
    assert found.ligation is not None
    held = found.ligation.max(axis=0) > _RARE / 10
    bases = np.arange(int(np.flatnonzero(held)[-1]) + 1)
    with np.errstate(divide="ignore"):
        observed, predicted, without = np.where(found.ligation > 0, found.ligation, np.nan)
    panel.bar(
        bases, observed[bases], width=0.8, color=GREY, alpha=0.7, label=_observed(found.dealt)
    )
    panel.plot(bases, predicted[bases], "o-", color=BLUE, markersize=4, label="predicted")
    if found.fitted:
        panel.plot(bases, without[bases], "s--", color=ORANGE, markersize=4,
                   label="without microhomology")  # fmt: skip
    panel.set_yscale("log")
    panel.set_xticks(bases)
    panel.set_xlabel("bases of microhomology used in ligation", fontsize=9, color=INK)
    panel.set_ylabel("share of the sequences", fontsize=9, color=INK)
    panel.legend(fontsize=8, frameon=False)
    _plain(panel)


def _draw_trims(panel: Axes, found: Microhomology) -> None:
    """How much more often trims are chosen than if microhomology had no effect."""
    observed, predicted, without = found.trims
    common = without > _RARE
    size = 12 + 160 * np.sqrt(observed[common] / observed.max())
    x = found.average[common]
    panel.axhline(1, color=ORANGE if found.fitted else BLUE, linewidth=1.2, linestyle="--")
    panel.scatter(x, (observed / without)[common], s=size, color=GREY, alpha=0.75,
                  linewidths=0, label="observed (larger: more sequences)")  # fmt: skip
    if found.fitted:
        panel.plot(x, (predicted / without)[common], "o-", color=BLUE, markersize=4,
                   label="predicted")  # fmt: skip
    panel.set_yscale("log", base=2)
    low, high = panel.get_ylim()
    if high < 4 * low:  # one or two powers of 2 would be all the ticks
        panel.yaxis.set_major_locator(MaxNLocator(5))
    panel.yaxis.set_major_formatter("{x:g}")
    panel.set_xlabel("mean microhomology that the trims offer (average_mh)", fontsize=9, color=INK)
    panel.set_ylabel(
        "times as often as without microhomology"
        if found.fitted
        else "times as often as predicted",
        fontsize=9,
        color=INK,
    )
    panel.legend(fontsize=8, frameon=False)
    _plain(panel)


def _observed(dealt: bool) -> str:
    return "observed, annotations weighed" if dealt else "observed"


def _plain(panel: Axes) -> None:
    panel.tick_params(labelsize=7, colors=INK)
    panel.spines[["top", "right"]].set_visible(False)
