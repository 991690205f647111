"""The study read back into plain records."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from small_studies import FACTS, begin, result, sweep

from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import PHASES, SWEEP
from clr_sweep.search.configurations import suggest
from clr_sweep.search.reading import is_told, read_study, stored_sweep
from clr_sweep.search.sampling import Asked
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport

EXAMPLES = 60000


def test_how_trials_end(study: optuna.Study, ask: Callable[[], Asked]) -> None:
    """Every end is read back as it was told, in the order of the numbers."""
    other = dataclasses.replace(result(value=0.7), has_other_weights=True, skipped_steps=3)
    other = dataclasses.replace(other, defaults={"momentum": 0.0})
    trials.record_result(study, ask().trial, other)
    trials.record_result(study, ask().trial, result(value=0.9))
    pruned = result("pruned", None, reason="pruned after epoch 4", epochs=4)
    trials.record_result(study, ask().trial, pruned)
    trials.record_failure(study, ask().trial, "Traceback: no memory")
    trials.put_back(study, ask().trial)
    read = read_study(study)
    ends = ["complete", "complete", "pruned", "failed", "interrupted"]
    assert [(trial.number, trial.state) for trial in read.trials] == list(enumerate(ends))
    assert read.best is read.trials[1]
    assert [one.has_other_weights for one in read.trials] == [True, *[False] * 4]
    assert [one.skipped_steps for one in read.trials] == [3, *[0] * 4]
    assert [one.defaults for one in read.trials] == [{"momentum": 0.0}, *[None] * 4]
    assert read.trials[3].reason == "Traceback: no memory"
    assert (read.name, read.metric, read.direction) == ("example", "val_accuracy", "maximize")
    ask()
    assert read_study(study).trials[4].state == "running"


def test_what_is_behind_the_name_of_the_objective(opened: optuna.storages.BaseStorage) -> None:
    """The definition says it, of studies of any age; the name that is stored is Keras'."""
    losses = {"age": "mse", "sex": "sparse_categorical_crossentropy"}
    training = {"epochs": 16, "loss": {"outputs": losses}, "metrics": {"sex": ["accuracy"]}}
    objective = {"metric": "val_sex_accuracy"}
    made = sweep({"training": training, "objective": objective})
    read = read_study(storage.open_study(opened, made, "", FACTS))
    assert read.metric == "val_sex_accuracy"
    assert read.objective == ("val_sex_accuracy", "accuracy", "sex")
    assert read.reported("test_age_loss") == ("test_age_loss", "loss", "age")


def test_a_trial_is_read_with_all_that_it_left(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """Configuration, values and result come from the study, epochs from the trial's folder."""
    made = sweep({"search_space.momentum": [0, 0.9]})
    study = storage.open_study(opened, made, "", FACTS)
    trial = begin(study, made, tmp_path).trial
    config = suggest(study.trials[0], made, 0, EXAMPLES)
    folder = TrialFolder(tmp_path / "0000")
    folder.start(config)
    report = EpochReport(1, 844, {"val_accuracy": 0.5}, 6.0, 6.5)
    folder.append(report)
    folder.save_test({"test_accuracy": 0.88})
    trials.record_result(study, trial, result(value=0.875))
    (record,) = read_study(study).trials
    assert record.config == config
    assert record.params == trial.params
    assert record.params["momentum"] in (0, 0.9)
    assert record.folder == tmp_path / "0000"
    assert record.reports == (report,)
    assert record.value == 0.875
    assert record.metrics == {"val_accuracy": 0.875}
    assert record.test_metrics == {"test_accuracy": 0.88}
    assert (record.cpu_seconds, record.wall_seconds) == (90.0, 91.5)
    assert record.provenance == {"python": "3", **FACTS}
    assert study.trials[0].user_attrs[PHASES]["positions"][-1] == 0.0


def test_how_far_a_study_is(study: optuna.Study) -> None:
    """The plan, the state and the reason as the last start stored them."""

    def progress() -> tuple[int | None, str, str]:
        read = read_study(study)
        return read.planned, read.state, read.reason

    assert progress() == (5, "running", "")
    trials.record_progress(study, "interrupted", 8, "Ctrl-C")
    assert progress() == (8, "interrupted", "Ctrl-C")
    trials.record_progress(study, "complete", 8)
    assert progress() == (8, "complete", "")
    assert not is_told(study)
    trials.record_progress(study, "complete", 8, is_told=True)
    assert is_told(study)
    trials.record_progress(study, "running", 8)
    assert not is_told(study)


def test_a_definition_of_an_earlier_version(
    opened: optuna.storages.BaseStorage, study: optuna.Study
) -> None:
    """Keys that came later have their defaults, and the study goes on."""
    stored = json.loads(json.dumps(study.user_attrs[SWEEP]))
    for key in ("deterministic", "retries", "trial_timeout", "timeout"):
        del stored["study"][key]
    study.set_user_attr(SWEEP, stored)
    assert stored_sweep(study) == sweep()
    storage.open_study(opened, sweep(), "", FACTS)
    with pytest.raises(Exception, match=r"study\.deterministic: was false, is now true"):
        storage.open_study(opened, sweep({"study.deterministic": True}), "", FACTS)
