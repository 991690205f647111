"""The figures of the search space hold what the trials of a study hold."""

from __future__ import annotations

import dataclasses
import io
from typing import Any

import numpy as np
from drawn_figures import drawn, marks, render, texts

from clr_sweep.results import figures, style
from clr_sweep.training.records import StudyRecord


def test_space_figure_has_a_panel_for_each_hyperparameter(
    build: Any, big_study: StudyRecord
) -> None:
    """The schedule's four, gamma and the further ones, texts among them; each where it varies."""
    trials = tuple(
        dataclasses.replace(
            t,
            params={
                **t.params,
                "momentum": 0.8 + 0.003 * i,
                "optimizer": ("sgd", "adam")[i % 2],
                "fixed": 3,
            },
        )
        for i, t in enumerate(big_study.trials)
    )
    figure = figures.space_figure(dataclasses.replace(big_study, trials=trials))
    shown = [ax.get_xlabel() for ax in figure.axes if ax.get_visible()]
    assert shown == [
        "init_lr", "max_lr", "step_size_factor (epochs)", "policy", "momentum", "optimizer"
    ]  # fmt: skip
    assert figure.axes[0].get_xscale() == figure.axes[1].get_xscale() == "log"
    for state in style.STATES:
        count = big_study.count(state)  # type: ignore[arg-type]
        assert len(marks(figure, state)) == 6 * count
    drawn_rates = sorted(x for c in figure.axes[1].collections if c.get_gid() in style.STATES
                         for x, _ in np.asarray(c.get_offsets()))  # fmt: skip
    assert drawn_rates == sorted(t.config.schedule.max_lr for t in trials)
    varied = build.study([
        build.trial(i, policy="exp_range", gamma=g) for i, g in enumerate((0.999, 0.9999))
    ])  # fmt: skip
    assert "gamma (exp_ranges)" in texts(figures.space_figure(varied))


def test_bounds_figure_colours_by_value_and_marks_the_rest(big_study: StudyRecord) -> None:
    """Each complete trial at its bounds with its value; pruned and diverged ones beside them."""
    figure = figures.bounds_figure(big_study)
    found = {}
    for policy in style.POLICY_MARKERS:
        for collection in drawn(figure, f"complete {policy}"):
            values = np.asarray(collection.get_array())
            for (x, y), value in zip(np.asarray(collection.get_offsets()), values, strict=True):
                found[(x, y)] = (policy, value)
    expected = {
        (t.config.schedule.init_lr, t.config.schedule.max_lr): (t.config.schedule.policy, t.value)
        for t in big_study.trials
        if t.state == "complete"
    }
    assert found == expected
    for state in ("pruned", "diverged", "failed"):
        marked = sum(len(marks(figure, f"{state} {p}")) for p in style.POLICY_MARKERS)
        assert marked == big_study.count(state)


def test_bounds_figure_of_a_rate_of_zero_renders(build: Any) -> None:
    """A lower bound of 0 is allowed, and has no logarithm."""
    trials = [build.trial(i, init_lr=low) for i, low in enumerate((0, 0.001, 0.004))]
    for figure in (
        figures.bounds_figure(build.study(trials)), figures.space_figure(build.study(trials))
    ):  # fmt: skip
        assert render(figure)
        assert figure.axes[0].get_xscale() == "symlog"


def test_a_long_name_of_a_metric_keeps_to_its_panel(build: Any) -> None:
    """In two lines, or it would reach into the panels above and below."""
    how = {"metric": "val_mean_absolute_percentage_error", "policy": "triangular"}
    trials = [build.trial(i, init_lr=0.001 + i / 900, factor=2 + i, **how) for i in range(3)]
    study = build.study(trials, metric=how["metric"], direction="minimize")
    figure = figures.space_figure(study)
    figure.savefig(io.BytesIO(), dpi="figure")  # laid out as it is measured
    label, panel = (one.get_window_extent() for one in (figure.axes[0].yaxis.label, figure.axes[0]))
    assert panel.y0 <= label.y0 < label.y1 <= panel.y1
