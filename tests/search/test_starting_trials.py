"""A study that starts with given trials: they come first, in order, once, whatever happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from small_studies import FACTS, SmallStudy, begin, result, sampling, sweep, value_of

from clr_sweep.common.errors import StudyChangedError
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.reading import read_study
from clr_sweep.search.starting_trials import starting_trials_left

GIVEN: list[dict[str, Any]] = [
    {"max_lr": 1, "init_lr": 0.001, "step_size_factor": 4, "policy": "triangular"},
    {"max_lr": 0.25},
]
CHANGES: dict[str, Any] = {"study.start_with": GIVEN}


@pytest.mark.parametrize("deterministic", [True, False])
@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_they_come_first_and_the_rest_is_sampled(
    url: str, tmp_path: Path, sampler: str, deterministic: bool
) -> None:
    """A driver that is started anew for each trial asks for the same as one that goes on."""
    made = sweep({**CHANGES, "study.sampler": sampler, "study.deterministic": deterministic})
    found = []
    for place in (url, "sqlite:///:memory:"):
        study = storage.open_study(storage.open_storage(place), made, "", FACTS)
        driver = sampling(study, made, tmp_path)
        for _ in range(4):
            asked = driver.ask() if place != url else begin(study, made, tmp_path)
            trials.record_result(study, asked.trial, result(value=value_of(asked)))
        found.append([trial.params for trial in study.trials])
        one, other, *sampled = read_study(study).trials
        assert dict(one.params) == {**GIVEN[0], "max_lr": 1.0}
        assert type(one.params["max_lr"]) is float
        assert other.config.schedule.max_lr == 0.25
        assert other.params.keys() >= {"policy", "max_lr"}
        assert one.given == (
            "by study.start_with, 1 of 2: max_lr, init_lr, step_size_factor, policy"
        )
        assert other.given == "by study.start_with, 2 of 2: max_lr"
        assert [trial.given for trial in sampled] == ["", ""]
    assert found[0] == found[1]


def test_seeds_are_those_of_the_numbers(tmp_path: Path) -> None:
    """A given trial has the seed that a sampled one of its number has."""
    seeds = []
    for made in (sweep(CHANGES), sweep()):
        study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
        seeds.append([begin(study, made, tmp_path).config.seed for _ in range(3)])
    assert seeds[0] == seeds[1]


def test_an_interrupted_one_is_not_given_again(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """It waits under its number; the next that is new is given the next of the list."""
    made = sweep(CHANGES)
    study = storage.open_study(opened, made, "", FACTS)
    first = begin(study, made, tmp_path)
    assert list(starting_trials_left(made, None, study.trials)) == [
        "study.start_with gives the parameters of the next trials: 1 of 2"
    ]
    trials.put_back(study, first.trial)
    assert begin(study, made, tmp_path).trial.params == first.trial.params
    assert begin(study, made, tmp_path).trial.params["max_lr"] == 0.25
    assert list(starting_trials_left(made, None, study.trials)) == []


def test_one_enqueued_by_hand_takes_no_place(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """It is trained before, and the list is as long as it was."""
    made = sweep(CHANGES)
    study = storage.open_study(opened, made, "", FACTS)
    study.enqueue_trial({"max_lr": 0.5})
    values = [begin(study, made, tmp_path).trial.params["max_lr"] for _ in range(3)]
    assert values == [0.5, 1.0, 0.25]
    given = [trial.given for trial in read_study(study).trials]
    assert given[0] == "by whoever enqueued it: max_lr"
    assert given[1].startswith("by study.start_with, 1 of 2")


def test_the_list_is_part_of_what_the_study_is(opened: optuna.storages.BaseStorage) -> None:
    """Another list would be another study, and is refused in words."""
    storage.open_study(opened, sweep(CHANGES), "", FACTS)
    with pytest.raises(StudyChangedError, match=r"study\.start_with: was \["):
        storage.open_study(opened, sweep(), "", FACTS)


@pytest.mark.heavy
def test_mlflow_says_which_were_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a tag, and in the run's description; a run without it is mended."""
    monkeypatch.chdir(tmp_path)
    given = {"study": {"trials": 5, "seed": 42, "start_with": [{"max_lr": 0.25}]}}
    small = SmallStudy(tmp_path, changes=given)
    small.add("complete")
    small.add("complete")
    publisher = small.finish()
    runs = publisher.runs.children()
    (run,), (other,) = runs["0"], runs["1"]
    text = "by study.start_with, 1 of 1: max_lr"
    assert run.data.tags["clr_sweep.given"] == text
    assert f"Given, not sampled: {text}." in run.data.tags["mlflow.note.content"]
    assert "clr_sweep.given" not in other.data.tags
    publisher.runs.client.delete_tag(run.info.run_id, "clr_sweep.given")
    found = publisher.trial_runs.reconcile(small.record)
    assert found == ["trial 0: it does not say which of its parameters were given"]
    assert publisher.trial_runs.reconcile(small.record) == []
    assert small.study.trials[0].state == TrialState.COMPLETE
