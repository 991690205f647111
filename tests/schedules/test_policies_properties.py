"""What holds of the shapes at every step and step size, against exact fractions."""

from __future__ import annotations

from fractions import Fraction
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clr_sweep.schedules import cycles, policies

no_deadline = settings(deadline=None)  # a busy machine must not fail a test
step_numbers = st.integers(0, 10**12)
step_sizes = st.one_of(st.integers(1, 10**6), st.floats(0.5, 1e6))
bounds = st.tuples(st.floats(1e-8, 10), st.floats(1e-8, 10)).map(sorted)
cyclical = st.sampled_from(policies.CYCLICAL)
BOUNDS: dict[str, Any] = {"init_lr": 0.001, "max_lr": 0.1}


def exact_position(step: int, step_size: float) -> tuple[int, Fraction]:
    """The cycle and the position by the published formula, in fractions: no rounding at all."""
    t, s = Fraction(step), Fraction(step_size)
    cycle = (1 + t / (2 * s)).__floor__()
    return cycle, max(Fraction(0), 1 - abs(t / s - 2 * cycle + 1))


@no_deadline
@given(step_numbers, step_sizes)
@example(92_928_119, 3701.714333381707)  # the quotient is 12551.999999999998
@example(78_852_168_708, 2409.7)
def test_position_and_cycle_are_exact(step: int, step_size: float) -> None:
    """Cycle and position equal the published formula in fractions, up to 10**12 steps."""
    cycle, position = exact_position(step, step_size)
    assert cycles.cycle(step, step_size) == cycle
    assert cycles.position(step, step_size) == pytest.approx(float(position), rel=0, abs=3e-16)


@no_deadline
@given(step_numbers, step_sizes, bounds, cyclical, st.floats(0.9, 1))
def test_rate_stays_within_its_bounds(
    step: int, step_size: float, lrs: list[float], policy: str, gamma: float
) -> None:
    """No rate leaves [init_lr, max_lr] by more than a rounding error."""
    low, high = lrs
    rate = policies.learning_rate(
        step, policy=policy, init_lr=low, max_lr=high, step_size=step_size, gamma=gamma
    )
    decayed = policies.exp_range(gamma, step) if policy == "exp_range_bounds" else 1.0
    assert low * decayed <= rate <= high * (1 + 4e-16)


@no_deadline
@given(step_numbers, st.integers(1, 10**7), bounds, st.sampled_from(policies.ACYCLIC))
def test_rate_without_cycles_stays_within_its_bounds(
    step: int, steps: int, lrs: list[float], policy: str
) -> None:
    """No rate of a decay leaves its bounds by more than a rounding error, past its end too."""
    high = lrs[1]
    low = policies.lowest_rate(policy, high)
    rate = policies.learning_rate(step, policy=policy, init_lr=low, max_lr=high, steps=steps)
    assert low <= rate <= high * (1 + 4e-16)
    if step >= steps:
        assert rate == low


@no_deadline
@given(step_numbers, step_sizes, st.integers(1, 10**7), st.sampled_from(policies.POLICIES))
def test_height_is_the_place_on_the_shape(
    step: int, step_size: float, steps: int, policy: str
) -> None:
    """In [0, 1]; and where nothing decays by cycles, the rate lies at that height."""
    arguments: dict[str, Any] = {"policy": policy, "step_size": step_size, "steps": steps}
    height = policies.height(step, **arguments)
    assert 0 <= height <= 1
    if policy == "constant":
        assert height == 0
    elif policy not in ("triangular2", "one_cycle"):
        rate = policies.learning_rate(step, init_lr=0.0, max_lr=1.0, **arguments)
        assert rate == pytest.approx(height, rel=1e-15)


