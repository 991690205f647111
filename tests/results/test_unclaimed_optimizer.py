"""An optimizer that a function of the user's own made: the sweep's is not said to have trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import pytest
import yaml

from clr_sweep import InputError, load_best
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.library.trial import Trial
from clr_sweep.results.as_json import json_text, study_content
from clr_sweep.results.export import Origin, as_yaml
from clr_sweep.results.report import trial_markdown
from clr_sweep.training.records import StudyRecord, TrialRecord

NOWHERE = Origin(None, None, {})


def by_itself(study: StudyRecord, optimizer: str) -> TrialRecord:
    """A trial whose function makes its own optimizer, where the sweep has this one."""
    content = study.trials[3].config.model_dump(mode="json")
    training = {"function": "gan:train", "optimizer": {"name": optimizer, "arguments": {}}}
    config = TrialConfig.model_validate(content | {"training": content["training"] | training})
    return dataclasses.replace(study.trials[3], config=config, has_own_optimizer=True)


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_nothing_claims_the_default(optimizer: str, big_study: StudyRecord, tmp_path: Path) -> None:
    """`best.yaml` names an optimizer where the sweep does, and says that it is not what trained."""
    trial = by_itself(big_study, optimizer)
    file = tmp_path / "best.yaml"
    file.write_text(as_yaml(big_study, trial, NOWHERE), encoding="utf-8")
    written = yaml.safe_load(file.read_text())
    assert written["own_optimizer"]
    assert ("optimizer" in written["config"]["training"]) == (optimizer == "adam")
    assert "optimizer its own" in trial_markdown(trial)
    best = load_best(file)
    assert best.config == trial.config
    for stored in (best, Trial(trial, ())):
        with pytest.raises(InputError, match=r"gan:train trained this without trial\.optimizer"):
            stored.optimizer(30)
        assert isinstance(stored.schedule(30), keras.optimizers.schedules.LearningRateSchedule)
    study = dataclasses.replace(big_study, trials=(trial,))
    assert 'has_own_optimizer": true' in json_text(study_content(study))


def test_an_optimizer_of_the_trials_is_named(big_study: StudyRecord) -> None:
    """As ever."""
    written = yaml.safe_load(as_yaml(big_study, big_study.trials[3], NOWHERE))
    assert "own_optimizer" not in written
    assert written["config"]["training"]["optimizer"]["name"] == "sgd"
    assert "optimizer sgd" in trial_markdown(big_study.trials[3])
