"""Names of lines at the right edge of an axes, moved apart where they would overlap."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes

from clr_sweep.results.style import SMALL

# Room for the lines that lead to labels, as a part of the axes' width.
_LEADER = 0.03


def end_labels(
    ax: Axes, entries: Sequence[tuple[float, str, str]], gap: float = 0.075, x: float = 1.012
) -> None:
    """Names lines at the right edge of an axes, moved apart where they would overlap.

    They stay beside the axes as far as there is room; a thin line leads from each that was moved
    to the end of what it names. Call it when the limits of the y axis are final.

    Args:
        entries: of each line the y value to label, the text and the colour.
        gap: the least distance of two labels, as a part of the axes' height.
        x: where the labels begin, as a part of the axes' width.
    """
    to_axes = ax.transData + ax.transAxes.inverted()
    left = ax.get_xlim()[0]
    wanted = [float(to_axes.transform((left, y))[1]) for y, _, _ in entries]
    order = sorted(range(len(entries)), key=lambda i: wanted[i])
    ends = [min(max(wanted[i], 0), 1) for i in order]
    places = spread(ends, gap)
    if places and places[-1] - places[0] <= 1:
        shift = min(0.0, 1 - places[-1]) + max(0.0, -places[0])
        places = [place + shift for place in places]
    moved = any(abs(place - end) > gap / 2 for place, end in zip(places, ends, strict=True))
    x += _LEADER if moved else 0.0
    for i, end, y in zip(order, ends, places, strict=True):
        if moved:
            ax.plot(
                [1.004, x - 0.006], [end, y], transform=ax.transAxes, color=entries[i][2], lw=0.7,
                clip_on=False, gid="leader",
            )  # fmt: skip
        ax.text(
            x, y, entries[i][1], transform=ax.transAxes, color=entries[i][2], fontsize=SMALL,
            va="center", ha="left", gid="label",
        )  # fmt: skip


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Ascending positions moved as little as needed to lie at least `gap` apart.

    Neighbours that are too close become a block around their mean; blocks that then meet merge.
    """
    blocks: list[list[float]] = []
    for position in positions:
        blocks.append([position])
        while len(blocks) > 1 and _low(blocks[-1], gap) - _high(blocks[-2], gap) < gap - 1e-9:
            last = blocks.pop()
            blocks[-1] += last
    return [float(y) for block in blocks for y in _low(block, gap) + gap * np.arange(len(block))]


def _low(block: Sequence[float], gap: float) -> float:
    return float(np.mean(block)) - gap * (len(block) - 1) / 2


def _high(block: Sequence[float], gap: float) -> float:
    return float(np.mean(block)) + gap * (len(block) - 1) / 2
