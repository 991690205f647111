"""Trials enqueued by `optuna.load_study(...).enqueue_trial`, right and wrong ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from small_studies import FACTS, begin, result, sampling, sweep, value_of

from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import CONFIG, REASON
from clr_sweep.search.enqueued_trials import EnqueuedTrialError, enqueued_problems
from clr_sweep.search.reading import read_study

# Dimensions of every kind, and one that is no dimension.
SPACE: dict[str, Any] = {
    "search_space.step_size_factor": {"low": 2, "high": 4},
    "search_space.batch_size": [32, 64],
    "search_space.momentum": {"low": 0.5, "high": 0.9},
    "search_space.weight_decay": {"low": 1e-6, "high": 1e-3, "log": True},
    "search_space.nesterov": True,
    "search_space.policy": ["triangular", "exp_range"],
}


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"max_rl": 0.5}, "max_rl: unknown hyperparameter 'max_rl' - did you mean 'max_lr'?"),
        ({"init_lr_ratio": 3}, "init_lr_ratio: unknown hyperparameter"),
        ({"max_lr": "a"}, "max_lr: must be a number, got 'a'"),
        ({"max_lr": True}, "max_lr: must be a number, got true"),
        ({"max_lr": float("nan")}, "max_lr: must be a number, got nan"),
        ({"max_lr": -1.0}, "max_lr: must be above 0, since it is sampled on a log scale, got -1.0"),
        ({"weight_decay": 0}, "weight_decay: must be above 0, since it is sampled on a log scale"),
        ({"init_lr": 0.5, "max_lr": 0.5}, "max_lr: must lie above init_lr, got max_lr from 0.5"),
        ({"init_lr": 0.5}, "max_lr: must lie above init_lr, got max_lr from 0.01 and init_lr"),
        ({"max_lr": 0.005}, "max_lr: must lie above init_lr, got max_lr from 0.005 and init_lr up"),
        ({"max_lr": 1e31}, "max_lr: must be above 0 and at most 1e+30"),
        ({"policy": "cosine"}, "policy: must be one of 'triangular', 'exp_range', got 'cosine'"),
        ({"batch_size": 48}, "batch_size: must be one of 32, 64, got 48"),
        ({"step_size_factor": 2.5}, "step_size_factor: must be a whole number, got 2.5"),
        ({"step_size_factor": 0}, "step_size_factor: must be above 0"),
        ({"step_size_factor": 9}, "step_size_factor: training.epochs must be at least 18, two"),
        ({"momentum": 1.5}, "momentum: must be at least 0 and at most 1 for the optimizer sgd"),
        ({"nesterov": False}, "nesterov: is true in every trial, got false"),
        ({"gamma": 0.5}, "gamma: is 0.99994 in every trial, got 0.5"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained(given: dict[str, Any], problem: str) -> None:
    """Each in the words of a sweep file."""
    found = enqueued_problems(sweep(SPACE), given, 60000)
    assert len(found) == 1
    assert found[0].startswith(problem)


def test_every_problem_is_told() -> None:
    """Not the first alone."""
    found = enqueued_problems(sweep(SPACE), {"max_lr": "a", "polcy": "b", "batch_size": 7}, 60000)
    assert [text.split(":")[0] for text in found] == ["max_lr", "polcy", "batch_size"]


def test_batches_that_the_data_cannot_fill() -> None:
    """A size that no trial could use, of a dimension that allows any."""
    made = sweep({"search_space.batch_size": {"low": 32, "high": 64}})
    assert enqueued_problems(made, {"batch_size": 4096}, 60000) == []
    (text,) = enqueued_problems(made, {"batch_size": 54001}, 60000)
    assert text.startswith("search_space.batch_size: must be")


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"max_lr": 5.0},
        {"init_lr": 1e-6, "max_lr": 3},
        {"init_lr": 0.03, "max_lr": 0.5},
        {"policy": "exp_range", "batch_size": 64, "momentum": 0, "nesterov": True},
        {"step_size_factor": 8.0, "weight_decay": 1.0},
        {"gamma": 0.99994},
    ],
)
def test_what_can_be(given: dict[str, Any]) -> None:
    """In the range or out of it, some of the parameters or none."""
    assert enqueued_problems(sweep(SPACE), given, 60000) == []


def test_a_ratio() -> None:
    """Where init_lr is a part of max_lr, the ratio is what is sampled."""
    ratio = {"ratio": {"low": 3, "high": 100, "log": True}}
    made = sweep({"search_space.init_lr": ratio})
    assert enqueued_problems(made, {"init_lr_ratio": 500.0, "max_lr": 5.0}, 60000) == []
    (text,) = enqueued_problems(made, {"init_lr_ratio": 0.5}, 60000)
    assert text.startswith("init_lr_ratio: must be above 1, so that init_lr is below max_lr")
    (text,) = enqueued_problems(made, {"init_lr": 0.01}, 60000)
    assert text.startswith("init_lr: unknown hyperparameter 'init_lr' - did you mean 'init_lr_rat")


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
@pytest.mark.parametrize("deterministic", [False, True])
def test_values_out_of_the_range_are_trained(
    opened: optuna.storages.BaseStorage, tmp_path: Path, sampler: str, deterministic: bool
) -> None:
    """As Optuna means it; every later start goes on, and its sampler learns from them."""
    made = sweep({"study.sampler": sampler, "study.deterministic": deterministic})
    study = storage.open_study(opened, made, "", FACTS)
    outside = {"max_lr": 5.0, "init_lr": 0.03, "step_size_factor": 1}
    for number in range(8):
        if number in (0, 2, 6):
            study.enqueue_trial(outside)
        study = storage.open_study(opened, made, "", FACTS)
        asked = begin(study, made, tmp_path)
        assert asked.trial.number == number
        if number in (0, 2, 6):
            schedule = asked.config.schedule
            assert (schedule.max_lr, schedule.init_lr, schedule.step_size_factor) == (5.0, 0.03, 1)
        trials.record_result(study, asked.trial, result(value=value_of(asked)))
    rates = [trial.params["max_lr"] for trial in read_study(study).trials]
    assert [rate for rate in rates if rate > 1] == [5.0] * 3


def test_a_driver_goes_on_after_a_trial_that_cannot_be(
    opened: optuna.storages.BaseStorage, study: optuna.Study, tmp_path: Path
) -> None:
    """That trial has failed with the reason; it is no record, since nothing of it was trained."""
    study.enqueue_trial({"max_lr": "high"})
    study.enqueue_trial({"max_lr": 0.25})
    driver = sampling(study, sweep(), tmp_path)
    with pytest.raises(EnqueuedTrialError, match="trial 0 was enqueued and cannot be trained: max"):
        driver.ask()
    asked = driver.ask()
    assert (asked.trial.number, asked.trial.params["max_lr"]) == (1, 0.25)
    trials.record_result(study, asked.trial, result())
    assert driver.ask().trial.number == 2

    refused = study.trials[0]
    assert refused.state == TrialState.FAIL
    assert refused.user_attrs[REASON] == "max_lr: must be a number, got 'high'"
    assert CONFIG not in refused.user_attrs
    assert [record.number for record in read_study(study).trials] == [1, 2]
    # The next start knows what this one did.
    again = storage.open_study(opened, sweep(), "", FACTS)
    assert trials.waiting_again(again) == [2]
    assert begin(again, sweep(), tmp_path).trial.number == 2


def test_what_an_older_version_left_running(study: optuna.Study, tmp_path: Path) -> None:
    """RUNNING, without a configuration, with parameters out of the range: it is taken up."""
    study.enqueue_trial({"max_lr": 5.0})
    with pytest.warns(UserWarning, match="Fixed parameter"):
        study.ask().suggest_float("max_lr", 0.01, 1.0, log=True)
    study.enqueue_trial({"policy": "none of them"})
    study.ask()
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING] * 2
    assert trials.waiting_again(study) == []
    driver = sampling(study, sweep(), tmp_path)
    assert driver.ask().config.schedule.max_lr == 5.0
    with pytest.raises(EnqueuedTrialError, match="policy: must be one of"):
        driver.ask()
    assert [trial.state for trial in study.trials] == [TrialState.RUNNING, TrialState.FAIL]
