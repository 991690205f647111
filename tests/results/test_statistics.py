"""The statistics against SciPy's own tests, and against what must hold of any sample."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from clr_sweep.results.statistics import (
    PairedTest,
    detectable_difference,
    far_off,
    holm,
    mean_interval,
    paired,
    spread,
)

# Of float32's range, as metrics are, the smallest and the greatest among them.
metrics = st.floats(width=32, allow_nan=False, allow_infinity=False)
# Thousandths: differences are either 0 or far above rounding.
shares = st.integers(0, 1000).map(lambda count: count / 1000)


def arms(values: Any, least: int = 2) -> Any:
    """Two arms of one length, shape (2, n)."""
    return st.integers(least, 12).flatmap(lambda n: arrays.arrays(float, (2, n), elements=values))


def about(value: float | None, unit: float = 1.0) -> Any:
    """In that unit, but for rounding."""
    return None if value is None else pytest.approx(unit * value, rel=1e-6, abs=1e-9 * unit)


def numbers(test: PairedTest) -> list[float]:
    fields = [getattr(test, name) for name in test.__dataclass_fields__ if name != "differences"]
    return [value for value in (*fields, test.p_flip) if value is not None]


# Against SciPy


@given(arms(shares))
def test_the_paired_test_is_that_of_scipy(values: Any) -> None:
    assume(np.ptp(values[0] - values[1]) > 1e-9)
    found, theirs = paired(*values), stats.ttest_rel(*values)
    assert found.p == pytest.approx(theirs.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(theirs.confidence_interval()), abs=1e-12)


@given(arms(shares, least=3))
def test_welch_and_the_correlation_are_those_of_scipy(values: Any) -> None:
    assume(min(np.ptp(values, axis=1)) > 1e-9)
    found = paired(*values)
    welch = stats.ttest_ind(*values, equal_var=False)
    assert found.welch_p == pytest.approx(welch.pvalue, rel=1e-9)
    assert found.correlation == pytest.approx(stats.pearsonr(*values).statistic, abs=1e-9)


@given(arms(shares), st.floats(0.001, 2))
def test_equivalence_is_the_greater_of_two_one_sided_tests(values: Any, margin: float) -> None:
    differences = values[0] - values[1]
    assume(np.ptp(differences) > 1e-9)
    ps = (
        stats.ttest_1samp(differences, -margin, alternative="greater").pvalue,
        stats.ttest_1samp(differences, margin, alternative="less").pvalue,
    )
    found = paired(*values, margin=margin).p_equivalent
    assert found == pytest.approx(max(ps), rel=1e-6, abs=1e-15)


def test_an_arms_interval_is_that_of_scipy() -> None:
    values = [0.81, 0.84, float("nan"), 0.79, 0.85]
    mean, low, high = mean_interval(values) or pytest.fail("none")
    theirs = stats.ttest_1samp([0.81, 0.84, 0.79, 0.85], 0).confidence_interval()
    assert (mean, low, high) == pytest.approx((0.8225, *theirs))
    assert spread(values) == pytest.approx(stats.tstd([0.81, 0.84, 0.79, 0.85]))


# What must hold of any sample


@given(arms(metrics, least=0))
def test_nothing_is_nan_or_infinite_and_nothing_warns(values: Any) -> None:
    test = paired(*values, margin=0.005)
    assert all(math.isfinite(value) for value in numbers(test))
    ps = [p for p in (test.p, test.welch_p, test.p_flip, test.p_equivalent) if p is not None]
    assert all(0 <= p <= 1 for p in ps)
    assert all(math.isfinite(value) for value in mean_interval(values[0]) or ())
    assert math.isfinite(spread(values[0]) or 0)


@given(arms(shares))
def test_swapped_arms_turn_signs_and_keep_what_has_none(values: Any) -> None:
    one, other = paired(*values, margin=0.1), paired(*values[::-1], margin=0.1)
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))
    for name in ("n", "sd", "p", "p_flip", "welch_p", "correlation", "p_equivalent"):
        assert getattr(one, name) == pytest.approx(getattr(other, name)), name


@given(arms(shares), st.integers(-5, 5), st.sampled_from([0.01, 3.0, 100.0]))
def test_shift_and_unit_change_no_p_value(values: Any, shift: int, unit: float) -> None:
    one = paired(*values, margin=0.1)
    other = paired(*(unit * (values + shift)), margin=0.1 * unit)
    for name in ("p", "p_flip", "welch_p", "correlation"):
        assert getattr(other, name) == about(getattr(one, name)), name
    for name in ("mean", "sd", "low", "high"):
        assert getattr(other, name) == about(getattr(one, name), unit), name
    # At the margin's very edge rounding decides on which side a sample without spread lies.
    if one.sd or abs(abs(one.mean or 0) - 0.1) > 1e-9:
        assert other.p_equivalent == about(one.p_equivalent)


@given(
    arms(shares, least=1),
    st.sampled_from([math.nan, math.inf, -math.inf]),
    st.booleans(),
    st.integers(0, 12),
)
def test_a_seed_that_one_arm_lacks_is_left_out_of_both(
    values: Any, missing: float, first: bool, at: int
) -> None:
    at = min(at, values.shape[1])
    held = np.insert(values, at, [missing, 0.5] if first else [0.5, missing], axis=1)
    assert paired(*held, margin=0.1) == paired(*values, margin=0.1)


@given(arms(shares))
def test_the_interval_holds_the_mean_and_says_what_p_says(values: Any) -> None:
    test = paired(*values)
    assert test.low <= test.mean <= test.high
    assert (test.p < 0.05) == (not test.low <= 0 <= test.high)


@given(arms(shares), st.floats(0.001, 1.5))
def test_equivalent_is_a_90_percent_interval_within_the_margin(values: Any, margin: float) -> None:
    test = paired(*values, margin=margin)
    half = stats.t.ppf(0.95, test.n - 1) * test.sd / math.sqrt(test.n)
    within = -margin < test.mean - half and test.mean + half < margin
    assert (test.p_equivalent < 0.05) == within


# Few seeds, and none that differ


def test_without_two_pairs_nothing_is_said_of_a_spread() -> None:
    for ours, theirs, mean in (([], [], None), ([0.5, math.nan], [0.25, 0.5], 0.25)):
        test = paired(ours, theirs, margin=0.1)
        assert numbers(test) == [test.n] + ([] if mean is None else [mean])
    assert mean_interval([0.5, math.nan]) is None
    assert spread([0.5, math.nan]) is None
    assert detectable_difference(0.1, 1) is None


def test_two_pairs_have_an_interval_but_no_correlation() -> None:
    test = paired([0.8, 0.9], [0.7, 0.7])
    assert test.p == pytest.approx(0.204833, rel=1e-5)  # t = 3 with one degree of freedom
    assert (test.correlation, test.p_flip) == (None, None)


def test_the_same_in_every_seed_is_no_difference() -> None:
    values = np.linspace(0.7, 0.8, 7)
    test = paired(values, values, margin=0.001)
    assert (test.mean, test.sd, test.low, test.high) == (0, 0, 0, 0)
    assert (test.p, test.p_flip, test.welch_p, test.p_equivalent) == (1, 1, 1, 0)
    assert test.correlation == pytest.approx(1)


def test_the_same_difference_in_every_seed_is_certain() -> None:
    """Not to the last digit: .71 - .70 and .81 - .80 differ in it."""
    theirs = np.array([0.7, 0.8, 0.75, 0.81, 0.77, 0.79])
    test = paired(theirs + 0.01, theirs, margin=0.02)
    assert test.sd == 0
    assert test.low == test.mean == test.high == pytest.approx(0.01)
    assert (test.p, test.p_flip, test.p_equivalent) == (0, 2 / 2**6, 0)
    assert paired(theirs + 0.01, theirs, margin=0.005).p_equivalent == 1


def test_differences_of_rounding_alone_are_none() -> None:
    test = paired([0.1 + 0.2] * 5, [0.3] * 5)
    assert (test.mean, test.p, test.welch_p, test.correlation) == (0, 1, 1, None)


def test_arms_of_different_lengths_and_a_margin_of_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="same seeds"):
        paired([0.5, 0.6], [0.5])
    for margin in (0.0, -0.1, math.nan, math.inf):
        with pytest.raises(ValueError, match="above 0"):
            paired([0.5, 0.6], [0.5, 0.6], margin=margin)


# Holm


def test_holm_as_worked_out_by_hand() -> None:
    """Sorted .005 .01 .03 .04 by 4 3 2 1: .02 .03 .06 .04, and the last no smaller than .06."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([0.6, 0.02]) == pytest.approx((0.6, 0.04))
    assert holm([0.9, 0.7]) == (1, 1)
    assert holm([0.03]) == (0.03,)
    assert holm([]) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.floats(0.001, 0.999))