@no_deadline
@given(st.integers(0, 10**6), st.integers(1, 10**5), st.integers(0, 10**4))
def test_triangular_is_periodic(step: int, step_size: int, cycles: int) -> None:
    """Whole cycles later the rate is the same, to the bit."""
    rate = partial(policies.learning_rate, policy="triangular", **BOUNDS, step_size=step_size)
    assert rate(step + 2 * step_size * cycles) == rate(step)


@no_deadline
@given(st.integers(0, 10**5), st.integers(1, 10**6), bounds)
def test_peaks_and_troughs(cycle: int, step_size: int, lrs: list[float]) -> None:
    """Troughs are init_lr exactly; peaks are max_lr, halved in amplitude by triangular2."""
    low, high = lrs
    for policy, scale in (("triangular", 1.0), ("triangular2", 0.5**cycle)):
        rate = partial(policies.learning_rate, policy=policy, init_lr=low, max_lr=high)
        trough = 2 * cycle * step_size
        assert rate(trough, step_size=step_size) == low
        peak = rate(trough + step_size, step_size=step_size)
        assert peak == pytest.approx(low + (high - low) * scale, rel=1e-15)


@no_deadline
@given(step_numbers, step_sizes, cyclical, st.floats(0.9, 1))
def test_rate_is_continuous(step: int, step_size: float, policy: str, gamma: float) -> None:
    """From one step to the next the rate moves by no more than slope and decay allow."""
    here, there = (
        policies.learning_rate(
            t, policy=policy, init_lr=0.0, max_lr=1.0, step_size=step_size, gamma=gamma
        )
        for t in (step, step + 1)
    )
    decay = 1 - gamma if policy in policies.DECAYING else 0.0
    assert abs(there - here) <= min(1.0, 1 / step_size) + decay + 1e-15


@no_deadline
@given(st.integers(0, 50), st.integers(2, 200), st.sampled_from(["triangular", "triangular2"]))
def test_rate_is_monotone_in_half_cycles(cycle: int, step_size: int, policy: str) -> None:
    """The rate rises strictly to the peak and falls strictly to the trough."""
    steps = np.arange(2 * step_size + 1) + 2 * step_size * cycle
    rates = policies.learning_rate(
        steps, policy=policy, init_lr=0.0, max_lr=1.0, step_size=step_size
    )
    assert (np.diff(rates[: step_size + 1]) > 0).all()
    assert (np.diff(rates[step_size:]) < 0).all()


@no_deadline
@given(
    st.lists(step_numbers, min_size=1, max_size=20),
    step_sizes,
    st.sampled_from(policies.POLICIES),
    st.floats(0.99, 1),
)
def test_numbers_and_arrays_agree(
    steps: list[int], step_size: float, policy: str, gamma: float
) -> None:
    """An int64 array gives what its numbers give one by one, in float64 and the same shape."""
    rate = partial(
        policies.learning_rate, policy=policy, **BOUNDS, step_size=step_size, gamma=gamma,
        steps=10_000,
    )  # fmt: skip
    array = rate(np.array(steps, dtype="int64"))
    one_by_one = [rate(step) for step in steps]
    assert array.dtype == np.float64
    assert array.shape == (len(steps),)
    # NumPy's vectorised power differs from the C library's in the last bits.
    np.testing.assert_allclose(array, one_by_one, rtol=1e-14, atol=0)


@no_deadline
@given(st.integers(0, 20_000), step_sizes)
def test_troughs_are_the_first_steps_past_a_cycle(steps: int, step_size: float) -> None:
    """Each trough is the first integer step at which its cycle has ended, within a millionth."""
    found = cycles.troughs(steps, step_size)
    period = 2 * Fraction(step_size)
    assert found == sorted(set(found))
    assert all(0 < trough <= steps for trough in found)
    tolerance = Fraction(1, 10**6)
    for k, trough in enumerate(found, start=1):
        assert trough - 1 < period * k - tolerance <= trough
    assert len(found) == cycles.whole_cycles(steps, step_size)
    assert period * (len(found) + 1) > steps
