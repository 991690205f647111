"""What MLflow is told of a trial that diverges, by a real training and a real store."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_trials import few_images, small_config

from clr_sweep.publishing import Publisher
from clr_sweep.records import TrialRecord
from clr_sweep.reproduction import finished
from clr_sweep.tracking.runs import SweepRuns
from clr_sweep.tracking.store import connect
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import DataFacts
from clr_sweep.training.trial import train

FACTS = DataFacts("few_images", "a file", "d" * 64, 320, 100, (28, 28), "uint8", Path("unused"))


@pytest.mark.parametrize("told", [True, False])
def test_the_epoch_in_which_a_trial_diverges_is_shown(tmp_path: Path, told: bool) -> None:
    """Its rates, up to the one that was too high, and its metrics: once, reported or not."""
    config = small_config("triangular", model="tutorial_cnn", max_lr=1e12, epochs=2)
    folder = TrialFolder(tmp_path / "trial")
    record = TrialRecord("trial", 0, "running", None, config, folder.path)
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "a").as_uri())
    runs = SweepRuns(client, experiment, "study", FACTS)
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    publisher = Publisher(runs, (), FACTS.digest)

    publisher.trial_started(record)
    result = train(config, few_images(), folder)
    assert result.state == "diverged"
    assert result.divergence is not None
    ended = finished(record, result)
    if told:
        for report in ended.reports:
            publisher.epoch(record, report)
    publisher.trial_ended(ended)

    assert publisher.failures == 0
    run_id = publisher.run_id(ended)
    assert run_id is not None
    rates = client.get_metric_history(run_id, "learning_rate")
    assert [item.step for item in rates] == list(range(result.divergence.step + 1))
    assert rates[-1].value == pytest.approx(result.divergence.learning_rate)
    (accuracy,) = client.get_metric_history(run_id, "val_accuracy")
    assert (accuracy.step, accuracy.value) == (1, result.metrics["val_accuracy"])
    run = client.get_run(run_id)
    assert run.data.tags["clr_sweep.state"] == "diverged"
    assert str(result.divergence.step) in run.data.tags["clr_sweep.reason"]
