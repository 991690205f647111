"""The statistics of arms that are drawn at random: sign flips, error rates and power."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from clr_sweep.results.statistics import (
    PairedTest,
    detectable_difference,
    noncentrality,
    paired,
    sign_flip,
)

DRAWS = 10_000


def drawn(n: int, difference: float = 0.0, *, draws: int = DRAWS, seed: int = 0) -> Any:
    """Arms of sd 1 that share a part of their noise, shape (draws, 2, n)."""
    random = np.random.default_rng(seed)
    found = random.normal(size=(draws, 2, n)) * math.sqrt(0.7)
    found += random.normal(size=(draws, 1, n)) * math.sqrt(0.3)
    found[:, 0] += difference
    return found


# The sign flip


def test_signs_of_six_are_flipped_in_64_ways() -> None:
    """Worked out: (6 5 4 3 2 -1) has a sum of 19, reached by two of the 64 flips, 19 and 21."""
    assert sign_flip([6, 5, 4, 3, 2, -1]) == pytest.approx(2 * 2 / 64)
    assert sign_flip([6, 5, 4, 3, 2]) is None


def test_ties_count_whatever_the_last_digits_of_float32_say() -> None:
    counts = np.array([[853, 861, 847, 855, 850, 858, 849], [850, 862, 845, 851, 851, 853, 848]])
    exact = sign_flip(counts[0] - counts[1])
    for examples in (1000, 1037, 9999):
        ours, theirs = (counts / examples).astype(np.float32)
        assert paired(ours, theirs).p_flip == exact


def test_many_signs_are_flipped_by_chance_and_alike_each_time() -> None:
    values = drawn(14, 0.5, draws=1)[0]
    one, other = paired(*values), paired(*values)
    assert one.p_flip == other.p_flip
    assert one.p_flip == pytest.approx(one.p, abs=0.02)


def test_the_sign_flip_agrees_with_t_on_normal_differences() -> None:
    tests = [paired(*values) for values in drawn(10, 0.6, draws=60)]
    gaps = [(test.p_flip or 0) - (test.p or 0) for test in tests]
    assert abs(np.mean(gaps)) < 0.005
    assert max(map(abs, gaps)) < 0.1


# Simulated; the standard error of a share of 10,000 draws is at most half a point


def rejected(values: Any, **keywords: float) -> list[PairedTest]:
    return [paired(*one, **keywords) for one in values]


@pytest.mark.heavy
@pytest.mark.parametrize("n", [3, 10])
def test_arms_without_a_difference_are_told_apart_in_five_percent(n: int) -> None:
    tests = rejected(drawn(n))
    alarms = np.mean([test.p < 0.05 for test in tests])
    missed = np.mean([not test.low <= 0 <= test.high for test in tests])
    assert alarms == missed == pytest.approx(0.05, abs=0.007)


@pytest.mark.heavy
@pytest.mark.parametrize("n", [5, 10])
def test_a_detectable_difference_is_found_with_its_power(n: int) -> None:
    sd = math.sqrt(2 * 0.7)
    for power in (0.6, 0.8):
        planted = detectable_difference(sd, n, power=power) or 0
        found = np.mean([test.p < 0.05 for test in rejected(drawn(n, planted, draws=5000))])
        assert found == pytest.approx(power, abs=0.03)


def test_at_the_margins_edge_equivalence_is_found_in_at_most_five_percent() -> None:
    tests = rejected(drawn(10, 1.5), margin=1.5)
    share = np.mean([test.p_equivalent < 0.05 for test in tests])
    assert 0.03 < share < 0.057


def test_what_seeds_can_show_is_close_to_the_known_formula() -> None:
    """(t(.975, df) + t(.8, df)) standard errors, from three degrees of freedom on.

    For two independent arms of n seeds df is 2 n - 2 and the error sd sqrt(2 / n): .91, .61 and .40
    points for 3, 5 and 10 seeds of sd .3.
    """
    for df in (3, 4, 8, 18, 30):
        formula = stats.t.ppf(0.975, df) + stats.t.ppf(0.8, df)
        assert noncentrality(df) == pytest.approx(formula, rel=0.03)
    for n, known in ((3, 0.91), (5, 0.61), (10, 0.40)):
        found = noncentrality(2 * n - 2) * 0.3 * math.sqrt(2 / n)
        assert found == pytest.approx(known, abs=0.012)


def test_power_is_that_of_the_noncentral_t() -> None:
    for df in (1, 4, 9, 99):
        for power in (0.5, 0.8, 0.95):
            critical = stats.t.ppf(0.975, df)
            found = stats.nct.sf(critical, df, noncentrality(df, power))
            assert found == pytest.approx(power, abs=1e-5)
    with pytest.raises(ValueError, match="power"):
        noncentrality(9, 0.3)
