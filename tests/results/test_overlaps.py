"""No two texts of a figure lie over one another, and each lies within the figure."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from drawn_figures import drawn, render
from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text

from clr_sweep.results import style
from clr_sweep.results.figures import study_figures
from clr_sweep.results.line_labels import end_labels
from clr_sweep.results.space_figure import varied
from clr_sweep.results.study_figures import comparison_figure
from clr_sweep.training.records import StudyRecord


def texts_of(figure: Figure) -> list[tuple[str, Any]]:
    """Every text that is seen, with its box in pixels once the figure is laid out."""
    # Not saved at another resolution: some texts would keep the places that they had there.
    FigureCanvasAgg(figure).draw()
    hidden = {
        id(label)
        for ax in figure.axes
        for axis in (ax.xaxis, ax.yaxis)
        for tick in [*axis.get_major_ticks(), *axis.get_minor_ticks()]
        for label in _hidden(tick, axis.get_view_interval())
    }
    return [
        (text.get_text(), text.get_window_extent())
        for text in figure.findobj(Text)
        if text.get_text().strip() and text.get_visible() and id(text) not in hidden
    ]


def _hidden(tick: Tick, view: Any) -> list[Any]:
    low, high = sorted(view)
    room = 1e-9 * (high - low)
    seen = low - room <= tick.get_loc() <= high + room
    return [
        label
        for label, on in ((tick.label1, tick.label1.get_visible()), (tick.label2, False))
        if not (seen and on)
    ]


def touching(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts whose boxes, a little shrunk, overlap."""
    return [
        (a, b)
        for (a, one), (b, other) in combinations(texts_of(figure), 2)
        if one.shrunk(0.94, 0.8).overlaps(other.shrunk(0.94, 0.8))
    ]


@pytest.mark.parametrize("name", ["history", "search-space", "bounds", "divergence", "comparison"])
def test_texts_of_a_study_do_not_touch(big_study: StudyRecord, name: str) -> None:
    assert touching(study_figures(big_study)[f"{name}.png"]) == []


def test_labels_at_the_ends_of_close_lines_stay_apart_and_beside_the_axes() -> None:
    """Six lines that end within a hair: each label is led to, none above the axes."""
    figure = style.figure("Close", height=5.0)
    ax = figure.add_subplot()
    ends = [(0.9 + 0.0001 * i, f"line {i}", style.INK) for i in range(6)]
    ax.plot([0, 1], [0, 0.9])
    ax.set_ylim(0, 0.9)
    style.dress(ax)
    end_labels(ax, ends)
    assert touching(figure) == []
    labels = drawn(figure, "label")
    assert max(label.get_position()[1] for label in labels) <= 1.0
    assert len(drawn(figure, "leader")) == 6


def test_labels_that_stay_where_they_are_need_no_lines() -> None:
    figure = style.figure("Apart", height=5.0)
    ax = figure.add_subplot()
    ax.set_ylim(0, 1)
    end_labels(ax, [(0.2, "low", style.INK), (0.8, "high", style.INK)])
    assert drawn(figure, "leader") == []


def test_a_low_constant_rate_is_seen_beside_a_high_cycle(big_study: StudyRecord) -> None:
    """The baseline's rate stands well above the bottom of its panel."""
    figure = comparison_figure(big_study)
    render(figure)
    ax = figure.axes[2]
    baseline = next(line for line in ax.get_lines() if line.get_gid() == "baseline")
    rate = float(np.asarray(baseline.get_ydata())[0])
    _, y = (ax.transData + ax.transAxes.inverted()).transform((0.0, rate))
    assert y > 0.05
    assert ax.get_yscale() == "log"


def test_what_is_fixed_has_no_panel(build: Any) -> None:
    """A hyperparameter with one value in all trials tells nothing."""
    trials = tuple(
        build.trial(number, max_lr=0.1 * (number + 1), factor=4, policy="triangular")
        for number in range(3)
    )
    study = build.study(trials)
    assert list(varied(study)) == ["max_lr"]
    same = build.study((build.trial(0), build.trial(1)))
    assert "max_lr" in varied(same), "where nothing differs all are shown"
