"""The figure of where trials diverge: the rates that they stood and those that they did not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from clr_sweep.common.counts import plural
from clr_sweep.results import curves, style, words
from clr_sweep.results.trial_values import ended
from clr_sweep.training.records import StudyRecord, TrialRecord

_STATES = ("complete", "pruned", "collapsed", "diverged")
_MARKS = {
    # With a face where style's mark has none, since it tells the policy too.
    "diverged": style.Mark("o", 34, style.VERMILLION, "white"),
    "collapsed": style.Mark("o", 34, style.ORANGE, "white"),
}
# Of the loss at the start: below it something was learnt, above it nothing is left of it.
_LEARNT, _LOST = 0.9, 0.98
_FIRST = 5  # batches that say where the loss started, since a single one may be low by chance
_SOME, _ALL = "#FBE9DC", "#F3C7A6"  # Vermillion in two depths, light enough for marks to stand on


@dataclass(frozen=True)
class Region:
    """What the trials say of rates; None where no trial says anything.

    Attributes:
        stood: the highest rate that a trial used without diverging or collapsing.
        diverged: the lowest rate at which a trial diverged, or the highest that one which
            collapsed had used, if that is lower.
    """

    stood: float | None
    diverged: float | None


def region(study: StudyRecord) -> Region:
    """The rates that trials stood, and at which they diverged.

    A trial that was stopped before its peak has stood only what it used, not its max_lr; one that
    failed says nothing. A rate between two bounds that overlap did harm in some trials alone: the
    rest of a configuration decides too.
    """
    used = [
        rate
        for trial in ended(study)
        if fate(trial) in ("complete", "pruned") and (rate := highest_rate(trial)) is not None
    ]
    lost = [
        rate
        for trial in ended(study)
        if fate(trial) in ("collapsed", "diverged") and (rate := _reached(trial)) is not None
    ]
    return Region(max(used, default=None), min(lost, default=None))


def fate(trial: TrialRecord) -> str:
    """The trial's state, or `collapsed`: its loss is finite, but all that it had learnt is lost.

    A network whose units have died goes back to the loss of guessing and stays there: neither over
    the last epoch nor on the validation examples at its end is it better than at the start. A
    training at high rates may look so in its batches, and has learnt all the same.
    """
    losses = [p.batch_loss for report in trial.reports for p in report.points if p.batch_loss]
    if trial.state not in ("complete", "pruned") or not losses:
        return trial.state
    start = max(losses[0], float(np.median(losses[:_FIRST])))
    last, training = trial.reports[-1].metrics, trial.config.training
    ends = [last.get("loss", 0.0)]
    # Keras weighs the training examples alone: then the two losses cannot be compared.
    if training.class_weight is None and training.sample_weight is None:
        ends.append(last.get("val_loss", np.inf))
    collapsed = min(losses) < _LEARNT * start and min(ends) > _LOST * start
    return "collapsed" if collapsed else trial.state


def highest_rate(trial: TrialRecord) -> float | None:
    """The highest rate that a trial's steps have used, by its schedule; None before the first."""
    done = trial.divergence.step + 1 if trial.divergence else curves.steps_done(trial)
    return float(trial.config.schedule.learning_rate(np.arange(done)).max()) if done else None


def divergence_figure(study: StudyRecord) -> Figure:
    """The map of divergence: every ended trial at the rate that it reached, by state and policy.

    A complete, pruned or collapsed trial stands at the highest rate that it used, a diverged one
    at the rate at which it diverged; a thin line leads from there to its max_lr. The region in
    which trials diverged or collapsed is shaded: lightly from the lowest rate at which one did,
    fully above the highest that any trial stood. The other axis is the step-size factor, or
    init_lr where all trials have one factor.
    """
    trials = [
        (trial, rate)
        for trial in ended(study)
        if fate(trial) in _STATES and (rate := _reached(trial)) is not None
    ]
    if not trials:
        return style.empty(f"{style.name(study)}: divergence", "no trial has used a rate yet")
    found, shown = region(study), [trial for trial, _ in trials]
    drawn = style.figure(
        f"{style.name(study)}: {_finding(shown, found)}", _reading(found), height=5.4, legend=True
    )
    ax = drawn.add_subplot()
    by_factor = len({trial.config.schedule.step_size_factor for trial in shown}) > 1
    label = "step_size_factor (epochs)" if by_factor else "init_lr"
    style.dress(ax, "learning rate reached; the thin lines lead to max_lr", label)
    peaks = [trial.config.schedule.max_lr for trial in shown]
    style.log_rates(ax, "x", [*peaks, *(rate for _, rate in trials)])
    if by_factor:
        style.value_ticks(ax, [trial.config.schedule.step_size_factor for trial in shown], "y")
    else:
        style.log_rates(ax, "y", [trial.config.schedule.init_lr for trial in shown])
    _shade(ax, found)
    for trial, rate in trials:
        _draw(ax, trial, rate, by_factor)
    style.legend(drawn, _handles(shown))
    return drawn


