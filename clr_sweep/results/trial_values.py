"""The values of a study's trials as figures draw them: which ones, on which axis, as what mark."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from clr_sweep.definition.metrics import sign_of
from clr_sweep.results import curves, style
from clr_sweep.results.line_labels import end_labels
from clr_sweep.training.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class ValueScale:
    """A y axis for the values of trials, with a lane for those that would squeeze all others.

    A pruned or diverged trial's value can lie far from the others', or be missing: it is drawn in
    a lane at the worse end of the axis, and the lane says what it holds.

    Attributes:
        low, high: the limits of the values drawn to scale.
        worse_is_low: whether larger is better.
    """

    low: float
    high: float
    worse_is_low: bool

    @classmethod
    def of(
        cls, good: Sequence[float], others: Sequence[float], direction: str, show: Sequence[float]
    ) -> ValueScale:
        """The scale for the values of complete trials and of others.

        Args:
            good: values of complete trials.
            others: last values of other trials, shown to scale where they are not far off.
            direction: maximize or minimize.
            show: values that must be drawn to scale, such as the baseline's.
        """
        sign = sign_of(direction)
        # A few values say little of how far the usual ones spread: then all of them count.
        base = [sign * v for v in (good if len(good) > 3 else (*good, *others)) if np.isfinite(v)]
        everything = [sign * v for v in (*good, *others) if np.isfinite(v)]
        must = [sign * v for v in show if np.isfinite(v)]
        if not base and not must:
            return cls(0.0, 1.0, sign > 0)
        base = base or must
        best = max([*base, *must])
        reach = max(5 * (best - float(np.median(base))), 0.08 * abs(best), 1e-6)
        shown = [v for v in everything if v >= best - reach] + must
        worst, top = min(shown), max([*shown, best])
        # Not so near that differences of no interest fill the axis.
        worst = min(worst, top - (0.02 * abs(top) or 0.5))
        room = 0.08 * (top - worst)
        low, high = sorted((sign * (worst - room), sign * (top + room)))
        return cls(low, high, sign > 0)

    @property
    def lane(self) -> float:
        """The y position of what is not drawn to scale."""
        room = 0.07 * (self.high - self.low)
        return self.low - room if self.worse_is_low else self.high + room

    @property
    def lane_label(self) -> str:
        """What the lane holds."""
        side, limit = ("below", self.low) if self.worse_is_low else ("above", self.high)
        return f"no value,\nor {side} {limit:.3g}"

    def place(self, value: float | None) -> float:
        """Where a value is drawn."""
        inside = value is not None and np.isfinite(value) and self.low <= value <= self.high
        return float(value) if inside and value is not None else self.lane

    def apply(self, ax: Axes, drawn: Sequence[float], label: bool = True) -> None:
        """Sets the axis's limits; shades and names the lane if something was drawn in it."""
        if self.lane not in drawn:
            ax.set_ylim(self.low, self.high)
            return
        inner = self.low if self.worse_is_low else self.high
        outer = 2 * self.lane - inner
        ax.set_ylim(*sorted((outer, self.high if self.worse_is_low else self.low)))
        ax.axhspan(*sorted((inner, outer)), color=style.LANE, zorder=0, linewidth=0)
        ticks = [t for t in ax.get_yticks() if self.low <= t <= self.high]
        ax.set_yticks(ticks)
        if label:
            end_labels(ax, [(self.lane, self.lane_label, style.MUTED)])


def ended(study: StudyRecord) -> list[TrialRecord]:
    """The trials that have ended, by number: those that figures draw."""
    return sorted(
        (trial for trial in study.trials if trial.has_ended), key=lambda trial: trial.number or 0
    )


def value_scale(study: StudyRecord, show: Sequence[float] = ()) -> ValueScale:
    """The y axis of the study's values; `show` holds further values to draw to scale."""
    trials = ended(study)
    values = {
        done: [
            value
            for trial in trials
            if (trial.state == "complete") is done
            and (value := curves.shown_value(trial, study.metric)) is not None
        ]
        for done in (True, False)
    }
    return ValueScale.of(values[True], values[False], study.direction, show)


def baseline_value(study: StudyRecord) -> float | None:
    """The metric of a baseline that is complete, else None."""
    if study.baseline is None or study.baseline.state != "complete":
        return None
    return curves.shown_value(study.baseline, study.metric)


def scatter(
    ax: Axes, study: StudyRecord, x_of: Callable[[TrialRecord], float | None],
    scale: ValueScale,
) -> list[float]:  # fmt: skip
    """Draws every ended trial that has an x, by state, the best one ringed.

    Returns:
        The y positions drawn.
    """
    drawn: list[float] = []
    for state, mark in style.STATES.items():
        marks = [
            (x, scale.place(curves.shown_value(trial, study.metric)))
            for trial in ended(study)
            if trial.state == state and (x := x_of(trial)) is not None
        ]
        if marks:
            style.draw_marks(ax, marks, mark, gid=state)
            drawn += [y for _, y in marks]
    best = study.best
    if best is not None and best.value is not None and (x := x_of(best)) is not None:
        ax.scatter([x], [scale.place(best.value)], s=110, facecolors="none",
                   edgecolors=style.ORANGE, linewidths=2, zorder=5, gid="best")  # fmt: skip
    return drawn
