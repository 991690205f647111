"""What is counted over a kept study."""

from __future__ import annotations

from collections.abc import Mapping

from clr_sweep.results import curves, words
from clr_sweep.training.records import StudyRecord, TrialRecord


def cpu_seconds(study: StudyRecord) -> float:
    """CPU seconds of all trials and the baseline; a range test is not among them."""
    return sum(trial.cpu_seconds for trial in study.all)


def cpu_minutes(study: StudyRecord) -> float:
    """The same in minutes."""
    return cpu_seconds(study) / 60


def epochs_trained(study: StudyRecord) -> int:
    return sum(len(trial.reports) for trial in study.trials)


def epochs_planned(study: StudyRecord) -> int:
    """What the trials would have trained without a pruner."""
    return sum(round(curves.planned_epochs(trial)) for trial in study.trials)


def complete(study: StudyRecord) -> list[TrialRecord]:
    """The complete trials, the best first."""
    return study.ranked


def best_by_policy(study: StudyRecord) -> dict[str, list[TrialRecord]]:
    """The complete trials of each policy, the best first; the policy with the best trial first."""
    found: dict[str, list[TrialRecord]] = {}
    for trial in complete(study):
        found.setdefault(trial.config.schedule.policy, []).append(trial)
    return found


def is_one_point(study: StudyRecord) -> bool:
    """Whether the trials are seeds of a single configuration."""
    configs = [trial.config.model_copy(update={"seed": 0}) for trial in study.trials]
    return len(configs) > 1 and all(config == configs[0] for config in configs)


def by_name(record: TrialRecord) -> Mapping[str, float]:
    """All metrics of a trial, those of the test set included."""
    return {**record.metrics, **record.test_metrics}


def value(record: TrialRecord | None, name: str) -> str:
    """A metric of a trial in words, or a dash."""
    found = None if record is None else by_name(record).get(name)
    return "-" if found is None else words.value(found)