def test_holm_rejects_as_the_step_down_procedure_does(ps: list[float], alpha: float) -> None:
    """From the smallest on, p <= alpha / (those left), until the first that is not."""
    adjusted = holm(ps)
    rejects, left = set(), len(ps)
    for place in sorted(range(len(ps)), key=lambda place: ps[place]):
        if left * ps[place] > alpha:
            break
        rejects.add(place)
        left -= 1
    assert {place for place, p in enumerate(adjusted) if p <= alpha} == rejects
    assert all(raw <= p <= 1 for raw, p in zip(ps, adjusted, strict=True))
    order = np.argsort(ps, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


# ---- far from the others


def test_a_collapsed_seed_is_far_off() -> None:
    """One of ten at chance, wherever it stands; NaN is neither far nor near."""
    values = np.array([0.868, 0.861, 0.1, 0.879, 0.886, np.nan, 0.844, 0.869, 0.872, 0.849])
    assert far_off(values).tolist() == [value == 0.1 for value in values]


def test_normal_values_are_hardly_ever_far_off() -> None:
    """Of ten seeds in a thousand arms: where it is said, something has happened."""
    values = np.random.default_rng(5).normal(0.88, 0.004, size=(1000, 10))
    assert sum(far_off(arm).any() for arm in values) <= 10


@given(arrays.arrays(float, st.integers(0, 12), elements=st.one_of(metrics, st.just(math.nan))))
def test_less_than_half_are_far_off(values: Any) -> None:
    """Far from most of them, in one unit as in another."""
    far = far_off(values)
    assert far.shape == values.shape
    assert 2 * far.sum() <= np.isfinite(values).sum()
    assert not far[~np.isfinite(values)].any()


def test_few_or_equal_values_are_not_far_off() -> None:
    """Nothing is usual of four; and half equal counts of a small test set say nothing."""
    assert not far_off([0.9, 0.9, 0.91, 0.1]).any()
    assert not far_off([0.9] * 6 + [0.8]).any()
