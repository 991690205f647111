"""The figures of the search space: each hyperparameter, and the map of both rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from clr_sweep.definition.search_space import SCHEDULE_KEYS
from clr_sweep.results import curves, style, words
from clr_sweep.results.value_scale import ValueScale
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


def ended(study: StudyRecord) -> list[TrialRecord]:
    """The trials that have ended, by number: those that figures draw."""
    return sorted(
        (trial for trial in study.trials if trial.has_ended),
        key=lambda trial: trial.number or 0,
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
        f"{style.name(study)}: {words.metric(study.metric)} over the search space",
        words.counts(study).partition(": ")[0]
        + (f"; ring: best, {best.label}" if best else "; no complete trial yet")
        + ("; dashed: baseline" if baseline is not None else ""),
        height=1.15 + 2.6 * rows,
        legend=True,
    )
    panels = drawn.subplots(rows, columns, sharey=True, squeeze=False).ravel()
    positions: list[float] = []
    for index, (ax, (name, read)) in enumerate(zip(panels, readers.items(), strict=False)):
        label = words.metric(study.metric) if index % columns == 0 else ""
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
        # Golden-ratio jitter by number: spreads marks evenly, and the same at every drawing.
        return names.index(str(value)) + 0.56 * ((trial.number or 0) * 0.618034 % 1 - 0.5)

    return scatter(ax, study, strip, scale)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None


def bounds_figure(study: StudyRecord) -> Figure:
    """The map of the space: every ended cyclical trial at its init_lr and max_lr, by its value.

    The marker tells the policy, hollow where the trial was pruned; diverged and failed trials have
    marks of their own. Lines of equal max_lr / init_lr help to read the map.
    """
    trials = [trial for trial in ended(study) if trial.config.schedule.is_cyclical]
    best = study.best
    if not trials:
        none = "no trial with cycles has ended yet" if ended(study) else "no trial has ended yet"
        return style.empty(f"{style.name(study)}: bounds", none)
    drawn = style.figure(
        f"{style.name(study)}: "
        + (f"{words.metric(study.metric)} over the bounds" if best else "no complete trial yet"),
        f"init_lr and max_lr of {words.plural(len(trials), 'ended trial')}"
        + (" with cycles" if len(trials) < len(ended(study)) else "")
        + (f"; ring: best, {best.label}" if best in trials else ""),
        height=6.2,
        legend=True,
    )
    ax = drawn.add_subplot()
    style.dress(ax, "init_lr", "max_lr", grid="both")
    style.log_rates(ax, "x", [t.config.schedule.init_lr for t in trials])
    style.log_rates(ax, "y", [t.config.schedule.max_lr for t in trials])
    scale = value_scale(study)
    for policy, marker in style.POLICY_MARKERS.items():
        _map_policy(ax, study, policy, marker, scale)
    if best is not None and best in trials:
        schedule = best.config.schedule
        ax.scatter([schedule.init_lr], [schedule.max_lr], s=190, facecolors="none",
                   edgecolors=style.ORANGE, linewidths=2.2, zorder=5, gid="best")  # fmt: skip
    if any(trial.state == "complete" for trial in trials):
        _colourbar(drawn, ax, study, scale)
    _ratio_lines(ax)
    used = {t.config.schedule.policy for t in trials}
    handles = [
        style.handle(style.Mark(marker, 56, style.FAINT, "white"), policy)
        for policy, marker in style.POLICY_MARKERS.items()
        if policy in used
    ]
    other = [t.state for t in trials if t.state != "complete"]
    style.legend(drawn, handles + style.state_handles(other))
    return drawn


def _map_policy(ax: Axes, study: StudyRecord, policy: str, marker: str, scale: ValueScale) -> None:
    chosen = [t for t in ended(study) if t.config.schedule.policy == policy]
    for state, mark in style.STATES.items():
        trials = [t for t in chosen if t.state == state]
        if not trials:
            continue
        x = [t.config.schedule.init_lr for t in trials]
        y = [t.config.schedule.max_lr for t in trials]
        if state == "complete":
            values = np.array([t.value if t.value is not None else np.nan for t in trials])
            ax.scatter(
                x, y, c=values, s=70, marker=marker, vmin=scale.low, vmax=scale.high,
                cmap=style.SEQUENTIAL + ("" if scale.worse_is_low else "_r"),
                edgecolors="white", linewidths=0.8, zorder=4,
                gid=f"complete {policy}",
            )  # fmt: skip
        else:
            own = marker if state == "pruned" else mark.marker
            style.draw_marks(
                ax, list(zip(x, y, strict=True)), mark._replace(marker=own, size=40),
                gid=f"{state} {policy}",
            )  # fmt: skip


def _colourbar(drawn: Figure, ax: Axes, study: StudyRecord, scale: ValueScale) -> None:
    coloured = [c for c in ax.collections if str(c.get_gid()).startswith("complete")]
    values = [t.value for t in study.trials if t.state == "complete" and t.value is not None]
    below, above = min(values) < scale.low, max(values) > scale.high
    extend = {(True, False): "min", (False, True): "max", (True, True): "both"}
    bar = drawn.colorbar(
        coloured[0], ax=ax, pad=0.02, aspect=30, extend=extend.get((below, above), "neither")
    )
    bar.set_label(words.metric(study.metric), fontsize=style.BODY, color=style.INK)
    bar.ax.tick_params(labelsize=style.SMALL, colors=style.FAINT, labelcolor=style.INK)
    bar.outline.set_visible(False)


def _ratio_lines(ax: Axes) -> None:
    if ax.get_xscale() != "log" or ax.get_yscale() != "log":
        return
    (left, right), (low, high) = ax.get_xlim(), ax.get_ylim()
    for ratio in (1, 10, 100, 1000, 10000):
        start, stop = max(left, low / ratio), min(right, high / ratio)
        if math.log(stop / start if stop > start else 1) < 0.25 * math.log(right / left):
            continue
        ax.plot([start, stop], [start * ratio, stop * ratio], color="#D0D0D0", lw=1, zorder=0.5,
                gid="ratio")  # fmt: skip
        at_top = stop < right * 0.999
        ax.annotate(
            f"{ratio:,} x init_lr" if ratio > 1 else "init_lr", (stop, stop * ratio),
            xytext=(0, 3) if at_top else (3, 0), textcoords="offset points",
            ha="center" if at_top else "left", va="bottom" if at_top else "center",
            fontsize=style.SMALL - 1, color=style.FAINT, annotation_clip=False,
        )  # fmt: skip
    ax.set_xlim(left, right)
    ax.set_ylim(low, high)
