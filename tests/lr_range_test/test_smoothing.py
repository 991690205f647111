"""Smoothing: centred, so without a lag, up to both ends."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.lr_range_test.smoothing import batch_noise, centred_mean, centred_median, smooth

REACHES = st.integers(0, 30)


@given(reach=REACHES, n=st.integers(1, 80), slope=st.floats(-5, 5), height=st.floats(-5, 5))
def test_a_straight_line_stays(reach: int, n: int, slope: float, height: float) -> None:
    """A lag, or a window that is cut on one side, would move it."""
    line = height + slope * np.arange(n)
    for smoothed in (centred_mean(line, reach), smooth(line, reach), centred_median(line, reach)):
        np.testing.assert_allclose(smoothed, line, atol=1e-9)


@given(reach=st.integers(1, 20), seed=st.integers(0, 99))
def test_it_is_the_same_from_both_sides(reach: int, seed: int) -> None:
    """Reversed values give the reversed curve: neither side counts more."""
    values = np.random.default_rng(seed).standard_normal(70)
    for how in (centred_mean, smooth, centred_median):
        np.testing.assert_allclose(how(values[::-1], reach)[::-1], how(values, reach), atol=1e-9)


@given(reach=REACHES, values=st.lists(st.floats(-9, 9), min_size=1, max_size=60))
def test_windows_by_their_definition(reach: int, values: list[float]) -> None:
    """Mean and median over as many neighbours on either side as there are on both."""
    array = np.array(values)
    for i in range(len(array)):
        half = min(reach, i, len(array) - 1 - i)
        window = array[i - half : i + half + 1]
        assert centred_mean(array, reach)[i] == pytest.approx(window.mean(), abs=1e-9)
        assert centred_median(array, reach)[i] == pytest.approx(np.median(window), abs=1e-9)


def test_a_valley_stays_where_it_is() -> None:
    """The lowest point of a noisy valley is found where it is, on average over 20 seeds."""
    x = np.linspace(-3, 3, 1201)
    found = []
    for seed in range(20):
        noisy = x**2 + 0.3 * np.random.default_rng(seed).standard_normal(len(x))
        found.append(x[np.argmin(smooth(noisy, 40))])
    assert abs(np.mean(found)) < 0.05
    assert max(np.abs(found)) < 0.3


def test_a_median_leaves_wild_batches_out() -> None:
    """One of five values does not move it."""
    values = np.ones(50)
    values[::5] = 1e6
    assert (centred_median(values, 4)[5:-5] == 1).all()


def test_noise_is_told_from_a_trend() -> None:
    """The spread of the noise, whatever the trend; none without neighbours."""
    random = np.random.default_rng(0)
    values = np.linspace(0, 100, 4000) + 0.5 * random.standard_normal(4000)
    assert batch_noise(values) == pytest.approx(0.5, rel=0.05)
    assert batch_noise(np.array([1.0, 2.0])) == 0
