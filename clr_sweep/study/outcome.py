"""What the run of a sweep holds in numbers: of its best trial and its baseline, or its answers."""

from __future__ import annotations

from clr_sweep.results.comparison import compare
from clr_sweep.results.comparison_values import comparison_values
from clr_sweep.schedules.policies import DECAYING
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.training.records import StudyRecord, TrialRecord


def best_told(runs: SweepRuns, name: str) -> dict[int, float]:
    """The best values that the parent run has, by how many trials each is of."""
    history = runs.client.get_metric_history(runs.parent_id, name)
    return {item.step: item.value for item in sorted(history, key=lambda item: item.timestamp)}


def outcome(study: StudyRecord) -> dict[str, float]:
    """The metrics of a sweep that has ended: of its best trial and of its baseline.

    Of a comparison its answers in numbers.
    """
    if study.comparison is not None:
        return comparison_values(study) if study.state == "complete" else {}
    best = study.best
    if study.state != "complete" or best is None:
        return {}
    metrics, baseline = {**best.metrics, **best.test_metrics}, compare(study).baseline
    values = {f"best_{key}": value for key, value in metrics.items() if key != study.metric}
    if baseline is not None:
        both = {**baseline.metrics, **baseline.test_metrics}
        values |= {f"baseline_{key}": value for key, value in both.items()}
    return values | {"sweep_cpu_seconds": sum(record.cpu_seconds for record in study.all)}


def best_parameters(record: TrialRecord) -> dict[str, object]:
    """The schedule and the further hyperparameters of a best trial."""
    keys = ["init_lr", "max_lr", "step_size_factor", "step_size", "policy"]
    if record.config.schedule.policy in DECAYING:
        keys.append("gamma")
    values = record.config.schedule.model_dump()
    further = {key: value for key, value in record.params.items() if key not in values}
    return {key: values[key] for key in keys} | further
