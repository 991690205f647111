"""Smoothing without a lag: every window is centred on its step.

An exponential moving average, which other range tests use, shows what was, not what is: on the
usual ramps its curve stands one to three decades to the right of the losses. Here a window takes
as many steps before as after, and near the ends, where one side has fewer, fewer of both.

Windows are counted in steps. So they are symmetric on the axis of the ramp: in log(rate) on an
exponential one, in the rate on a linear one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def centred_mean(values: Array, reach: int) -> Array:
    """The mean of each value and up to `reach` neighbours on either side, as many on both.

    A straight line comes out as it was, ends included.

    Args:
        values: finite, shape (n,).
        reach: neighbours, >= 0.
    """
    index = np.arange(len(values))
    half = np.minimum(reach, np.minimum(index, index[::-1]))
    sums = np.concatenate([[0.0], np.cumsum(values)])
    mean: Array = (sums[index + half + 1] - sums[index - half]) / (2 * half + 1)
    return mean


def smooth(values: Array, reach: int) -> Array:
    """The centred mean of centred means: a window that fades towards its ends.

    Args:
        values: finite, shape (n,).
        reach: of both means; the whole window has twice that many neighbours on either side.
    """
    return centred_mean(centred_mean(values, reach), reach)


def centred_median(values: Array, reach: int) -> Array:
    """As `centred_mean`, with the median, which a few wild batches do not move."""
    n = len(values)
    middle = np.array(values, dtype=np.float64)
    for half in range(1, min(reach, (n - 1) // 2) + 1):
        # The windows that are cut short by an end; those of full reach follow below.
        middle[half] = np.median(values[: 2 * half + 1])
        middle[n - 1 - half] = np.median(values[n - 1 - 2 * half :])
    if n > 2 * reach:
        windows = np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1)
        middle[reach : n - reach] = np.median(windows, axis=1)
    return middle


def batch_noise(values: Array) -> float:
    """The spread (standard deviation) of values around their trend, from their neighbours."""
    if len(values) < 3:
        return 0.0
    steps = np.abs(np.diff(values))
    return float(np.median(steps) / 0.6745 / np.sqrt(2.0))
