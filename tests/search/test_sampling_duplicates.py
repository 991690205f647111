"""Points that have been tried: none is tried twice, but for one that somebody enqueued."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from small_studies import begin, result, sweep

from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import CONFIG

FEW_POINTS = {
    "search_space": {
        "init_lr": 1e-3,
        "max_lr": [0.1, 0.2, 0.3],
        "step_size_factor": {"low": 2, "high": 4},
        "policy": ["triangular", "triangular2"],
    }
}


@pytest.mark.parametrize("deterministic", [False, True])
@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_no_point_is_tried_twice(tmp_path: Path, sampler: str, deterministic: bool) -> None:
    """All 18 points of a small space are tried, whatever the sampler; then they come again."""
    study = optuna.create_study(direction="maximize")
    made = sweep({**FEW_POINTS, "study": {"sampler": sampler, "deterministic": deterministic}})
    for number in range(20):
        asked = begin(study, made, tmp_path)
        trials.record_result(study, asked.trial, result(value=0.5 + 0.01 * (number % 7)))
    points = [tuple(sorted(trial.params.items())) for trial in study.trials]
    assert len(set(points[:18])) == 18
    assert set(points[18:]) <= set(points[:18])
    assert len({trial.user_attrs[CONFIG]["seed"] for trial in study.trials}) == 20


def test_a_point_that_somebody_enqueued_is_tried_again(tmp_path: Path) -> None:
    """It is meant to be: with another seed it says how much a result is worth."""
    study, made = optuna.create_study(direction="maximize"), sweep(FEW_POINTS)
    first = begin(study, made, tmp_path)
    trials.record_result(study, first.trial, result())
    study.enqueue_trial(first.trial.params)
    second = begin(study, made, tmp_path)
    assert second.trial.params == first.trial.params
    assert second.config.seed != first.config.seed
