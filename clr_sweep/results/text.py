"""A study and a trial on a terminal: what came out, and a table that fits."""

from __future__ import annotations

from clr_sweep.common.durations import duration
from clr_sweep.common.terminal import wrapped
from clr_sweep.common.text_table import text_table
from clr_sweep.definition import metrics
from clr_sweep.results import curves, words
from clr_sweep.results.comparison_states import comparison_lines
from clr_sweep.results.warnings import trial_warnings, warnings
from clr_sweep.training.records import StudyRecord, TrialRecord

_NONE = "-"
_ANY = 1_000_000


def study_text(study: StudyRecord, width: int | None) -> str:
    """How a study stands and its trials: the complete ones first, the best on top.

    Args:
        width: columns of the terminal; None: any.
    """
    lines = [f"{study.name}: {study.state}" + (f" ({study.reason})" if study.reason else "")]
    lines.append(f"objective: {study.direction} {study.metric}")
    lines.append(words.counts(study, study.planned))
    if (best := study.best) is not None:
        lines.append(f"best: {best.label}, {_outcome(best, study.metric)}; {words.schedule(best)}")
    if given := words.given(study):
        lines.append(given)
    lines += warnings(study)
    if (base := study.baseline) is not None:
        lines.append(f"baseline: {_outcome(base, study.metric)}; {words.bounds(base)}")
    if study.source is not None and study.source.file:
        lines.append(f"sweep file: {study.source.file}")
    lines += comparison_lines(study)
    head = "\n".join(wrapped(line, width or _ANY, 2) for line in lines)
    if not study.trials:
        return head
    return f"{head}\n\n{_trials(study, width)}"


def trial_text(trial: TrialRecord, study: StudyRecord, width: int | None) -> str:
    """A trial: how it ended, what was trained, and each epoch."""
    lines = [
        f"{study.name}, {trial.label}: {words.state(trial)}",
        f"schedule: {words.schedule(trial)}",
        *(f"{name}: {value}" for name, value in words.further(trial).items()),
        *([f"given, not sampled: {trial.given}"] if trial.given else []),
        *trial_warnings(trial),
        *(f"{name}: {words.value(value)}" for name, value in trial.metrics.items()),
        *(f"{name}: {words.value(value)}" for name, value in trial.test_metrics.items()),
        f"time: {duration(trial.cpu_seconds, 1)} of CPU, "
        f"{duration(trial.wall_seconds, 1)} by the clock",
        *(f"retried: {words.reason(reason)}" for reason in trial.retried),
        f"folder: {trial.folder}",
    ]
    head = "\n".join(wrapped(line, width or _ANY, 2) for line in lines)
    if trial.reason and "\n" in trial.reason:
        head += f"\n\n{trial.reason}"
    if not trial.reports:
        return head
    names = [
        name
        for base in curves.measured(trial)
        for name in (f"val_{base}", base)
        if any(name in report.metrics for report in trial.reports)
    ]
    rows = [
        [
            str(report.epoch),
            words.count(report.step),
            words.rate(report.points[-1].learning_rate) if report.points else _NONE,
            *(_value(report.metrics.get(name)) for name in names),
        ]
        for report in trial.reports
    ]
    return f"{head}\n\n{text_table(['epoch', 'step', 'rate', *names], rows, width)}"


def _trials(study: StudyRecord, width: int | None) -> str:
    ranked = study.ranked if study.comparison is None else []
    own = {trial.number: words.further(trial) for trial in study.trials}
    further = list(dict.fromkeys(name for values in own.values() for name in values))
    head = ["trial", "state", study.metric, "epochs", "policy", "init_lr", "max_lr", "factor"]
    rows = [
        [
            str(trial.number) if trial.seed_run is None else trial.label,
            trial.state,
            _value(curves.shown_value(trial, study.metric)),
            words.epochs(curves.epochs_done(trial)),
            trial.config.schedule.policy,
            words.rate(trial.config.schedule.init_lr),
            words.rate(trial.config.schedule.max_lr),
            f"{trial.config.schedule.step_size_factor:.4g}",
            *(_cell(own[trial.number].get(name)) for name in further),
        ]
        for trial in {trial.number: trial for trial in (*ranked, *study.trials)}.values()
    ]
    return text_table([*head, *further], rows, width, ("trial", "policy"))


def _outcome(trial: TrialRecord, metric: str) -> str:
    if trial.value is None:
        return words.state(trial)
    tested = trial.test_metrics.get(f"test_{metrics.base(metric)}")
    return f"{metric} {words.value(trial.value)}" + (
        "" if tested is None else f", on the test set {words.value(tested)}"
    )


def _value(number: float | None) -> str:
    return _NONE if number is None else words.value(number)


def _cell(content: object) -> str:
    if content is None:
        return _NONE
    return f"{content:.4g}" if isinstance(content, float) else str(content)
