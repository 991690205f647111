"""Where a training diverges while its rate rises, and where it began to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clr_sweep.lr_range_test.smoothing import Array, batch_noise, centred_median

# Of the planned steps, and in steps at most: the neighbours of a median that sees a divergence.
_REACH, _LONGEST = 0.005, 25
# What has lost so much of its fall has lost what it learnt: a classifier that is dead goes back to
# the loss of guessing, no further. Less than that a momentum's overshoot takes away at low rates,
# and its noise, which grows with the rate, well below the edge.
_LOST = 0.9
# Where the loss fell by less than this part of the first one, nothing was learnt that could be
# lost: there it has to be so many times the first one.
LEARNT, _TIMES = 0.02, 2.0
# No rise within the batches' noise is one, and no fall.
_NOISES = 4.0
# A divergence is steep: within a few hundredths of a decade the loss rises by so many times as much
# as it went up and down at the rates before, from a third of this one on. The noise of a momentum
# grows with the rate, and has waves of its own, but neither is as steep. At least a third of what
# has to be lost: a loss that has been flat is not steep by its last digit.
_GROWTH, _WITHIN, _BACK = 4.0, 1.15, 3.0
# Of the planned steps: half of it stays lost for so long, where waves of the noise come back. A
# spike from which the training recovers later is a divergence all the same.
_STAYS = 0.02
# Beyond its edge the loss of a quadratic rises faster than any power of the rate; up to 0.9 of the
# edge noise alone lets it rise no faster than this one.
_POWER = 8.0


@dataclass(frozen=True)
class Divergence:
    """Where a curve ends to mean something.

    Attributes:
        step: the first one at which the training has diverged.
        edge: the step, at or before it, at which the loss began to rise steeply: the stability
            edge.
    """

    step: int
    edge: int


def divergence(losses: Array, rates: Array, planned: int) -> Divergence | None:
    """Where a training diverges, or None where it does not.

    It has diverged where a loss is not finite, or where the centred median of the losses has
    risen steeply, to where nine tenths of its fall are lost again, and does not come back at
    once. Where nothing was learnt, there is nothing to lose: the loss has to be twice the first.

    From there back to the edge: as long as the median rises faster than the 8th power of the
    rate. How often it is found, with momentum and without: `docs/range-test.md`.

    Args:
        losses: of each step's batch, shape (steps,).
        rates: of each step, ascending, shape (steps,).
        planned: steps of the whole ramp.
    """
    bad = np.flatnonzero(~np.isfinite(losses))
    end = int(bad[0]) if bad.size else len(losses)
    reach = max(2, min(_LONGEST, round(_REACH * planned)))
    if end <= 2 * reach:
        return Divergence(end, end) if bad.size else None
    level = centred_median(losses[:end], reach)
    step = _first_lost(level, losses[:end], rates[:end], planned, reach)
    if step is None:
        if not bad.size:
            return None
        step = end
    return Divergence(step, _edge(level, rates, min(step, end - 1), max(2, round(0.01 * planned))))


def _first_lost(level: Array, losses: Array, rates: Array, planned: int, reach: int) -> int | None:
    start = float(np.median(losses[: 2 * reach + 1]))
    noise = batch_noise(losses[: max(10, planned // 20)])
    lowest = np.minimum.accumulate(level)
    fall = start - lowest
    learnt = fall > max(LEARNT * abs(start), _NOISES * noise)
    lost = np.where(learnt, lowest + np.maximum(_LOST * fall, _NOISES * noise),
                    start + np.maximum((_TIMES - 1) * abs(start), _NOISES * noise))  # fmt: skip
    rise = level - lowest
    lower, upper = _before(rise, rates)
    steep = rise - upper >= np.maximum(_GROWTH * (upper - lower), (lost - lowest) / 3)
    stays = _lowest_ahead(level, max(1, round(_STAYS * planned))) > (lost + lowest) / 2
    over = np.flatnonzero((level > lost) & steep & stays)
    return int(over[0]) if over.size else None


def _before(rise: Array, rates: Array) -> tuple[Array, Array]:
    """The lowest and the highest at lower rates, from a third of each one to a little below it."""
    first = np.searchsorted(rates, rates / _BACK)
    last = np.searchsorted(rates, rates / _WITHIN, side="right")
    pairs = np.column_stack([first, np.maximum(last, first + 1)]).ravel()
    padded = np.append(rise, rise[-1:])
    return np.minimum.reduceat(padded, pairs)[::2], np.maximum.reduceat(padded, pairs)[::2]


def _lowest_ahead(level: Array, count: int) -> Array:
    """The lowest of each value and the `count` that follow, as far as there are any."""
    padded = np.concatenate([level, np.full(count, np.inf)])
    windows = np.lib.stride_tricks.sliding_window_view(padded, count + 1)
    lowest: Array = windows.min(axis=1)
    return lowest


def _edge(level: Array, rates: Array, step: int, back: int) -> int:
    # A loss of zero has no logarithm, and next to the first one it is zero.
    heights = np.log(np.maximum(level, 1e-15 * max(level[0], 1e-15)))
    places = np.log(rates[: len(level)])
    while step > back:
        slope = (heights[step] - heights[step - back]) / (places[step] - places[step - back])
        if slope <= _POWER:
            break
        step -= 1
    return step
