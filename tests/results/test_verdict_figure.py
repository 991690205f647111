"""The verdict as one figure: every seed a dot, every arm a row, nothing cut off."""

from __future__ import annotations

import dataclasses
import io
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from compared_arms import compared
from drawn_figures import drawn, marks, render, texts
from matplotlib.figure import Figure

from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.search.arms import BASELINE, MEAN_RATE
from clr_sweep.training.records import StudyRecord

OURS, THEIRS = [0.90, 0.88, 0.89], [0.85, 0.87, 0.86]
FINALS: dict[str, Any] = {
    "CLR": OURS, "constant": THEIRS, BASELINE: [0.7, 0.72, 0.71], MEAN_RATE: [0.9, 0.9, 0.91]
}  # fmt: skip


def rows(study: StudyRecord) -> list[list[float]]:
    """The values of the dots, arm by arm from the top."""
    figure = verdict_figure(study)
    [ax] = figure.axes
    return [
        sorted(marks(figure, f"seeds-{place}")[:, 0].tolist())
        for place in range(len(ax.get_yticks()))
    ]


def assert_inside(figure: Figure) -> None:
    """No label of an arm, answer, title or axis is cut off at an edge."""
    figure.savefig(io.BytesIO(), dpi="figure")  # laid out as it is measured
    [ax] = figure.axes
    written = [*ax.get_yticklabels(), *ax.texts, ax.xaxis.label, *figure.texts]
    assert len(written) > len(ax.get_yticks())
    for text in written:
        box = text.get_window_extent()
        assert figure.bbox.x0 - 1 <= box.x0, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert figure.bbox.y0 - 1 <= box.y0, text
        assert box.y1 <= figure.bbox.y1 + 1, text


def test_each_seed_is_a_dot() -> None:
    """At its own value, in the row of its arm."""
    found = rows(compared(FINALS))
    assert found == [sorted(values) for values in FINALS.values()]


def test_intervals_are_those_of_the_means() -> None:
    """From end to end, at the row of the arm."""
    figure = verdict_figure(compared(FINALS))
    [line] = drawn(figure, "interval-1")
    half = 4.302653 * 0.01 / 3**0.5
    assert line.get_xdata() == pytest.approx([0.86 - half, 0.86 + half])
    assert np.ptp(line.get_ydata()) == 0
    assert abs(line.get_ydata()[0] - 1) < 0.5


def test_answers_stand_in_their_rows() -> None:
    """The study's own arm has none."""
    figure = verdict_figure(compared(FINALS, margin=None))
    [ax] = figure.axes
    answers = {text.xy[1]: text.get_text() for text in ax.texts}
    assert sorted(answers) == [1, 2, 3]
    assert answers[2].startswith("CLR is better")
    differences = 100 * (np.array(OURS) - FINALS[BASELINE])
    half = 4.302653 * differences.std(ddof=1) / 3**0.5
    assert f"+18.00 points ({18 - half:.2f} to {18 + half:.2f})" in answers[2]


def test_a_loss_has_no_points() -> None:
    """Less is better."""
    text = texts(verdict_figure(compared(FINALS, metric="val_loss", direction="minimize")))
    assert "CLR is worse" in text
    assert "test loss" in text
    assert "points" not in text
    assert "accuracy" not in text


def test_seeds_lost_are_written_and_not_drawn() -> None:
    """Beside the arm that lost them."""
    study = compared(FINALS | {"constant": [0.85, "diverged", "failed"]})
    assert rows(study)[1] == [0.85]
    figure = verdict_figure(study)
    assert "2 of 3 lost" in texts(figure)
    assert drawn(figure, "interval-1") == []
    assert_inside(figure)


def test_before_the_first_is_tested() -> None:
    """It says so, and is a figure all the same."""
    nothing = compared({name: [None] * 3 for name in FINALS}, state="running")
    figure = verdict_figure(nothing)
    assert "none of the finals has been tested yet" in texts(figure)
    assert render(figure)


def test_an_arm_that_found_nothing() -> None:
    """Its row says so; the others are drawn."""
    study = compared(FINALS | {"constant": []}, arms={"constant": {"candidates": ()}})
    figure = verdict_figure(study)
    assert "nothing to train" in texts(figure)
    assert_inside(figure)


