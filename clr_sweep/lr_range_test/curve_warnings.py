"""What speaks against a range test, seen in its curves and in the pairs that were read off them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from clr_sweep.lr_range_test.rules import Pair, Reading

# With fewer steps a decade an edge was found up to 40% off.
_FEW_STEPS = 100
# Seeds that are this far apart tell little.
_FAR_APART = 4.0
# Of recorded tests with SGD a sound max lies up to 1.3 decades below the edge, one that was read
# off moving averages while they settled 2.5 and more.
_DECADES = 1.5
# There the loss had fallen by 0.6 of its whole fall at most, at a sound max by 0.89 at least. With
# Adam, whose edge lies far above all good rates, this alone tells.
_FALLEN = 0.75


def curve_warnings(readings: Sequence[Reading], place: str) -> Iterator[str]:
    """What the curves say against the test: its range too narrow, its noise too large.

    Args:
        place: where its settings stand.
    """
    for reading in readings:
        if not reading.has_learnt:
            continue  # it is left out: where its edge lies does not matter
        rates, losses = reading.rates, reading.losses
        edge = reading.edge
        below = (reading.curve.rates > (edge or 0) / 10) & (reading.curve.rates <= (edge or 0))
        if edge is not None and below.sum() < _FEW_STEPS:
            yield (
                f"fewer than {_FEW_STEPS} steps lie in the decade below the stability edge, too "
                f"few to place it well: more {place}epochs would do"
            )
        if reading.fall < 2 * reading.noise:
            yield (
                "the loss falls by less than twice the noise of its batches: more epochs, or a "
                "larger batch size, would show more"
            )
            continue
        if reading.falls_at_once:
            yield (
                f"the loss changes at the lowest rate already ({rates[0]:.3g}): a lower "
                f"{place}low would show where learning starts"
            )
        lowest = int(np.argmin(losses))
        if reading.divergence is None and rates[lowest] > rates[-1] / 2:
            yield (
                f"the loss is still falling at the highest rate ({rates[-1]:.3g}): a higher "
                f"{place}high would show where it stops"
            )
        elif reading.divergence is None and losses[-1] < losses[lowest] + 0.1 * reading.fall:
            yield (
                f"the training neither diverges nor gets worse up to the highest rate "
                f"({rates[-1]:.3g}): a higher {place}high would show its edge"
            )


def pair_warnings(
    readings: Sequence[Reading], pairs: Sequence[Pair], rule: str, place: str
) -> Iterator[str]:
    """What the pairs say against the suggestion: seeds that disagree, a metric read too early.

    Args:
        readings: of the seeds that gave the pairs.
        place: where the settings of the test stand.
    """
    tops = [top for _, top in pairs]
    if max(tops) > _FAR_APART * min(tops):
        yield (
            f"the seeds disagree: max_lr from {min(tops):.3g} to {max(tops):.3g}; more seeds or "
            "more epochs would tell more"
        )
    if rule == "smith":
        yield from _read_too_early(readings, tops, place)


def _read_too_early(
    readings: Sequence[Reading], tops: Sequence[float], place: str
) -> Iterator[str]:
    """That the metric has gained all that it gains long before the training loss falls."""
    early = [
        (top, reading.edge)
        for reading, top in zip(readings, tops, strict=True)
        if reading.edge is not None and _is_early(reading, top, reading.edge)
    ]
    if not early:
        return
    found, edges = zip(*early, strict=True)
    decades = max(math.log10(edge / top) for top, edge in early)
    seeds = f" ({len(early)} of {len(tops)} seeds)" if len(tops) > 1 else ""
    yield (
        f"the rule smith puts max at {_spread(found)}, up to {decades:.1f} decades below the "
        f"stability edge at {_spread(edges)}{seeds}, where the training loss has hardly fallen: "
        "the metric of held-out examples gains there without learning, as it does while the moving "
        f"averages of batch normalisation settle; the rule quarter ({place}rule) reads the edge"
    )


def _is_early(reading: Reading, top: float, edge: float) -> bool:
    if math.log10(edge / top) < _DECADES:
        return False
    fallen = reading.start - float(reading.losses[reading.rates <= top].min())
    return fallen < _FALLEN * reading.fall


def _spread(values: Sequence[float]) -> str:
    low, high = f"{min(values):.3g}", f"{max(values):.3g}"
    return low if low == high else f"{low} to {high}"
