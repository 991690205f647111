"""The rules: which pair each of them reads, on curves where it is known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landscapes import classifier, quadratic

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.rules import RULES, read


def pair(curve: Curve, rule: str) -> tuple[float, float]:
    found = RULES[rule](read(curve, "val_accuracy", +1))
    assert found is not None
    return found


@settings(max_examples=40, deadline=None)
@given(
    learns=st.floats(1e-3, 0.02),
    factor=st.floats(5, 20),
    seed=st.integers(0, 10**6),
)
def test_smith_finds_where_accuracy_starts_and_stops(
    learns: float, factor: float, seed: int
) -> None:
    """Both within a factor of 2, two of the evaluations."""
    stops = learns * factor
    curve = classifier(learns, stops, 4 * stops, seed=seed)
    base, top = pair(curve, "smith")
    assert base == pytest.approx(learns, rel=1.0)
    assert base > learns / 2
    assert stops / 2 < top < 2 * stops


def test_smith_on_a_plateau_takes_its_beginning() -> None:
    """Where the accuracy slows: larger rates add nothing."""
    at = np.geomspace(1e-4, 1, 41)
    accuracy = np.clip(0.1 + 0.4 * np.log10(at / 1e-3), 0.1, 0.9)
    rates = np.geomspace(1e-4, 1, 4000)
    steps = np.arange(0, 4001, 100)
    flat = Curve(0, 4000, rates, np.ones(4000), steps, {"val_accuracy": accuracy})
    base, top = pair(flat, "smith")
    assert base == pytest.approx(10 ** (-3 + 0.16 / 0.4), rel=0.2)
    assert top == pytest.approx(0.1, rel=0.3)


def test_smith_with_a_loss() -> None:
    """A smaller loss is better: the same rates."""
    curve = classifier()
    turned = Curve(
        0, curve.planned, curve.rates, curve.losses, curve.evaluated,
        {"val_loss": 2.0 - curve.metrics["val_accuracy"]},
    )  # fmt: skip
    found = RULES["smith"](read(turned, "val_loss", -1))
    assert found == pytest.approx(pair(curve, "smith"))


def test_smith_sees_nothing_in_noise() -> None:
    """An accuracy that only jumps shows no pair."""
    curve = classifier(learns=50.0, stops=100.0, dies=200.0, jumps=0.02)
    assert RULES["smith"](read(curve, "val_accuracy", +1)) is None


@pytest.mark.parametrize("noise", [0.01, 0.5, 2.0])
@pytest.mark.parametrize("steps", [200, 1000, 3000])
def test_a_loss_that_only_wanders_has_not_learnt(noise: float, steps: int) -> None:
    """Whatever the noise of its batches: the lowest of many means is below the first."""
    shape = classifier(steps=steps)
    for seed in range(40):
        wandering = 2.3 + noise * np.random.default_rng(seed).standard_normal(steps)
        level = replace(shape, losses=wandering)
        assert not read(level, "val_accuracy", +1).has_learnt, seed


def test_a_deep_fall_of_a_short_and_noisy_ramp_is_learnt() -> None:
    """Squared errors of small batches jump by half of themselves: in five steps chance is larger
    than the loss, which cannot fall below 0."""
    steps = 150
    level = np.geomspace(8.0, 0.6, steps)
    for seed in range(20):
        drawn = np.random.default_rng(seed).gamma(4.0, 0.25, steps)
        curve = replace(classifier(steps=steps), losses=level * drawn)
        assert read(curve, "val_accuracy", +1).has_learnt, seed
        standing = replace(curve, losses=8.0 * drawn)
        assert not read(standing, "val_accuracy", +1).has_learnt, seed


def test_a_fall_of_a_hundredth_is_not_learnt() -> None:
    """However little its batches jump."""
    curve = classifier(lowest=2.277, batch_noise=1e-4)
    assert not read(curve, "val_accuracy", +1).has_learnt


def test_a_small_fall_in_noise_is_learnt() -> None:
    """A tenth of the first loss, whose batches jump by as much."""
    curve = classifier(lowest=2.07, batch_noise=0.23)
    assert read(curve, "val_accuracy", +1).has_learnt


def test_quarter_is_half_of_the_edge() -> None:
    """And a quarter of that; the edge of a quadratic is known."""
    curve = quadratic(4.0)
    found = RULES["quarter"](read(curve, "val_score", +1))
    assert found is not None
    assert found[1] == pytest.approx(0.5 / 2, rel=0.2)
    assert found[0] == found[1] / 4


def test_points_become_pairs_by_the_quarter() -> None:
    """Steepest, valley and minimum each give one rate, where the curve has it."""
    curve = classifier(learns=0.01, stops=0.3, dies=2.0, batch_noise=0.02)
    for rule in ("steepest", "valley", "minimum"):
        base, top = pair(curve, rule)
        assert base == top / 4
    # By construction the loss falls most between the two, and is lowest where learning stops.
    assert 0.01 < pair(curve, "steepest")[1] < 0.1
    assert pair(curve, "minimum")[1] == pytest.approx(0.3 / 10, rel=0.6)
    assert 1e-4 < pair(curve, "valley")[1] < 0.3


def test_the_rules_have_the_names_of_the_file() -> None:
    """What a sweep file may name is what there is."""
    from typing import get_args

    from clr_sweep.lr_range_test.settings import RuleName

    assert tuple(RULES) == get_args(RuleName)
