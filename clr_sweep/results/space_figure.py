"""The figure of the search space: the trials' values against each hyperparameter."""

from __future__ import annotations

import math
from collections.abc import Callable

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clr_sweep.definition.search_space import SCHEDULE_KEYS
from clr_sweep.results import style, words
from clr_sweep.results.trial_values import ValueScale, baseline_value, ended, scatter, value_scale
from clr_sweep.schedules import policies
from clr_sweep.training.records import StudyRecord, TrialRecord

_COLUMNS = 3
_MOST_PANELS = 12
_RATES = ("init_lr", "max_lr")
_LABELS = {
    "init_lr": "init_lr",
    "max_lr": "max_lr",
    "step_size_factor": "step_size_factor (epochs)",
    "policy": "policy",
    "gamma": "gamma (exp_ranges)",
}


def hyperparameters(study: StudyRecord) -> dict[str, Callable[[TrialRecord], object]]:
    """What the study varied, by name: how to read it from a trial (None where it has none).

    The schedule's four first, of which init_lr and step_size_factor are those of cycles; gamma
    where trials of the exp_ranges differ in it; then the further ones of the search space.
    """

    def cyclical(trial: TrialRecord, name: str) -> object:
        schedule = trial.config.schedule
        return getattr(schedule, name) if schedule.is_cyclical else None

    found: dict[str, Callable[[TrialRecord], object]] = {
        "init_lr": lambda trial: cyclical(trial, "init_lr"),
        "max_lr": lambda trial: trial.config.schedule.max_lr,
        "step_size_factor": lambda trial: cyclical(trial, "step_size_factor"),
        "policy": lambda trial: trial.config.schedule.policy,
    }
    if not any(trial.config.schedule.is_cyclical for trial in ended(study)):
        del found["init_lr"], found["step_size_factor"]

    def gamma(trial: TrialRecord) -> object:
        schedule = trial.config.schedule
        return schedule.gamma if schedule.policy in policies.DECAYING else None

    if len({gamma(trial) for trial in study.trials} - {None}) > 1:
        found["gamma"] = gamma
    for trial in study.trials:
        for name in trial.params:
            if name not in found and name not in SCHEDULE_KEYS:
                found[name] = lambda trial, name=name: trial.params.get(name)  # type: ignore[misc]
    return found


def varied(study: StudyRecord) -> dict[str, Callable[[TrialRecord], object]]:
    """The hyperparameters in which the ended trials differ; all of them where none does."""
    known = hyperparameters(study)
    found = {
        name: read
        for name, read in known.items()
        if len({read(trial) for trial in ended(study)} - {None}) > 1
    }
    return found or known


def space_figure(study: StudyRecord) -> Figure:
    """The value of every ended trial against each hyperparameter, one panel each.

    Learning rates are on logarithmic axes, texts and switches in strips. Marks tell the states;
    what lies far below all complete trials, or has no value, is in a lane of its own.
    """
    readers = dict(list(varied(study).items())[:_MOST_PANELS])
    baseline = baseline_value(study)
    scale = value_scale(study, [] if baseline is None else [baseline])
    columns = 2 if len(readers) in (2, 4) else _COLUMNS
    rows = math.ceil(len(readers) / columns)
    best = study.best
    if not ended(study):
        return style.empty(f"{style.name(study)}: search space", "no trial has ended yet")
    drawn = style.figure(
        f"{style.name(study)}: {words.metric(study.objective)} over the search space",
        words.counts(study).partition(": ")[0]
        + (f"; ring: best, {best.label}" if best else "; no complete trial yet")
        + ("; dashed: baseline" if baseline is not None else ""),
        height=1.15 + 2.6 * rows,
        legend=True,
    )
    panels = drawn.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    positions: list[float] = []
    for index, (ax, (name, read)) in enumerate(zip(panels, readers.items(), strict=False)):
        label = words.in_lines(words.metric(study.objective), 24) if index % columns == 0 else ""
        style.dress(ax, _LABELS.get(name, words.shorten(name, 40)), label)
        positions += _panel(ax, study, name, read, scale, stagger=columns == _COLUMNS)
        if baseline is not None:
            ax.axhline(baseline, color=style.INK, lw=1.1, ls="--", zorder=1, gid="baseline")
    for ax in panels[len(readers) :]:
        ax.set_visible(False)
    for index, ax in enumerate(panels[: len(readers)]):
        scale.apply(ax, positions, label=index == columns - 1)
    style.legend(drawn, style.state_handles([trial.state for trial in ended(study)]))
    return drawn


def _panel(
    ax: Axes, study: StudyRecord, name: str, read: Callable[[TrialRecord], object],
    scale: ValueScale, stagger: bool,
) -> list[float]:  # fmt: skip
    values = [value for trial in ended(study) if (value := read(trial)) is not None]
    numeric = all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in values)
    if numeric:
        numbers = [float(v) for v in values]  # type: ignore[arg-type]
        wide = bool(numbers) and 0 < 30 * min(numbers) < max(numbers)
        if name in _RATES or wide:
            style.log_rates(ax, "x", numbers)
        else:
            ax.xaxis.set_major_locator(
                MaxNLocator(6, integer=all(isinstance(v, int) for v in values))
            )
        style.value_ticks(ax, numbers)
        return scatter(ax, study, lambda t: _number(read(t)), scale)
    names = list(dict.fromkeys(str(v) for v in values))
    names = [p for p in policies.POLICIES if p in names] if name == "policy" else sorted(names)
    # Long names of neighbours stand on two levels, or they would touch; many of them slanted.
    long = stagger and max(map(len, names), default=0) > 8
    slanted = long and len(names) > 4
    low = long and not slanted
    ax.set_xticks(
        range(len(names)),
        ["\n" * (low and i % 2) + words.shorten(n, 16) for i, n in enumerate(names)],
    )
    for label in ax.get_xticklabels() if slanted else ():
        label.set(rotation=30, ha="right", rotation_mode="anchor")
    ax.set_xlim(-0.6, len(names) - 0.4)

    def strip(trial: TrialRecord) -> float | None:
        value = read(trial)
        if value is None:
            return None
        return names.index(str(value)) + 0.56 * style.jitter(trial.number)

    return scatter(ax, study, strip, scale)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
