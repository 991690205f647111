"""The search: its history, what mattered, where it looked, and what ended early and why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from clr_sweep.common.durations import duration
from clr_sweep.results import curves, words
from clr_sweep.results.bounds_figure import bounds_figure
from clr_sweep.results.divergence_figure import divergence_figure
from clr_sweep.results.html.views import NOTHING, Section, Table, whole
from clr_sweep.results.importance_figure import importance_figure
from clr_sweep.results.space_figure import space_figure
from clr_sweep.results.study_figures import history_figure
from clr_sweep.results.trial_values import ended
from clr_sweep.training.records import Importance, StudyRecord, TrialRecord

TOP = 10


def search_section(study: StudyRecord, importances: Mapping[str, Importance]) -> Section:
    """What the search did, in figures, and the best that it found."""
    title = "The search"
    if not study.ended:
        return Section("search", title, (f"{words.counts(study, study.planned)}.",))
    figures = [history_figure(study)]
    if importances:
        figures.append(importance_figure(study, importances))
    figures.append(space_figure(study))
    if any(trial.config.schedule.is_cyclical for trial in ended(study)):
        figures.append(bounds_figure(study))
    cpu = sum(record.cpu_seconds for record in study.trials)
    counts = f"{words.counts(study, study.planned)}. They took {duration(cpu, 1)} of CPU time."
    is_stopped = study.state == "complete" and study.reason
    ended_by = (f"{words.capital(study.reason)}.",) if is_stopped else ()
    sampler = "" if study.source is None else study.source.sweep.study.sampler_name
    policies = {trial.config.schedule.policy for trial in study.trials}
    caution = (
        ("How often a policy was tried is no evidence for it: of equal ones, too, the sampler "
         "comes to prefer one.",)
        if sampler in ("tpe", "TPESampler") and len(policies) > 1
        else ()
    )  # fmt: skip
    tables = (*((_best(study),) if study.complete else ()), *_given(study))
    texts = (counts, *ended_by, *caution)
    return Section("search", title, texts, pictures=whole(figures), tables=tables)


def _best(study: StudyRecord) -> Table:
    rows: list[tuple[str, ...]] = [
        (
            str(trial.number),
            words.value(trial.value or 0.0),
            words.bounds(trial),
            _factor(trial),
            _further(trial),
            words.epochs(curves.epochs_done(trial)),
            f"{trial.cpu_seconds:,.1f}",
        )
        for trial in study.ranked[:TOP]
    ]
    head = (
        "trial", words.metric(study.objective), "schedule", "half cycle (epochs)",
        "further hyperparameters", "epochs", "CPU s",
    )  # fmt: skip
    number = len(study.complete)
    some = f"The best {TOP} of {number} complete trials" if number > TOP else "The complete trials"
    return Table(some, head, tuple(rows), "rrlrlrr").trimmed()


def _given(study: StudyRecord) -> Iterator[Table]:
    rows = [
        (
            str(trial.number), trial.given, words.bounds(trial), words.short_state(trial),
            _last(trial, study.metric),
        )
        for trial in study.trials
        if trial.given
    ]  # fmt: skip
    if rows:
        head = ("trial", "given", "schedule", "state", f"last {words.metric(study.objective)}")
        yield Table("Given, not sampled", head, tuple(rows), "rlllr")


def _factor(trial: TrialRecord) -> str:
    schedule = trial.config.schedule
    return f"{schedule.step_size_factor:.4g}" if schedule.is_cyclical else NOTHING


def _further(trial: TrialRecord) -> str:
    return ", ".join(
        f"{words.shorten(name, 40)} {words.rate(value) if isinstance(value, float) else value}"
        for name, value in words.further(trial).items()
    )


def ended_early_section(study: StudyRecord) -> Section:
    """What did not complete: how often, and of each trial why."""
    title = "What was pruned, diverged or failed"
    states = ("pruned", "diverged", "failed")
    # With the trainings of the last comparison, of which the arms' table has the counts alone.
    runs = [*study.all, *(run for last in study.comparisons[-1:] for run in last.trials)]
    rows: list[tuple[str, ...]] = [
        (
            words.capital(trial.label), trial.state, _why(trial), words.bounds(trial),
            _last(trial, study.metric), words.epochs(curves.epochs_done(trial)),
        )
        for trial in runs
        if trial.state in states
    ]  # fmt: skip
    rows.sort(key=lambda row: states.index(row[1]), reverse=True)
    rows += [
        (words.capital(trial.label), "tried again", words.reason(reason),
         words.bounds(trial), NOTHING, NOTHING)
        for trial in runs
        for reason in trial.retried
    ]  # fmt: skip
    if not rows:
        none = "All that has ended is complete." if study.ended else "No trial has ended."
        return Section("ended-early", title, (none,))
    head = ("run", "state", "why", "schedule", f"last {words.metric(study.objective)}", "epochs")
    table = Table("Each with its reason", head, tuple(rows), "llllrr")
    counted = [(state, sum(row[1] == state for row in rows)) for state in states]
    text = ", ".join(f"{number} {state}" for state, number in counted if number)
    figures = [divergence_figure(study)] if study.ended else []
    return Section("ended-early", title, (f"{text}.",) if text else (),
                   pictures=whole(figures), tables=(table,))  # fmt: skip


def _why(trial: TrialRecord) -> str:
    if trial.divergence is not None:
        return words.capital(words.divergence(trial))
    return words.capital(words.reason(trial.reason)) if trial.reason else "not recorded"


def _last(trial: TrialRecord, metric: str) -> str:
    value = curves.shown_value(trial, metric)
    return NOTHING if value is None else words.value(value)