def _finding(trials: list[TrialRecord], found: Region) -> str:
    fates = [fate(trial) for trial in trials]
    all_of_them = plural(len(trials), "trial")
    parts = [f"{fates.count(one)} {one}" for one in ("diverged", "collapsed") if one in fates]
    if not parts:
        stood = "" if found.stood is None else f", up to a rate of {words.rate(found.stood)}"
        return f"none of {all_of_them} diverged{stood}"
    text = f"{' and '.join(parts)} of {all_of_them}"
    if found.diverged is None:
        return text
    lowest = words.rate(found.diverged)
    many = fates.count("diverged") + fates.count("collapsed") > 1
    return f"{text}, {f'at rates from {lowest} up' if many else f'at a rate of {lowest}'}"


def _reading(found: Region) -> str:
    if found.diverged is None:
        return "Dashed: the highest rate that a trial used; none above it was tried"
    if found.stood is None:
        return "Shaded: no trial came through"
    stood = f"the highest rate that a trial stood is {words.rate(found.stood)}"
    if found.stood < found.diverged:
        return f"Shaded: no trial came through; dashed: {stood}; between the two nothing is known"
    return f"Lightly shaded: some trials diverged or collapsed, others did not; dashed: {stood}"


def _shade(ax: Axes, found: Region) -> None:
    left, right = ax.get_xlim()
    if found.diverged is not None:
        stood = found.diverged if found.stood is None else max(found.stood, found.diverged)
        if stood > found.diverged:
            ax.axvspan(found.diverged, stood, color=_SOME, lw=0, zorder=0, gid="some diverged")
        ax.axvspan(stood, max(right, 1.2 * stood), color=_ALL, lw=0, zorder=0, gid="all diverged")
    if found.stood is not None:
        ax.axvline(found.stood, color=style.BLUE, lw=1.2, ls=(0, (4, 3)), zorder=1, gid="stood")
    ax.set_xlim(left, right)


def _reached(trial: TrialRecord) -> float | None:
    return trial.divergence.learning_rate if trial.divergence else highest_rate(trial)


def _draw(ax: Axes, trial: TrialRecord, rate: float, by_factor: bool) -> None:
    schedule, state = trial.config.schedule, fate(trial)
    y = float(schedule.step_size_factor if by_factor else schedule.init_lr)
    if rate < 0.97 * schedule.max_lr:
        colour = _mark(state).face if state in _MARKS else style.FAINT
        ax.plot([rate, schedule.max_lr], [y, y], color=colour, lw=0.8, zorder=2,
                gid=f"tail {state}")  # fmt: skip
    marker = style.POLICY_MARKERS.get(schedule.policy, "D")
    style.draw_marks(ax, [(rate, y)], _mark(state)._replace(marker=marker, size=38), gid=state)


def _mark(state: str) -> style.Mark:
    return _MARKS[state] if state in _MARKS else style.STATES[state]


def _handles(trials: list[TrialRecord]) -> list[Line2D]:
    states = [fate(trial) for trial in trials]
    used = {trial.config.schedule.policy for trial in trials}
    return [
        *(
            style.handle(_mark(state)._replace(marker="o"), f"{states.count(state)} {state}")
            for state in _STATES
            if state in states
        ),
        *style.policy_handles(used),
    ]
