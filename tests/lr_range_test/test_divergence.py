"""Divergence and the stability edge, on landscapes where both are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import classifier, quadratic, stuck

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.divergence import divergence


def edge(curve: Curve) -> float | None:
    """The rate at the stability edge."""
    found = divergence(curve.losses, curve.rates, curve.planned)
    return None if found is None else float(curve.rates[min(found.edge, len(curve.rates) - 1)])


def edges(count: int, *, first: int = 0, curvature: float = 1.0, **settings_: Any) -> np.ndarray:
    """Those of so many seeds of a quadratic, all of which have one."""
    seeds = range(first, first + count)
    found = [edge(quadratic(curvature, seed=seed, **settings_)) for seed in seeds]
    assert None not in found
    return np.array(found)


@settings(max_examples=8, deadline=None)
@given(
    curvature=st.floats(0.01, 100),
    noise=st.floats(0.02, 0.3),
    steps=st.integers(800, 3000),
    seed=st.integers(0, 10**6),
)
def test_the_edge_of_a_quadratic(curvature: float, noise: float, steps: int, seed: int) -> None:
    """2 / curvature, within 20% as the median of three seeds: of ten such medians in eight or more,
    since one in some thousands lies beyond."""
    found = edges(30, first=seed, curvature=curvature, noise=noise, steps=steps)
    near = np.abs(np.median(found.reshape(10, 3), axis=1) * curvature / 2 - 1) < 0.2
    assert near.sum() >= 8


@pytest.mark.parametrize("steps", [400, 1200, 3000])
@pytest.mark.parametrize("momentum", [0.5, 0.9, 0.99])
def test_the_edge_with_momentum(momentum: float, steps: int) -> None:
    """2 (1 + momentum) / curvature: its overshoot at low rates is no divergence."""
    found = edges(20, momentum=momentum, noise=0.02, steps=steps)
    near = np.abs(found / (2 * (1 + momentum)) - 1) < 0.2
    assert near.mean() >= (0.8 if momentum == 0.99 else 0.95)


def test_the_noise_of_a_momentum_is_no_divergence() -> None:
    """It makes the loss many times the lowest, and with 0.3 more than the first, below the edge."""
    for noise, least in ((0.1, 0.85), (0.3, 0.5)):
        found = edges(40, momentum=0.9, noise=noise)
        assert (np.abs(found / 3.8 - 1) < 0.2).mean() >= least


@pytest.mark.parametrize("rises", [0.01, 0.03, 0.3])
def test_a_loss_that_never_fell_has_no_edge(rises: float) -> None:
    """It stays near that of guessing, at 2.30 to 2.33: nothing that was learnt is lost."""
    for seed in range(5):
        assert edge(stuck(rises=rises, seed=seed)) is None


def test_a_small_fall_that_is_lost_again_is_no_edge() -> None:
    """A hundredth of the first loss, gained and lost: nothing was learnt."""
    curve = classifier(learns=1e-4, stops=3e-4, dies=1e-3, lowest=2.28, batch_noise=0.001)
    assert edge(curve) is None


def test_a_spike_that_the_training_recovers_from_is_an_edge() -> None:
    """As on Fashion-MNIST: for a while all is lost, then the loss falls anew."""
    curve = classifier(dies=50.0)
    there = (curve.rates > 0.5) & (curve.rates < 0.7)
    spiked = np.where(there, 2.3, curve.losses)
    found = divergence(spiked, curve.rates, curve.planned)
    assert found is not None
    assert curve.rates[found.edge] == pytest.approx(0.5, rel=0.1)


@pytest.mark.parametrize("curvature", [0.05, 1.0, 40.0])
def test_the_edge_on_a_linear_ramp(curvature: float) -> None:
    """Smith's ramp, from almost 0 to twice the edge."""
    found = edges(5, curvature=curvature, low=1e-3, high=2.0, kind="linear")
    assert np.median(found) == pytest.approx(2 / curvature, rel=0.2)


@pytest.mark.parametrize("lowest", [0.02, 0.5, 1.5])
def test_a_dead_classifier(lowest: float) -> None:
    """Its loss goes back to that of guessing and no further: no multiple of it sees that."""
    found = edge(classifier(dies=1.0, lowest=lowest, batch_noise=0.02))
    assert found == pytest.approx(1.0, rel=0.2)


def test_the_initial_loss_decides_nothing() -> None:
    """A model that begins a hundred times higher, or lower, has its edge at the same rate."""
    found = [edges(1, start=start, noise=0.1) for start in (0.5, 1.0, 10.0, 100.0)]
    np.testing.assert_allclose(found, 2.0, rtol=0.2)


def test_a_loss_that_is_not_finite() -> None:
    """It is no value: what comes before it is looked at."""
    curve = classifier()
    losses = curve.losses.copy()
    losses[1500:] = np.nan
    found = divergence(losses, curve.rates, curve.planned)
    assert found is not None
    assert (found.step, found.edge) == (1500, 1499)
    first = divergence(np.full(50, np.inf), curve.rates[:50], 2400)
    assert first is not None
    assert (first.step, first.edge) == (0, 0)


def test_what_does_not_diverge() -> None:
    """A loss that falls, that is noisy, or that rises slowly, as where a rate is too large."""
    for settings_ in ({"high": 0.5}, {"high": 0.5, "batch_noise": 0.3}, {"high": 0.001}):
        assert edge(classifier(**settings_)) is None  # type: ignore[arg-type]
    x = np.linspace(0, 1, 2000)
    rates = 1e-4 * 10 ** (4 * x)
    noisy = 1 + 0.05 * np.random.default_rng(0).standard_normal(2000)
    assert divergence(noisy, rates, 2000) is None


def test_it_diverges_from_the_very_first_rates() -> None:
    """Nothing was learnt, so nothing was lost; it rises all the same."""
    found = edge(quadratic(1.0, low=0.9, high=20.0, noise=0.5, start=0.5))
    assert found is not None
    assert found < 4.0
