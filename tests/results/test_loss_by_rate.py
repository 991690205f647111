"""The figure of the loss against the rate holds each cycle, both ways, and nothing else."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_figures import drawn, render, texts
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure

from clr_sweep.results.figures import loss_by_rate_figure
from clr_sweep.results.loss_by_rate import sweeps_of
from clr_sweep.training.records import TrialRecord


def figure_of(build: Any, record: TrialRecord, steps: int | None = None) -> Figure:
    """Of the first steps of a trial; the last one's loss is unknown if it diverged."""
    count = record.config.steps if steps is None else steps
    losses = build.batch_losses(record.config, count)
    if record.state == "diverged":
        losses[-1] = np.nan
    rates = build.rates(record.config, np.arange(count))
    return loss_by_rate_figure(range(count), rates, losses, record)


def lines(figure: Figure) -> list[str]:
    """The names of the lines that stand for a way up or down."""
    found = figure.findobj(lambda artist: str(artist.get_gid()).startswith("cycle "))
    return [str(line.get_gid()) for line in found]


@given(
    step_size=st.integers(1, 50), first=st.integers(0, 200), count=st.integers(0, 300),
    unknown=st.sets(st.integers(0, 299), max_size=5),
)  # fmt: skip
def test_the_ways_between_troughs_and_peaks(
    step_size: int, first: int, count: int, unknown: set[int]
) -> None:
    """Every step with a loss is on one way: that of its half cycle, in its order."""
    steps = np.arange(first, first + count, dtype=np.float64)
    losses = np.where([i in unknown for i in range(count)], np.nan, steps)
    found = sweeps_of(steps, steps, losses, step_size)
    kept = [s for sweep in found for s in sweep.losses]
    assert kept == [s for s in losses if np.isfinite(s)]
    for sweep in found:
        assert {(s // step_size) % 2 == 0 for s in sweep.rates} == {sweep.rising}
        assert {s // (2 * step_size) + 1 for s in sweep.rates} == {sweep.cycle}


def test_each_cycle_has_a_line_up_and_a_line_down(build: Any) -> None:
    """Solid up, dashed down, one colour for both, cycles in order and named."""
    record = build.trial(3, policy="triangular", factor=2)
    figure = figure_of(build, record)
    assert lines(figure) == [f"cycle {n} {way}" for n in range(1, 5) for way in ("up", "down")]
    colours = []
    for number in range(1, 5):
        [up], [down] = drawn(figure, f"cycle {number} up"), drawn(figure, f"cycle {number} down")
        assert up.get_linestyle() == "-"
        assert down.get_linestyle() == "--"
        assert up.get_color() == down.get_color()
        assert up.get_xdata()[0] < up.get_xdata()[-1]
        assert down.get_xdata()[0] > down.get_xdata()[-1]
        colours.append(sum(up.get_color()[:3]))
    assert colours == sorted(colours)  # from dark to light
    assert figure.axes[0].get_xscale() == "log"
    assert "cycle 4" in texts(figure)
    assert render(figure)


def test_the_means_are_those_of_the_losses(build: Any) -> None:
    """A loss that follows from the rate alone lies on its curve, up and down."""
    record = build.trial(3, policy="triangular", factor=2, init_lr=0.001, max_lr=0.5)
    rates = build.rates(record.config, np.arange(record.config.steps))
    figure = loss_by_rate_figure(range(len(rates)), rates, 3 * rates + 1, record)
    for gid in lines(figure):
        [line] = drawn(figure, gid)
        np.testing.assert_allclose(line.get_ydata(), 3 * line.get_xdata() + 1, rtol=1e-9)
        # The low decades of the axis are not left to a single point.
        assert np.sum(np.asarray(line.get_xdata()) < 0.02) >= 5


def test_many_cycles_are_spread_over_colours(build: Any) -> None:
    """Twelve of fifty are drawn, the first and the last among them, and a bar tells which."""
    record = build.trial(3, policy="triangular", factor=0.16)
    figure = figure_of(build, record)
    numbers = sorted({int(gid.split()[1]) for gid in lines(figure)})
    assert (len(numbers), numbers[0], numbers[-1]) == (12, 1, 50)
    assert "12 of 50 cycles drawn" in texts(figure)
    assert len(figure.axes) == 2
    assert render(figure)


@pytest.mark.parametrize(
    ("state", "steps", "expected"),
    [
        ("pruned", 844, ["cycle 1 up"]),  # in its first epoch
        ("diverged", 4, ["cycle 1 up"]),  # at step 3
        ("diverged", 2, ["cycle 1 up"]),  # a single loss
        ("diverged", 1, []),  # at the very first step
        ("diverged", 2000, ["cycle 1 up", "cycle 1 down"]),
    ],
)
def test_a_trial_that_was_stopped(build: Any, state: Any, steps: int, expected: list[str]) -> None:
    """What it did is drawn, and where it diverged is marked; with nothing to see it says so."""
    record = build.trial(3, state, 1, policy="exp_range", factor=2, gamma=0.9999)
    figure = figure_of(build, record, steps)
    assert render(figure)
    assert lines(figure) == expected
    if not expected:
        assert "no step with a finite loss" in texts(figure)
    elif state == "diverged":
        assert drawn(figure, "divergence")[0].get_xdata()[0] == record.divergence.learning_rate


def test_a_trough_at_zero_is_drawn(build: Any) -> None:
    """A logarithmic axis has no 0: it is linear near it."""
    record = build.trial(3, policy="triangular", factor=2, init_lr=0.0)
    figure = figure_of(build, record)
    assert figure.axes[0].get_xscale() == "symlog"
    assert render(figure)
