"""What figures are drawn with: labels are kept apart, curves thinned, values scaled."""

from __future__ import annotations

import io
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from clr_sweep.results import curves, style
from clr_sweep.results.line_labels import spread
from clr_sweep.results.trial_values import ValueScale


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.floats(0.01, 0.2),
)
def test_spread_keeps_order_and_distance(positions: list[float], gap: float) -> None:
    """Labels stay in order, at least a gap apart, and those apart enough stay where they are."""
    positions = sorted(positions)
    moved = spread(positions, gap)
    assert len(moved) == len(positions)
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(moved))
    if all(b - a >= gap for a, b in pairwise(positions)):
        assert moved == pytest.approx(positions)


@given(st.integers(1, 20000), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_thin_keeps_ends_and_extremes(n: int, bins: int, seed: int) -> None:
    """Points are among those given, few, ascending, with both ends and the extremes."""
    y = np.random.default_rng(seed).normal(size=n)
    x = np.arange(n, dtype=np.float64)
    thin_x, thin_y = curves.thin(x, y, bins)
    assert len(thin_x) <= max(4 * bins, 1)
    assert np.array_equal(thin_y, y[thin_x.astype(int)])
    assert (np.diff(thin_x) > 0).all()
    assert (thin_x[0], thin_x[-1]) == (0, n - 1)
    assert (thin_y.min(), thin_y.max()) == (y.min(), y.max())


@given(
    st.lists(st.floats(-5, 5), max_size=10),
    st.lists(st.floats(-5, 5), max_size=5),
    st.sampled_from(["maximize", "minimize"]),
)
def test_value_scale_always_shows_the_best(
    good: list[float], others: list[float], direction: str
) -> None:
    """The best value is drawn to scale; what is not lies in the lane, outside the limits."""
    scale = ValueScale.of(good, others, direction, [])
    assert scale.low < scale.high
    assert not scale.low <= scale.lane <= scale.high
    values = good if len(good) > 3 else [*good, *others]
    if values:
        best = max(values) if direction == "maximize" else min(values)
        assert scale.place(best) == best
    assert scale.place(None) == scale.lane


@pytest.mark.parametrize("decades", [0.1, 0.24, 0.3, 0.5, 0.7, 1.0, 1.2, 1.8, 2.0, 3.0])
@pytest.mark.parametrize("highest", [0.9, 0.31, 0.02])
def test_the_rates_on_an_axis_are_several_and_apart(decades: float, highest: float) -> None:
    """In a panel as narrow as those of the search space."""
    figure = Figure(figsize=(2.6, 2.0), layout="constrained", dpi=style.DPI)
    ax = figure.add_subplot()
    style.dress(ax)
    style.log_rates(ax, "x", [highest * 10**-decades, highest])
    figure.savefig(io.BytesIO(), dpi="figure")
    left, right = ax.get_xlim()
    labels = [one for one in ax.get_xticklabels(which="both") if one.get_text()]
    boxes = sorted(
        (one.get_window_extent() for one in labels if left <= one.get_position()[0] <= right),
        key=lambda box: box.x0,
    )
    assert len(boxes) >= 2
    assert all(before.x1 + 2 < after.x0 for before, after in pairwise(boxes))
