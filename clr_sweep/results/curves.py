"""What a stored trial's curves are on an axis of epochs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from clr_sweep.definition import metrics
from clr_sweep.schedules.cycles import troughs
from clr_sweep.training.records import TrialRecord

Array = npt.NDArray[np.float64]


def steps_per_epoch(record: TrialRecord) -> float:
    """Optimizer steps in a full epoch of a trial.

    Taken from its first report where a second proves that the first epoch was not cut short, else
    from its schedule or its budget.
    """
    config = record.config
    if len(record.reports) > 1:
        return float(record.reports[0].step)
    if config.schedule.step_size and config.schedule.step_size_factor:
        return float(max(1, round(config.schedule.step_size / config.schedule.step_size_factor)))
    return config.steps / config.training.epochs


def planned_epochs(record: TrialRecord) -> float:
    """The epochs that the configuration's steps are, a part of one at the end included."""
    return record.config.steps / steps_per_epoch(record)


def epochs_done(record: TrialRecord) -> float:
    """The epochs trained so far, a part of one at the end included; 0 before the first report.

    A complete trial whose reports are not at hand counts as planned.
    """
    return steps_done(record) / steps_per_epoch(record)


def steps_done(record: TrialRecord) -> int:
    """The optimizer steps trained so far; see `epochs_done`."""
    if record.reports:
        return record.reports[-1].step
    return record.config.steps if record.state == "complete" else 0


def measured(record: TrialRecord) -> list[str]:
    """What a trial measures, without `val_`: its objective first, then as its sweep names them.

    The loss is the last of those, before what the model measures by itself.
    """
    config, found = record.config, [*record.metrics, *record.test_metrics]
    found += record.reports[-1].metrics if record.reports else []
    named = [*config.training.measured, "loss"]
    return list(dict.fromkeys(map(metrics.base, [config.objective.metric, *named, *sorted(found)])))


def metric_curve(record: TrialRecord, name: str) -> tuple[Array, Array]:
    """A metric at the end of each epoch.

    Returns:
        Epochs and values, one of each per report; NaN where a report lacks the metric. Both are
        empty if no report has it.
    """
    per_epoch = steps_per_epoch(record)
    x = np.array([report.step / per_epoch for report in record.reports], dtype=np.float64)
    y = np.array([report.metrics.get(name, np.nan) for report in record.reports], dtype=np.float64)
    return (x, y) if np.isfinite(y).any() else (x[:0], y[:0])


def rate_curve(record: TrialRecord) -> tuple[Array, Array]:
    """The learning rate of the steps that a trial's reports keep.

    Returns:
        Epochs (steps done before the update / steps per epoch) and rates. Reports without points
        give the schedule's own rates at up to 2000 steps instead.
    """
    points = [point for report in record.reports for point in report.points]
    steps = np.array([point.step for point in points], dtype=np.float64)
    rates = np.array([point.learning_rate for point in points], dtype=np.float64)
    if not points and record.reports:
        steps = np.unique(np.linspace(0, record.reports[-1].step - 1, 2000).round())
        rates = planned_rates(record, steps)
    return steps / steps_per_epoch(record), rates


def planned_rates(record: TrialRecord, steps: Array) -> Array:
    """The rates that the configuration's schedule has at `steps` (1-d, counted from 0)."""
    return np.asarray(record.config.schedule.learning_rate(steps), dtype=np.float64)


def trough_steps(record: TrialRecord, steps: int) -> list[int]:
    """The optimizer steps in (0, steps] at which a cycle has ended; none without cycles."""
    size = record.config.schedule.step_size
    return troughs(steps, size) if size else []


def trough_epochs(record: TrialRecord) -> list[float]:
    """The ends of whole cycles reached so far, in epochs."""
    if not record.reports:
        return []
    per_epoch = steps_per_epoch(record)
    return [step / per_epoch for step in trough_steps(record, record.reports[-1].step)]


def shown_value(record: TrialRecord, name: str) -> float | None:
    """The value of a complete trial; of any other the last metric it reported, if there is one."""
    if record.state == "complete" and record.value is not None:
        return record.value
    for report in reversed(record.reports):
        if name in report.metrics:
            return report.metrics[name]
    return record.metrics.get(name)


def thin(x: Array, y: Array, bins: int = 1200) -> tuple[Array, Array]:
    """Fewer points that draw the same line: of each bin its first, lowest, highest and last.

    (The M4 aggregation of Jugel et al., VLDB 2014, DOI 10.14778/2732951.2732953, over equal
    numbers of points.) Peaks, troughs and both ends stay exactly where they are. NaN is kept only
    where a whole bin holds nothing else.

    Args:
        x: shape (n,), ascending.
        y: shape (n,).
        bins: bins in all, about the pixels the line is drawn on.

    Returns:
        x and y of at most 4 * bins points; both as given if they are no more than that.
    """
    if len(x) <= 4 * bins:
        return x, y
    kept: list[int] = []
    for part in np.array_split(np.arange(len(x)), bins):
        chosen = {int(part[0]), int(part[-1])}
        values = y[part]
        if np.isfinite(values).any():
            chosen |= {int(part[np.nanargmin(values)]), int(part[np.nanargmax(values)])}
            chosen = {i for i in chosen if np.isfinite(y[i])}
        kept.extend(sorted(chosen))
    return x[kept], y[kept]


def smooth(x: Array, y: Array, bins: int = 150) -> tuple[Array, Array]:
    """Means over equal numbers of neighbouring points, each at the mean of its steps.

    A centred mean: it does not lag behind the curve as an exponential average would.

    Returns:
        x and y of at most `bins` points; bins without a finite value are left out.
    """
    pairs = [
        (x[part].mean(), np.nanmean(y[part]))
        for part in np.array_split(np.arange(len(x)), min(bins, len(x)) or 1)
        if len(part) and np.isfinite(y[part]).any()
    ]
    means = np.array(pairs, dtype=np.float64).reshape(-1, 2)
    return means[:, 0], means[:, 1]
