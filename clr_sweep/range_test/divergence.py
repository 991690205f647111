"""Where a training diverges while its rate rises, and where it began to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clr_sweep.range_test.smoothing import batch_noise, centred_median

Array = npt.NDArray[np.float64]

# Of the planned steps, and in steps at most: the neighbours of a median that sees a divergence.
_REACH, _LONGEST = 0.005, 25
# A loss this many times the lowest has diverged ...
_MULTIPLE = 10.0
# ... but it has to have lost a tenth of the fall again, and with nine tenths of it nothing is left
# of what was learnt: a classifier that is dead goes back to the loss of guessing, no further.
_LEAST, _MOST = 0.1, 0.9
# No rise within the batches' noise is one.
_NOISES = 4.0
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

    It has diverged where a loss is not finite, or where the centred median of the losses exceeds
    the lowest one so far by nine times that (but at least by a tenth of the fall from the start
    to there, and no more than nine tenths of it). The initial loss alone decides nothing.

    From there back to the edge: as long as the median rises faster than the 8th power of the
    rate. A quadratic with curvature c, edge 2/c, is found within 20% on ramps with 200 steps a
    decade or more (`tests/range_test/test_divergence.py`).

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
    step = _first_over(level, losses[:end], planned, reach)
    if step is None:
        if not bad.size:
            return None
        step = end
    return Divergence(step, _edge(level, rates, min(step, end - 1), max(2, round(0.01 * planned))))


def _first_over(level: Array, losses: Array, planned: int, reach: int) -> int | None:
    lowest = np.minimum.accumulate(level)
    fall = np.maximum(np.median(losses[: 2 * reach + 1]) - lowest, 0.0)
    noise = batch_noise(losses[: max(10, planned // 20)])
    rise = np.clip((_MULTIPLE - 1) * lowest, _LEAST * fall, _MOST * fall)
    over = np.flatnonzero(level > lowest + np.maximum(rise, _NOISES * noise))
    return int(over[0]) if over.size else None


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
