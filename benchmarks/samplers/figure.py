"""How far each sampler has come after each trial, as a figure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from clr_sweep.results import style
from clr_sweep.results.line_labels import end_labels

_COLOURS = (style.BLUE, style.MUTED, style.GREEN, style.SKY_TEXT, style.ORANGE, style.VERMILLION)


def draw(curves: Mapping[str, npt.NDArray[np.float64]], title: str, file: Path) -> None:
    """Draw into a PNG file.

    Args:
        curves: by sampler the accuracy at the best point found so far, shape (seeds, trials).
        title: what was searched.
    """
    figure = style.figure(
        "What samplers have found after each trial",
        f"{title}. Lines: the median over the seeds; shaded: the default's quartiles",
        height=5.2,
    )
    axes = figure.subplots()
    ends = []
    for (name, found), colour in zip(curves.items(), _COLOURS, strict=False):
        trials = np.arange(1, found.shape[1] + 1)
        middle = np.median(found, axis=0)
        if not ends:
            low, high = np.percentile(found, [25, 75], axis=0)
            axes.fill_between(trials, low, high, color=colour, alpha=0.12, linewidth=0)
        axes.plot(trials, middle, color=colour, linewidth=2.2 if not ends else 1.6)
        ends.append((float(middle[-1]), name, colour))
    style.dress(axes, x="trials", y="validation accuracy at the best point")
    best = max(end for end, _, _ in ends)
    axes.set_ylim(best - 0.022, best + 0.002)
    axes.set_xlim(1, trials[-1])
    end_labels(axes, ends)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file)
