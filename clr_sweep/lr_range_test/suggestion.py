"""From the curves of a range test to a pair of bounds, its spread, and the ranges to search."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.curve_warnings import curve_warnings, pair_warnings
from clr_sweep.lr_range_test.divergence import LEARNT
from clr_sweep.lr_range_test.rules import RULES, Pair, Reading, read

# How far the ranges reach beyond the pair. A cycle ends at its init_lr, where a low rate lets the
# loss settle, so good ones lie well below the rate at which learning starts; max_lr reaches up to
# the stability edge.
BELOW_BASE, BELOW_MAX = 100.0, 3.0
# Up to this rate a training on examples of about size 1 does not diverge at once.
_TIMID = 1e-3


class RangeTestError(ClrSweepError):
    """A range test shows no pair of bounds, or in too few seeds.

    Attributes:
        warnings: what was seen instead.
        picture: of the curves, a `clr_sweep.library.picture.Picture`, where a model in hand was
            tested; else the study's folder has it.
    """

    def __init__(self, text: str, warnings: Sequence[str] = ()) -> None:
        super().__init__(text)
        self.picture: Any = None
        self.warnings = tuple(dict.fromkeys(warnings))

    def of_study(self, name: str) -> RangeTestError:
        """The same of a study's first stage, which is made from what there is to be changed."""
        first = (
            f"Before any change but of range_test.min_seeds: `clr-sweep delete {name}`, which has "
            "trained no trial yet"
        )
        return RangeTestError(f"{self}. {first}", self.warnings)


@dataclass(frozen=True)
class Suggestion:
    """What a range test suggests.

    Attributes:
        rule: by which the pair was read.
        base: the lower bound, the median over the seeds.
        max: the upper bound, the median over the seeds.
        pairs: base and max of each seed that gave them.
        edges: the stability edge of each seed; None where its training did not diverge.
        init_lr: range to search, low and high.
        max_lr: range to search, low and high; it begins where that of init_lr ends, or above.
        warnings: why it may be wrong.
    """

    rule: str
    base: float
    max: float
    pairs: tuple[Pair, ...]
    edges: tuple[float | None, ...]
    init_lr: Pair
    max_lr: Pair
    warnings: tuple[str, ...] = ()


_STORED = TypeAdapter(Suggestion)


def from_json(content: Mapping[str, Any]) -> Suggestion:
    """The suggestion as it is stored: a dictionary of its fields; a tuple is a list there."""
    return _STORED.validate_python(content)