@pytest.mark.parametrize("name", ["a" * 100, "Fashion_MNIST-" * 7, "a_b_c-d.e", "0"])
def test_names_that_a_study_may_have(name: str) -> None:
    """None is cut off at an edge."""
    study = compared(FINALS)
    assert study.comparison is not None
    study = dataclasses.replace(study, comparison=dataclasses.replace(study.comparison, of=name))
    figure = verdict_figure(study)
    assert_inside(figure)
    assert name[:25] in texts(figure)


@pytest.mark.parametrize("arms", [2, 5, 10])
def test_any_number_of_arms_fits(arms: int) -> None:
    """The figure grows with them; no label lies over the next one's."""
    names = [
        "CLR", "constant", "linear", "cosine", "one_cycle", "triangular", "triangular2",
        "exp_range", "exp_range_bounds", BASELINE,
    ][:arms]  # fmt: skip
    figure = verdict_figure(compared(dict.fromkeys(names, OURS)))
    assert_inside(figure)
    [ax] = figure.axes
    boxes = [label.get_window_extent() for label in ax.get_yticklabels()]
    tops = sorted((box.y0, box.y1) for box in boxes)
    assert all(low[1] <= high[0] + 1 for low, high in pairwise(tops))


@pytest.mark.parametrize("values", [[0.5] * 3, [1e-9, 2e-9, 3e-9], [1e6, 3e6, 2e6]])
def test_any_values_are_drawn(values: list[float]) -> None:
    """Equal, small or large."""
    how = {"metric": "val_mean_squared_error", "direction": "minimize", "margin": None}
    study = compared({"CLR": values, "constant": values[::-1], BASELINE: values}, **how)
    assert_inside(verdict_figure(study))


def test_of_a_loss_the_figure_says_which_sign_is_better() -> None:
    """It is looked at alone too, among the artifacts; and the longer line is not cut off."""
    figure = verdict_figure(compared(FINALS, metric="val_loss", direction="minimize"))
    assert "+ is CLR ahead" in texts(figure)
    assert_inside(figure)
    assert "CLR ahead" not in texts(verdict_figure(compared(FINALS)))


def test_a_seed_far_from_the_others_leaves_them_room() -> None:
    """It is written at the end of the axis that it lies beyond; all others are dots within."""
    usual = [0.90, 0.88, 0.89, 0.885, 0.895]
    figure = verdict_figure(compared({"CLR": usual, "constant": [*usual[:4], 0.1]}))
    [ax] = figure.axes
    assert ax.get_xlim()[0] > 0.5
    assert "\N{LEFTWARDS ARROW} 0.1000" in texts(figure)
    assert len(marks(figure, "seeds-1")) == 4
    assert_inside(figure)


def test_the_axis_holds_intervals_wider_than_the_seeds() -> None:
    """Those of three seeds reach beyond them; the other half of the axis is left to the dots."""
    values = {"CLR": [0.81, 0.80, 0.82], "linear": [0.62, 0.82, 0.83], BASELINE: [0.3, 0.37, 0.4]}
    figure = verdict_figure(compared(values))
    [ax] = figure.axes
    [line] = drawn(figure, "interval-1")
    left, right = ax.get_xlim()
    assert left < min(line.get_xdata()) < max(line.get_xdata()) < right
    assert "arrow" not in ax.get_xlabel()
    assert not drawn(figure, "cut-1")


def test_an_interval_that_would_squeeze_the_seeds_is_cut_and_marked() -> None:
    """Of two seeds it is twelve times as wide as they lie apart: an arrow at either end says so."""
    figure = verdict_figure(compared({"CLR": [0.80, 0.81], "constant": [0.70, 0.80]}))
    [ax] = figure.axes
    left, right = ax.get_xlim()
    assert right - left < 3 * 0.11
    assert [line.get_xdata()[0] for line in drawn(figure, "cut-1")] == [left, right]
    assert "an arrow: the interval goes on" in ax.get_xlabel()
    assert not drawn(figure, "cut-0")
    assert_inside(figure)
