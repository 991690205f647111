"""Which epochs of a trial may be held against one another: those that end at its troughs.

A model is at its worst near the peak of the rate and at its best in the trough, so an epoch is the
best, or no better than earlier ones, among the troughs alone. A trial's metrics are known at the
ends of epochs, so the end that lies nearest stands for a trough that lies within an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from clr_sweep.schedules import cycles


def trough_epochs(step_size: int, steps: int, steps_per_epoch: int) -> tuple[int, ...]:
    """The epochs, counted from 1, at whose ends a trial stands at a trough.

    Of the two ends around a trough within an epoch the nearer one counts, at equal distance the
    later. Cycles that share an epoch's end have one trough there.

    Args:
        step_size: half a cycle in optimizer steps; 0 for a policy without cycles.
        steps: optimizer steps of the trial in all; its last epoch ends with them.
        steps_per_epoch: of a whole epoch.

    Returns:
        Epochs in ascending order; none without cycles, or where not one is whole.
    """
    if not step_size:
        return ()
    last = math.ceil(steps / steps_per_epoch)

    def nearest(trough: int) -> int:
        after = math.ceil(trough / steps_per_epoch)
        before = after - 1
        end = min(after * steps_per_epoch, steps)
        nearer = trough - before * steps_per_epoch < end - trough
        return min(max(1, before if nearer else after), last)

    ends = (nearest(trough) for trough in cycles.troughs(steps, step_size))
    return tuple(dict.fromkeys(ends))


def stalled(values: Sequence[float], patience: int, min_delta: float) -> bool:
    """Whether the last `patience` troughs brought nothing over the best trough before them.

    Args:
        values: the metric at the troughs so far, in their order; larger is better.
        patience: troughs without an improvement, at least 1.
        min_delta: a gain of no more than this is no improvement, at least 0.
    """
    if len(values) <= patience:
        return False
    return max(values[-patience:]) <= max(values[:-patience]) + min_delta