def suggest(
    curves: Sequence[Curve],
    rule: str,
    metric: str,
    sign: int,
    *,
    needed: int = 1,
    of_sweep: bool = True,
) -> Suggestion:
    """Read the pair of each seed, and the ranges that follow from all that show one.

    With base and max the medians, and the lowest and highest of these seeds as stated:

        max_lr   from the lowest max / 3 to the stability edge (median), or the highest max
        init_lr  from the lowest base / 100 to the highest base, but not into max_lr's range

    all rounded outwards to two digits. A seed whose loss hardly falls is left out, whatever its
    metric seems to say.

    Args:
        rule: one of `RULES`.
        metric: of the validation examples, such as `val_accuracy`.
        sign: +1 if a larger value is better, else -1.
        needed: seeds that have to show a pair.
        of_sweep: of a sweep, whose keys the messages name; else of a call with arguments.

    Raises:
        RangeTestError: fewer seeds show a pair than have to.
    """
    readings = [read(curve, metric, sign) for curve in curves]
    found = [RULES[rule](reading) if reading.has_learnt else None for reading in readings]
    pairs = tuple(pair for pair in found if pair is not None)
    left_out = [
        f"seed {number} is left out: {_why_none(reading, rule, metric)}"
        for number, (reading, pair) in enumerate(zip(readings, found, strict=True), 1)
        if pair is None
    ]
    place = "range_test." if of_sweep else ""
    warnings = [*left_out, *curve_warnings(readings, place)]
    scale = list(dict.fromkeys(text for curve in curves for text in curve.scale))
    if len(pairs) < max(1, needed):
        at_once = all(map(_diverges_at_once, readings))
        why = "; ".join(dict.fromkeys(warnings if at_once else [*warnings, *scale]))
        if at_once:
            why += f". {_cure_at_once(float(readings[0].curve.rates[0]), place, scale)}"
        elif not any(reading.has_learnt for reading in readings):
            why += _cure_nothing_learnt(readings, place, of_sweep)
        else:
            why += f". {_cure(len(pairs), of_sweep)}"
        warnings += scale
        raise RangeTestError(f"{_refusal(rule, len(pairs), len(found), needed)}: {why}", warnings)
    good = [reading for reading, pair in zip(readings, found, strict=True) if pair is not None]
    bases, tops = zip(*pairs, strict=True)
    warnings += [*pair_warnings(good, pairs, rule, place), *scale]
    edges = [reading.edge for reading in good if reading.edge is not None]
    edge = _middle(edges or [reading.limit for reading in good])
    lowest = _floor(min(tops) / BELOW_MAX)
    highest = max(_ceil(edge), _ceil(max(tops)))
    return Suggestion(
        rule=rule,
        base=_middle(bases),
        max=_middle(tops),
        pairs=pairs,
        edges=tuple(reading.edge for reading in readings),
        init_lr=(_floor(min(bases) / BELOW_BASE), min(_ceil(max(bases)), lowest)),
        max_lr=(lowest, highest),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _why_none(reading: Reading, rule: str, metric: str) -> str:
    if not reading.has_learnt:
        return _why_nothing_learnt(reading)
    if rule == "quarter":
        return f"no stability edge was seen up to {reading.curve.rates[-1]:.3g}"
    if rule == "smith":
        why = f"its {metric} does not improve by more than it jumps"
        if reading.edge is None:
            return why
        return f"{why}; it has a stability edge, at {reading.edge:.3g}: the rule quarter reads that"
    return f"the rule {rule} finds nothing in its loss"


def _why_nothing_learnt(reading: Reading) -> str:
    if not reading.began:
        return (
            "its loss is not finite in the first step already, before any update: the model, its "
            "loss or the data make it so, and no rate does"
        )
    found = reading.learnt
    if _diverges_at_once(reading):
        steps = len(reading.losses)
        first = f"its first {steps} steps, at rates up to" if steps > 1 else "its first step, at"
        return f"it diverges within {first} {reading.rates[-1]:.3g}, before it has learnt anything"
    until = "up to the rate" if reading.divergence is None else "before it diverges at"
    measured = (
        f"its mean loss of {found.window} steps falls by {max(found.fall, 0.0):.3g} from "
        f"{found.first:.4g} {until} {reading.rates[-1]:.3g}"
    )
    if found.fall <= found.part:
        return f"{measured}, which is less than {LEARNT:.0%} of it"
    return f"{measured}, which is no more than batches differ by chance ({found.wander:.3g})"


def _diverges_at_once(reading: Reading) -> bool:
    """Whether it diverged before there were steps enough to tell whether it learns."""
    return (
        reading.began
        and reading.divergence is not None
        and len(reading.losses) <= reading.learnt.window
    )


def _refusal(rule: str, good: int, of: int, needed: int) -> str:
    """That too few seeds are no bounds."""
    if not good:
        return f"the range test shows no bounds by the rule {rule}"
    return f"only {good} of {of} seeds show bounds by the rule {rule}, and {needed} have to"


def _cure(good: int, of_sweep: bool) -> str:
    """What can be done where some seeds trained, but too few show bounds."""
    settings = "low, high, epochs, seeds, rule" if good else "low, high, epochs, rule"
    cure = f"Change {settings}"
    if of_sweep:
        cure = f"{_OWN_RATES}, or change range_test ({settings})"
    if not good:
        return cure
    place = "range_test.min_seeds: " if of_sweep else "min_seeds="
    return f"{cure}, or take the bounds of {good} with {place}{good}"


_OWN_RATES = (
    "Give init_lr and max_lr in search_space, in the place of a `from: range_test` that is there"
)


def _cure_nothing_learnt(readings: Sequence[Reading], place: str, of_sweep: bool) -> str:
    """What can be done where no seed learnt anything: another rule would read nothing else.

    Args:
        place, of_sweep: as for `_cure_at_once` and `suggest`.
    """
    if not any(reading.began for reading in readings):
        return ""  # why not is said, and that no setting helps
    all_diverge = all(reading.divergence is not None for reading in readings)
    high = "" if all_diverge else f"a higher {place}high, "
    optimizer = "training.optimizer" if of_sweep else "optimizer"
    other = f". {_OWN_RATES}, where you know them" if of_sweep else ""
    return (
        f". No rule reads bounds where nothing is learnt. What may help: {high}more {place}epochs; "
        f"another {optimizer}, such as adam, which moves weights that plain sgd leaves where they "
        f"are{other}"
    )


def _cure_at_once(low: float, place: str, scale: Sequence[str]) -> str:
    """What can be done where every seed diverges at once: no setting but `low` would help.

    Args:
        low: the lowest rate of the test.
        place: where its settings stand.
        scale: what is wrong with the size of examples and labels.
    """
    lower = f"{place}low below {low:.3g} would begin under the edge"
    if low > _TIMID:
        return ". And: ".join([f"Every seed diverges at once: a {lower}", *scale])
    causes = ". And: ".join(scale) or (
        "the scale of the examples, or that of the labels: standardise them"
    )
    return (
        f"Every seed diverges at once, at rates as low as {low:.3g}. The likely cause: {causes}. "
        f"Without that cause, a {lower}"
    )


def _middle(values: Sequence[float]) -> float:
    """The median; of an even number the geometric mean of the two in the middle."""
    ordered, half = sorted(values), len(values) // 2
    return ordered[half] if len(ordered) % 2 else math.sqrt(ordered[half - 1] * ordered[half])


def _floor(value: float) -> float:
    return _rounded(value, math.floor)


def _ceil(value: float) -> float:
    return _rounded(value, math.ceil)


def _rounded(value: float, how: Any) -> float:
    """Two significant digits."""
    size = 10.0 ** (math.floor(math.log10(value)) - 1)
    # What is a whole number but for one rounding error is that number.
    near = round(value / size)
    whole = near if abs(value / size - near) < 1e-9 else how(value / size)
    return float(f"{whole * size:.2g}")
