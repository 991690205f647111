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
