"""Runs beside one another: what is drawn is what the records hold."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_figures import overlaps, render

from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.results import curves
from clr_sweep.results.rival_figures import (
    Rival,
    best_and_baseline,
    metric_figure,
    progress_by_cost_figure,
    rates_figure,
    value_by_cost_figure,
)
from clr_sweep.training.records import StudyRecord

LOSS = ReportedMetric.by_name("val_loss")


@pytest.fixture(scope="module")
def rivals(build: Any) -> list[Rival]:
    return [
        Rival("CLR", build.trial(0)),
        Rival("cosine", build.trial(1, policy="cosine", max_lr=0.1)),
        Rival("constant", build.baseline()),
    ]


def lines(drawn: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """What was drawn of each run, by its name."""
    (ax,) = drawn.axes
    return {
        str(line.get_gid()): (np.asarray(line.get_xdata()), np.asarray(line.get_ydata()))
        for line in ax.get_lines()
        if line.get_gid()
    }


def test_the_rates_of_each_run_are_those_of_its_steps(rivals: list[Rival]) -> None:
    """Peaks and ends stay where they are; the decades before a schedule ends at 0 are cut off."""
    drawn = rates_figure(rivals)
    found = lines(drawn)
    for rival in rivals:
        x, y = curves.rate_curve(rival.record)
        assert found[rival.label][1].max() == y.max()
        assert found[rival.label][0][-1] == x[-1]
    (ax,) = drawn.axes
    assert ax.get_yscale() == "log"
    low, high = ax.get_ylim()
    assert high / low < 1e6


def test_a_metric_over_epochs_and_over_cpu_time(rivals: list[Rival]) -> None:
    """The same values, once at the ends of epochs, once at the time they took: 6.4 s each."""
    by_epoch = lines(metric_figure(rivals, LOSS))
    by_cost = lines(progress_by_cost_figure(rivals, LOSS))
    for rival in rivals:
        values = [report.metrics["val_loss"] for report in rival.record.reports]
        for found in (by_epoch, by_cost):
            assert found[rival.label][1].tolist() == values
        assert by_epoch[rival.label][0].tolist() == list(range(1, 17))
        assert by_cost[rival.label][0] == pytest.approx(6.4 * np.arange(1, 17))


def test_a_metric_that_no_run_has(rivals: list[Rival]) -> None:
    """It says that there is nothing to show."""
    (ax,) = metric_figure(rivals, ReportedMetric.by_name("val_unknown")).axes
    assert [text.get_text() for text in ax.texts] == ["nothing to show yet"]


def test_every_ended_trial_by_its_cost(big_study: StudyRecord) -> None:
    """A mark each, all of them within the axes, and the baseline."""
    drawn = value_by_cost_figure(big_study)
    (ax,) = drawn.axes
    marks = {c.get_gid(): np.asarray(c.get_offsets()) for c in ax.collections}
    drawn_trials = sum(len(marks.get(s, ())) for s in ("complete", "pruned", "diverged", "failed"))
    assert drawn_trials == big_study.ended
    assert len(marks["baseline"]) == 1
    render(drawn)
    assert max(x for at in marks.values() for x, _ in at) < ax.get_xlim()[1]
    assert not overlaps(drawn)


def test_the_best_and_the_baseline_as_far_as_there_are(build: Any) -> None:
    """A baseline that has not begun has no curve."""
    assert best_and_baseline(build.study()) == ()
    study = build.study([build.trial(3)], build.baseline(state="running", stop=0))
    assert [rival.record.number for rival in best_and_baseline(study)] == [3]


def test_many_rivals_have_a_panel_each(rivals: list[Rival]) -> None:
    """The first is in all of them, on the same axes; nothing lies over anything else."""
    many = [
        rivals[0],
        *(Rival(f"{one.label}: {n}", one.record) for n in range(3) for one in rivals[1:]),
    ]
    for drawn in (
        rates_figure(many[:6]), metric_figure(many[:6], LOSS),
        progress_by_cost_figure(many[:6], LOSS),
    ):  # fmt: skip
        assert len(drawn.axes) == 5
        assert len({ax.get_ylim() for ax in drawn.axes}) == 1
        assert len({ax.get_xlim() for ax in drawn.axes}) == 1
        for ax in drawn.axes:
            assert sum(line.get_gid() == rivals[0].label for line in ax.get_lines()) == 1
        assert not overlaps(drawn)
