"""What a few seeds tell of two arms: intervals, tests, and the difference they could have shown.

Pure arithmetic on arrays, in whatever unit the caller has; larger is better. Values are metrics of
a training, so of the size that a float32 holds. A value that is no finite number is that of a seed
that diverged or failed, and is left out. Nothing here warns, and nothing returns NaN or infinity:
what cannot be known is None.

The unit of a test is whatever an index stands for. Over R independent searches an arm, give the R
means of the arms: a test of their differences is one of the search, not of the seed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt
from scipy import special, stats

_CONFIDENCE = 0.95
# Five signs can be flipped in 32 ways: two-sided, p is never below 2/32.
_FEWEST_TO_FLIP = 6
# All ways to flip up to 13 signs; beyond, as many of them by chance.
_FLIPS = 9_999
# A spread of that many units in the last place of the greatest value is one of rounding.
_ROUNDING = 8 * float(np.finfo(np.float64).eps)
# Means of flipped differences this close, in parts of the mean size of a difference, are equal:
# accuracies are counts, so ties are common, but float32 breaks them in its last digits.
_TIE = 1e-4

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairedTest:
    """Two arms over the same seeds. A difference is ours - theirs; positive: ours is better.

    Without two pairs there is no spread, and what needs one is None. Where all differences are the
    same, their sd is 0 and the interval is their value: p is 1 if that is 0 and 0 otherwise,
    p_equivalent 0 if it lies within the margin and 1 otherwise.

    Attributes:
        n: pairs that were used.
        mean: of the differences; None without a pair.
        sd: of the differences (ddof 1).
        low, high: 95 % interval of the mean difference, mean -+ t(.975, n - 1) sd / sqrt(n).
        p: two-sided, of no mean difference: t = mean / (sd / sqrt(n)) with n - 1 degrees of
            freedom (Student, Biometrika 1908).
        welch_p: the same for unpaired arms with spreads of their own (Welch, Biometrika 1947).
        correlation: Pearson's, of the arms over the seeds; None below three pairs, and where an
            arm has no spread.
        p_equivalent: of a true difference of the margin or more, the greater of the two one-sided
            p-values (Schuirmann, J. Pharmacokin. Biopharm. 1987); None without a margin.
        differences: of each pair, shape (n,), in the order of the seeds.
    """

    n: int
    mean: float | None
    sd: float | None
    low: float | None
    high: float | None
    p: float | None
    welch_p: float | None
    correlation: float | None
    p_equivalent: float | None
    differences: tuple[float, ...] = field(repr=False)

    @cached_property
    def p_flip(self) -> float | None:
        """See `sign_flip`; it takes milliseconds, ten times all the rest, so only if asked for."""
        return sign_flip(self.differences)


def paired(
    ours: npt.ArrayLike, theirs: npt.ArrayLike, *, margin: float | None = None
) -> PairedTest:
    """Compares two arms that were trained from the same seeds.

    Args:
        ours, theirs: values of the arms, shape (seeds,), seed i of both at index i. A pair of
            which one is not finite is left out.
        margin: differences smaller than this do not matter; above 0, in the unit of the values.

    Raises:
        ValueError: the arms are not of one length, or the margin is not above 0.
    """
    a, b = np.asarray(ours, dtype=np.float64), np.asarray(theirs, dtype=np.float64)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"two arms of the same seeds are needed, not {a.shape} and {b.shape}")
    if margin is not None and not 0 < margin < math.inf:
        raise ValueError(f"a margin is above 0, not {margin}")
    whole = np.isfinite(a) & np.isfinite(b)
    a, b = a[whole], b[whole]
    differences, n = a - b, len(a)
    each = tuple(differences.tolist())
    if n < 2:
        mean = each[0] if each else None
        return PairedTest(n, mean, None, None, None, None, None, None, None, each)

    rounding = _ROUNDING * max(float(np.abs(a).max()), float(np.abs(b).max()))
    mean, sd = float(differences.mean()), _sd(differences, rounding)
    if sd == 0 and abs(mean) <= rounding:
        mean = 0.0
    error = sd / math.sqrt(n)
    half = _half_width(error, n - 1)
    spreads = _sd(a, rounding), _sd(b, rounding)
    return PairedTest(
        n=n,
        mean=mean,
        sd=sd,
        low=mean - half,
        high=mean + half,
        p=min(1.0, 2 * _beyond(abs(mean), error, n - 1)),
        welch_p=_welch(mean, *spreads, n),
        correlation=_correlation(a, b) if n > 2 and min(spreads) > 0 else None,
        p_equivalent=None if margin is None else _beyond(margin - abs(mean), error, n - 1),
        differences=each,
    )


def sign_flip(differences: Sequence[float]) -> float | None:
    """Two-sided p-value of a mean that is no further from 0 than the signs alone make it.

    Without a true difference each has either sign with equal chance (Fisher, The Design of
    Experiments, 1935, 21). Up to 13 differences all flips are taken, beyond 9,999 random ones, the
    same at each call. None below six differences, which can never reach .05.
    """
    d = np.asarray(differences, dtype=np.float64)
    if len(d) < _FEWEST_TO_FLIP:
        return None
    observed, tie = abs(float(d.mean())), _TIE * float(np.abs(d).mean())

    def mean(flipped: Values, axis: int) -> Values:
        means = flipped.mean(axis=axis)
        tied = np.abs(np.abs(means) - observed) <= tie
        return np.where(tied, np.copysign(observed, means), means)

    found = stats.permutation_test(
        (d,), mean, permutation_type="samples", vectorized=True, n_resamples=_FLIPS, rng=0
    )
    return float(found.pvalue)


def spread(values: npt.ArrayLike) -> float | None:
    """The sample's standard deviation (ddof 1) of an arm, shape (seeds,); None below two values."""
    found = _finite(values)
    return _sd(found, _rounding(found)) if len(found) > 1 else None


