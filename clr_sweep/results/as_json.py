"""Studies and trials as JSON, for programs: names and units as their records have them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from clr_sweep.training.records import StudyRecord, TrialRecord


def json_text(content: Any) -> str:
    """The text; a number that is none, which JSON does not know, is null."""
    return json.dumps(_finite(content), indent=2, ensure_ascii=False, allow_nan=False)


def study_content(study: StudyRecord) -> dict[str, Any]:
    """A study: how it stands, and its trials without their epochs."""
    best, baseline = study.best, study.baseline
    return {
        "name": study.name,
        "state": study.state,
        "reason": study.reason,
        "metric": study.metric,
        "direction": study.direction,
        "planned": study.planned,
        "ended": study.ended,
        "best_trial": None if best is None else best.number,
        "best": None if best is None else best.value,
        "trials": [_trial(trial) for trial in study.trials],
        "baseline": None if baseline is None else _trial(baseline),
        "comparisons": [one.name for one in study.comparisons],
        "sweep_file": None if study.source is None else study.source.file,
        "data": None if study.source is None else dict(study.source.data),
    }


def trial_content(trial: TrialRecord) -> dict[str, Any]:
    """A trial, with all of its configuration and its epochs."""
    return {
        **_trial(trial),
        "config": trial.config.model_dump(mode="json"),
        "epochs": [
            {
                "epoch": report.epoch,
                "step": report.step,
                "metrics": dict(report.metrics),
                "cpu_seconds": report.cpu_seconds,
                "wall_seconds": report.wall_seconds,
            }
            for report in trial.reports
        ],
        "retried": list(trial.retried),
        "provenance": dict(trial.provenance),
    }


def _trial(trial: TrialRecord) -> dict[str, Any]:
    return {
        "number": trial.number,
        "label": trial.label,
        "state": trial.state,
        "reason": trial.reason,
        "value": trial.value,
        "params": dict(trial.params),
        "given": trial.given,
        "schedule": trial.config.schedule.model_dump(mode="json"),
        "metrics": dict(trial.metrics),
        "test_metrics": dict(trial.test_metrics),
        "has_other_weights": trial.has_other_weights,
        "skipped_steps": trial.skipped_steps,
        "has_own_optimizer": trial.has_own_optimizer,
        "epochs_trained": len(trial.reports),
        "cpu_seconds": trial.cpu_seconds,
        "wall_seconds": trial.wall_seconds,
        "folder": str(trial.folder),
    }


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {str(key): _finite(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [_finite(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
