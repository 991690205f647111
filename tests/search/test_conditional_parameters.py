"""What only some trials have is not sampled, stored or trained in the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_studies import FACTS, SmallStudy, begin, result, sampling, sweep

from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.reading import read_study

SPACE: dict[str, Any] = {
    "search_space.model.units": [8, 16],
    "search_space.momentum": {"low": 0.1, "high": 0.9},
    "search_space.optimizer": ["sgd", "adam"],
    "search_space.beta_1": [0.8, 0.95],
    "search_space.amsgrad": True,
    "search_space.model.dropout": {"low": 0.1, "high": 0.5},
    "search_space.policy": ["triangular", "cosine"],
    "search_space.when": {
        "momentum": {"optimizer": ["sgd"]},
        "beta_1": {"optimizer": ["adam"], "policy": ["triangular"]},
        "amsgrad": {"beta_1": [0.8]},
        "model.dropout": {"model.units": [16]},
    },
    "model.name": "my:model",
}


GROUPED = {"class": "TPESampler", "arguments": {"multivariate": True, "group": True}}


@pytest.mark.parametrize(
    ("sampler", "deterministic"),
    [("tpe", True), ("tpe", False), ("qmc", True), (GROUPED, True)],
    ids=str,
)
def test_each_trial_has_what_its_condition_says(
    sampler: Any, deterministic: bool, tmp_path: Path
) -> None:
    """And a study that is started anew for each trial samples the same as one that goes on."""
    made = sweep(
        {**SPACE, "study.sampler": sampler, "study.deterministic": deterministic, "study.seed": 1}
    )
    found = []
    for is_anew in (True, False):
        study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
        driver = sampling(study, made, tmp_path)
        for _ in range(18):
            asked = begin(study, made, tmp_path) if is_anew else driver.ask()
            value = asked.trial.params["max_lr"]
            trials.record_result(study, asked.trial, result(value=value))
        found.append([trial.params for trial in study.trials])
    assert found[0] == found[1]
    kinds = set()
    for record in read_study(study).trials:
        params = record.params
        is_sgd = params["optimizer"] == "sgd"
        has_beta = not is_sgd and params["policy"] == "triangular"
        assert ("momentum" in params) == is_sgd
        assert ("beta_1" in params) == has_beta
        assert ("model.dropout" in params) == (params["model.units"] == 16)
        arguments = record.config.training.optimizer.arguments
        wanted = {"momentum"} if is_sgd else {"beta_1"} if has_beta else set()
        if params.get("beta_1") == 0.8:
            wanted.add("amsgrad")
        assert arguments.keys() == wanted
        assert ("dropout" in record.config.model.arguments) == ("model.dropout" in params)
        kinds.add((is_sgd, has_beta))
    assert kinds == {(True, False), (False, True), (False, False)}


def test_conditions_on_what_the_schedule_is_made_of(tmp_path: Path) -> None:
    """Each of its listed values; without a cycle a trial has no factor to hang on."""
    hung = {
        "momentum": ("max_lr", 0.1), "weight_decay": ("init_lr", 0.01),
        "nesterov": ("step_size_factor", 2), "clipnorm": ("gamma", 0.999),
    }  # fmt: skip
    made = sweep(
        {
            "search_space.policy": ["exp_range", "cosine"],
            "search_space.max_lr": [0.1, 0.2],
            "search_space.init_lr": [0.01, 0.02],
            "search_space.step_size_factor": [2, 4],
            "search_space.gamma": [0.999, 1.0],
            "search_space.momentum": {"low": 0.1, "high": 0.9},
            "search_space.weight_decay": {"low": 0.1, "high": 0.9},
            "search_space.nesterov": [True, False],
            "search_space.clipnorm": {"low": 0.1, "high": 0.9},
            "search_space.when": {name: {on: [value]} for name, (on, value) in hung.items()},
        }
    )
    study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
    there: dict[str, set[bool]] = {name: set() for name in hung}
    for _ in range(12):
        params = begin(study, made, tmp_path).trial.params
        for name, (on, value) in hung.items():
            assert (name in params) == (params.get(on) == value)
            there[name].add(name in params)
    assert all(found == {True, False} for found in there.values())


def test_without_conditions_the_order_of_sampling_stays() -> None:
    """Studies of earlier versions are continued: their trials' parameters keep their order."""
    changes = {key: value for key, value in SPACE.items() if "optimizer" in key or "model" in key}
    changes |= {"search_space.weight_decay": {"low": 0.1, "high": 0.9}}
    made = sweep(changes)
    study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
    params = begin(study, made, Path("trials")).trial.params
    assert [key for key in params if key in made.search_space.further] == [
        "model.units", "optimizer", "model.dropout", "weight_decay",
    ]  # fmt: skip


@pytest.mark.heavy
def test_mlflow_shows_what_a_trial_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run has no parameter that its trial has not."""
    monkeypatch.chdir(tmp_path)
    given = [{"optimizer": "sgd", "momentum": 0.5}, {"optimizer": "adam"}]
    changes = {
        "search_space.optimizer": ["sgd", "adam"],
        "search_space.momentum": {"low": 0.1, "high": 0.9},
        "search_space.when": {"momentum": {"optimizer": ["sgd"]}},
        "study": {"trials": 5, "seed": 42, "start_with": given},
    }
    small = SmallStudy(tmp_path, changes=changes)
    small.add("complete")
    small.add("complete")
    runs = small.finish().runs.children()
    (sgd,), (adam,) = runs["0"], runs["1"]
    assert sgd.data.params["momentum"] == "0.5"
    assert "momentum" not in adam.data.params
    assert adam.data.params["optimizer"] == "adam"
