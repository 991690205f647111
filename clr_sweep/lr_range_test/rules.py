"""The rules that read a pair of bounds off a range test, each by its name.

    rule      what it reads                                            the pair
    smith     validation metric against rate (arXiv:1506.01186, 3.3)   base where it starts to
                                                                       improve, max where it stops
    quarter   the stability edge of the training loss                  max = edge / 2, max / 4
    steepest  the steepest fall of the training loss, by log(rate)     max = it, max / 4
    valley    the middle of the longest valley of the training loss    max = it, max / 4
    minimum   a tenth of the rate where the training loss is lowest    max = it, max / 4

The last three are those of fastai and PyTorch Lightning, here for comparison. They give one rate,
where a cycle needs two; the second is Smith's rule of thumb, a quarter (he says a third or a
quarter) of the maximum.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.divergence import LEARNT, Divergence, divergence
from clr_sweep.lr_range_test.smoothing import Array, batch_noise, centred_mean, smooth

Pair = tuple[float, float]

# Of the planned steps: the neighbours of each of the two centred means.
_REACH = 0.015
# Parts of what the metric gains in all: it has started to improve, and it has stopped.
_STARTED, _STOPPED = 0.2, 0.98
# An improvement below this many times the metric's own jumps is none.
_NOISES = 4.0
# So many times its own spread the mean of a window may wander down where the loss does not fall.
_WANDERS = 8.0
# So many times its own spread the difference of two windows' means is beyond chance.
_BEYOND_CHANCE = 3.0
_QUARTER = 4.0
_POINTS = 100  # of the curve in which `valley` looks, as many as fastai's range test has steps


@dataclass(frozen=True)
class Learnt:
    """What says whether a loss fell, each measured on the means of a window.

    Attributes:
        window: its steps.
        first: the mean of the first window.
        fall: from there to the lowest one.
        part: so far it has to fall, a small part of the first.
        wander: so far the means of that many batches may go down by chance.
    """

    window: int
    first: float
    fall: float
    part: float
    wander: float

    @property
    def is_enough(self) -> bool:
        """Whether it fell by more than both."""
        return self.fall > max(self.part, self.wander)


@dataclass(frozen=True)
class Reading:
    """A curve, up to where it diverged, smoothed.

    Attributes:
        divergence: None where the training did not diverge.
        rates: of the steps before the divergence, shape (steps,).
        losses: their smoothed losses, shape (steps,).
        tested: the rates at the evaluations before the divergence, shape (evaluations,).
        measured: the smoothed validation metric there, larger is better, shape (evaluations,).
        jumps: the spread of that metric around its trend.
    """

    curve: Curve
    divergence: Divergence | None
    rates: Array
    losses: Array
    tested: Array
    measured: Array
    jumps: float

    @property
    def edge(self) -> float | None:
        """The rate at the stability edge, or None where none was seen."""
        if self.divergence is None or not self.began:
            return None
        return float(self.curve.rates[min(self.divergence.edge, len(self.curve.rates) - 1)])

    @property
    def began(self) -> bool:
        """Whether the first loss is finite: it is that before any update, so no rate makes it."""
        return bool(np.isfinite(self.curve.losses[0]))

    @property
    def limit(self) -> float:
        """The edge; where none was seen, the highest rate that has not lost what was learnt."""
        if self.edge is not None:
            return self.edge
        kept = np.flatnonzero(self.losses <= self.start - 0.1 * self.fall)
        return float(self.rates[kept[-1] if kept.size else -1])

    @property
    def noise(self) -> float:
        """The spread of the batches' losses before anything was learnt."""
        return batch_noise(self.curve.losses[: max(50, self.curve.planned // 20)])

    @property
    def start(self) -> float:
        """The smoothed loss before anything was learnt."""
        return float(np.median(self.losses[: max(1, len(self.losses) // 50)]))

    @property
    def fall(self) -> float:
        """How far the smoothed loss fell."""
        return self.start - float(self.losses.min())

    @property
    def has_learnt(self) -> bool:
        """Whether the loss fell at all: without that no bound says anything."""
        return self.learnt.is_enough

    @property
    def falls_at_once(self) -> bool:
        """Whether the loss falls while the rate is hardly higher than the lowest one.

        By a tenth of its whole fall, before the rate has tripled, and by more than the means of
        as many batches differ by chance: one of the first batches may lie far below the others.
        """
        early = self.curve.losses[: len(self.losses)][self.rates <= 3 * self.rates[0]]
        if len(early) == len(self.losses):
            return True
        short, half = 2 * _reach(self.curve) + 1, max(1, len(early) // 2)
        for count in {min(short, half), half}:
            means = _window_means(early, count)
            chance = _BEYOND_CHANCE * self.noise * math.sqrt(2 / count)
            if means[0] - means.min() > max(0.1 * self.fall, chance):
                return True
        return False

    @property
    def learnt(self) -> Learnt:
        """How far the mean loss of a window fell, and how far it has to.

        Of the windows that show it the clearest one: in a short one chance may be larger than the
        loss itself, where batches are small and the ramp has few steps.
        """
        taken, count = len(self.losses), min(2 * _reach(self.curve) + 1, len(self.losses))
        found = [self._learnt_in(count)]
        while (count := 2 * count) <= taken // 3:
            found.append(self._learnt_in(count))
        return max(found, key=lambda one: one.fall / (max(one.part, one.wander) or 1.0))

    def _learnt_in(self, count: int) -> Learnt:
        # Whole windows alone: near the ends the smoothed loss has those of a few batches.
        means = _window_means(self.curve.losses[: len(self.losses)], count)
        first = float(means[0])
        wander = _WANDERS * self.noise / math.sqrt(count)
        return Learnt(count, first, first - float(means.min()), LEARNT * abs(first), wander)


def read(curve: Curve, metric: str, sign: int) -> Reading:
    """Smooth a curve and find where it diverged.

    Args:
        metric: of the validation examples, such as `val_accuracy`.
        sign: +1 if a larger value is better, else -1.
    """
    found = divergence(curve.losses, curve.rates, curve.planned)
    end = len(curve.losses) if found is None else max(1, found.step)
    rates = curve.rates[:end]
    values = sign * curve.metrics[metric]
    kept = np.flatnonzero((curve.evaluated <= end) & np.isfinite(values))
    measured = values[kept]
    return Reading(
        curve=curve,
        divergence=found,
        rates=rates,
        losses=smooth(curve.losses[:end], _reach(curve)),
        tested=curve.rates_at_evaluations()[kept],
        measured=centred_mean(centred_mean(measured, 1), 1),
        jumps=batch_noise(measured),
    )


def smith(reading: Reading) -> Pair | None:
    """Where the validation metric starts to improve, and where it stops to."""
    measured, rates = reading.measured, reading.tested
    if len(measured) < 3:
        return None
    best = int(np.argmax(measured))
    gain = float(measured[best] - measured[0])
    if gain <= _NOISES * reading.jumps or gain <= 0:
        return None
    top = int(np.argmax(measured >= measured[0] + _STOPPED * gain))
    below = np.flatnonzero(measured[: top + 1] < measured[0] + _STARTED * gain)
    last = int(below[-1])
    if last + 1 > top:
        return None
    # Between two evaluations, on the logarithmic axis.
    wanted = measured[0] + _STARTED * gain
    part = (wanted - measured[last]) / (measured[last + 1] - measured[last])
    base = float(rates[last] * (rates[last + 1] / rates[last]) ** part)
    return (base, float(rates[top])) if base < rates[top] else None


def quarter(reading: Reading) -> Pair | None:
    """Half of the stability edge, and a quarter of that; None where no edge was seen."""
    return None if reading.edge is None else _with_quarter(reading.edge / 2)


def steepest(reading: Reading) -> Pair | None:
    """Where the smoothed loss falls most for each decade."""
    # Near the ends the windows are narrow, and the noise makes slopes of its own.
    margin = 2 * _reach(reading.curve)
    if len(reading.losses) < 2 * margin + 3:
        return None
    slopes = np.gradient(reading.losses, np.log10(reading.rates))[margin:-margin]
    return _with_quarter(float(reading.rates[margin + int(np.argmin(slopes))]))


def valley(reading: Reading) -> Pair | None:
    """The middle of the longest sequence of falling losses, as fastai has it."""
    places = np.geomspace(reading.rates[0], reading.rates[-1], _POINTS)
    losses = np.interp(np.log(places), np.log(reading.rates), reading.losses)
    longest, before = [1] * _POINTS, [-1] * _POINTS
    for i in range(_POINTS):
        for j in range(i):
            if losses[i] < losses[j] and longest[i] < longest[j] + 1:
                longest[i], before[i] = longest[j] + 1, j
    last = first = int(np.argmax(longest))
    while before[first] >= 0:
        first = before[first]
    return _with_quarter(float(places[(first + last) // 2]))


def minimum(reading: Reading) -> Pair | None:
    """A tenth of the rate where the smoothed loss is lowest."""
    return _with_quarter(float(reading.rates[np.argmin(reading.losses)]) / 10)


RULES: dict[str, Callable[[Reading], Pair | None]] = {
    "smith": smith,
    "quarter": quarter,
    "steepest": steepest,
    "valley": valley,
    "minimum": minimum,
}


def _window_means(losses: Array, count: int) -> Array:
    """The mean of every so many losses that follow one another."""
    sums = np.cumsum(np.append(0.0, losses))
    means: Array = (sums[count:] - sums[:-count]) / count
    return means


def _reach(curve: Curve) -> int:
    return max(1, round(_REACH * curve.planned))


def _with_quarter(max_lr: float) -> Pair:
    return max_lr / _QUARTER, max_lr