def far_off(values: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which values lie far from the others, of the same shape as `values`.

    Beyond twenty median absolute deviations of the median (Hampel, The Influence Curve and Its
    Role in Robust Estimation, 1974), of normal values 13 standard deviations: a seed with which
    the training collapsed, say. Of ten normal values one is in 1 of 2,000 samples, of five in 1 of
    50. None is of fewer than five, or where more than half are the same; NaN never is.
    """
    every, known = np.asarray(values, dtype=np.float64), _finite(values)
    usual = float(stats.median_abs_deviation(known)) if len(known) >= 5 else 0.0
    if not usual or usual <= _rounding(known):
        return np.zeros(every.shape, dtype=np.bool_)
    return np.asarray(np.abs(every - np.median(known)) > 20 * usual, dtype=np.bool_)


def mean_interval(values: npt.ArrayLike) -> tuple[float, float, float] | None:
    """Mean of an arm, shape (seeds,), and its 95 % t interval: mean, low, high.

    None below two values.
    """
    found = _finite(values)
    if len(found) < 2:
        return None
    mean, error = float(found.mean()), _sd(found, _rounding(found)) / math.sqrt(len(found))
    half = _half_width(error, len(found) - 1)
    return mean, mean - half, mean + half


def detectable_difference(
    sd: float, n: int, *, power: float = 0.8, alpha: float = 0.05
) -> float | None:
    """The smallest true difference that a paired t test finds with this power.

    It is delta with P(|T| > t(1 - alpha/2, n - 1)) = power, where T is noncentral t with
    noncentrality delta / (sd / sqrt(n)) (Cohen, Statistical Power Analysis, 1988, 2).

    Args:
        sd: standard deviation of the differences, in their unit.
        n: pairs.

    Returns:
        The difference in the unit of sd; None below two pairs and where sd is 0.
    """
    if n < 2 or not sd > 0:
        return None
    return noncentrality(n - 1, power, alpha) * sd / math.sqrt(n)


@lru_cache
def noncentrality(df: int, power: float = 0.8, alpha: float = 0.05) -> float:
    """True difference in standard errors that a two-sided t test finds with this power.

    The tail of the wrong sign is left out: less than 1e-4 of the power from .5 on.

    Raises:
        ValueError: a power below .5, or no probability.
    """
    if not 0.5 <= power < 1 or not 0 < alpha < 1:
        raise ValueError(
            f"power from .5 to 1 and alpha from 0 to 1 are known, not {power}, {alpha}"
        )
    critical = special.stdtrit(df, 1 - alpha / 2)
    return float(special.nctdtrinc(df, 1 - power, critical))


def holm(ps: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values, in the given order (Scandinavian Journal of Statistics, 1979).

    The i-th smallest of m (from 0) is multiplied by m - i, capped at 1, and is no smaller than the
    one before. SciPy's `false_discovery_control` bounds another error, the false discovery rate.
    """
    adjusted, greatest = [0.0] * len(ps), 0.0
    for rank, place in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        greatest = max(greatest, min(1.0, (len(ps) - rank) * ps[place]))
        adjusted[place] = greatest
    return tuple(adjusted)


def _finite(values: npt.ArrayLike) -> Values:
    found = np.asarray(values, dtype=np.float64)
    return found[np.isfinite(found)]


def _rounding(values: Values) -> float:
    return _ROUNDING * float(np.abs(values).max())


def _sd(values: Values, rounding: float) -> float:
    found = float(values.std(ddof=1))
    return found if found > rounding else 0.0


def _half_width(error: float, df: int) -> float:
    return float(special.stdtrit(df, (1 + _CONFIDENCE) / 2)) * error


def _beyond(distance: float, error: float, df: float) -> float:
    """P(T >= distance / error); without an error whatever lies beyond 0 is certain."""
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(special.stdtr(df, -distance / error))


def _welch(mean: float, sd_a: float, sd_b: float, n: int) -> float:
    a, b = sd_a**2 / n, sd_b**2 / n
    df = (n - 1) * (a + b) ** 2 / (a**2 + b**2) if a + b else n - 1
    return min(1.0, 2 * _beyond(abs(mean), math.sqrt(a + b), df))


def _correlation(a: Values, b: Values) -> float:
    found = float(np.corrcoef(a, b)[0, 1])
    return max(-1.0, min(1.0, found))
