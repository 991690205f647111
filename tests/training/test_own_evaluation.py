"""What `training.evaluate` evaluates of a trial, and what the baseline finds wrong with it."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import pytest
from test_own_training import Told, config_of, job_of, sweep, trained

from clr_sweep.common.errors import InputError
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.own_training import evaluate_by_function, train_by_function


@pytest.mark.parametrize(
    ("evaluate", "text"),
    [
        ("evaluate_in_words", "must be numbers by name, .*got 'well"),
        ("evaluate_with_a_number_in_words", "loss must be a number .*got '0.5'"),
        ("evaluate", "by_hand returned no model"),
    ],
)
def test_what_an_evaluation_may_not_do(evaluate: str, text: str, tmp_path: Path) -> None:
    """It gives numbers by name, and has a model only where the training returned one."""
    config = config_of(sweep("by_hand", evaluate))
    trained(config, tmp_path, Told())
    with pytest.raises(InputError, match=text):
        evaluate_by_function(job_of(config, tmp_path), None, TrialFolder(tmp_path))


@pytest.mark.parametrize("kind", ["baseline", "trial"])
def test_a_broken_evaluation_is_found_by_the_baseline(kind: Any, tmp_path: Path) -> None:
    """The first to end, not after the whole search; nothing of the test set is kept."""
    config = config_of(sweep("by_hand", "evaluate_in_words"))
    if kind == "baseline":
        with pytest.raises(InputError, match="must be numbers by name"):
            trained(config, tmp_path, Told(), kind=kind)
        assert TrialFolder(tmp_path).result() is None
        config = config_of(sweep("by_hand", "evaluate_weight"))
    assert trained(config, tmp_path, Told(), kind=kind).state == "complete"
    assert TrialFolder(tmp_path).test_metrics() == {}


OF_A_CLASS = """\
import keras

@keras.saving.register_keras_serializable("of_a_class")
class Doubled(keras.layers.Layer):
    def call(self, inputs):
        return 2 * inputs

def train(trial):
    for epoch in range(1, trial.epochs + 1):
        trial.report(epoch, {"val_loss": 1.0})
    return keras.Sequential([keras.Input((1,)), Doubled()])
"""


def test_an_evaluation_in_another_process_has_the_classes_of_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in a module that knows nothing of them: Keras has them all the same."""
    (tmp_path / "of_a_class.py").write_text(OF_A_CLASS, encoding="utf-8")
    config = config_of(sweep("by_fit", "evaluate_sum"))
    own = config.training.model_copy(update={"function": "of_a_class:train"})
    config = config.model_copy(update={"training": own})
    job = replace(job_of(config, tmp_path), search_path=(tmp_path,))
    folder = TrialFolder(tmp_path / "trial")
    folder.path.mkdir()
    train_by_function(job, None, folder, Told())
    monkeypatch.delitem(keras.saving.get_custom_objects(), "of_a_class>Doubled")
    monkeypatch.delitem(sys.modules, "of_a_class")
    assert evaluate_by_function(job, None, folder) == {"test_loss": 6.0}


def test_a_baseline_that_diverges_is_not_evaluated(tmp_path: Path) -> None:
    """It has no model to be evaluated, as at the end of the search; and it has not failed."""
    config = config_of(sweep("diverging", "evaluate"))
    assert trained(config, tmp_path, Told(), kind="baseline").state == "diverged"


def test_an_objective_that_is_no_number_on_the_test_set_is_told_by_the_baseline(
    tmp_path: Path,
) -> None:
    """Its training has a number of it, so the fault is the evaluation's; no other trial ends."""
    config = config_of(sweep("by_hand", "evaluate_to_no_number"))
    text = "evaluate: own_trainings:evaluate_to_no_number gives no finite loss, nor any other metr"
    with pytest.raises(InputError, match=text):
        trained(config, tmp_path / "baseline", Told(), kind="baseline")
    assert trained(config, tmp_path / "trial", Told()).state == "complete"


def test_an_evaluation_without_the_objective_is_told_by_the_baseline(tmp_path: Path) -> None:
    """Nothing could be compared by it; what it gives of a trial is kept all the same."""
    config = config_of(sweep("by_hand", "evaluate_kept"))
    text = "training.evaluate: own_trainings:evaluate_kept gives no finite loss, only rates: the"
    with pytest.raises(InputError, match=text):
        trained(config, tmp_path / "baseline", Told(), kind="baseline")
    assert trained(config, tmp_path / "trial", Told()).state == "complete"
