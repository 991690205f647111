"""What MLflow is told of a sweep, and how its runs end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from compared_arms import compared
from matplotlib.figure import Figure
from optuna.exceptions import StorageInternalError
from small_studies import SmallStudy
from small_trials import few_images, small_config
from told_sweep import Flaky, Sweep

from clr_sweep.results import figures
from clr_sweep.search.arms import BASELINE
from clr_sweep.search.importances import LEAST_TRIALS
from clr_sweep.study.parent_run import publisher_of
from clr_sweep.study.publishing import Publisher
from clr_sweep.study.trial_job import finished
from clr_sweep.tracking import tags
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import Importance, StudyRecord, TrialRecord
from clr_sweep.training.requests import DataFacts
from clr_sweep.training.trial import train

FACTS = DataFacts("few_images", "a file", "d" * 64, 320, 100, (28, 28), "uint8")


@pytest.mark.heavy
@pytest.mark.parametrize("told", [True, False])
def test_the_epoch_in_which_a_trial_diverges_is_shown(tmp_path: Path, told: bool) -> None:
    """Its rates, up to the one that was too high, and its metrics: once, reported or not."""
    config = small_config("triangular", model="tutorial_cnn", max_lr=1e12, epochs=2)
    folder = TrialFolder(tmp_path / "trial")
    record = TrialRecord("trial", 0, "running", None, config, folder.path)
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "a").as_uri())
    runs = SweepRuns(client, experiment, "study", "its id", FACTS)
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    publisher = Publisher(runs, Link(print), (), FACTS.digest)

    publisher.trial_started(record)
    result = train(config, few_images(), folder)
    assert result.state == "diverged"
    assert result.divergence is not None
    ended = finished(record, result)
    if told:
        for report in ended.reports:
            publisher.epochs(record, [report])
    publisher.trial_ended(ended)

    assert publisher.link.missed == 0
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


@pytest.mark.heavy
@pytest.mark.parametrize("away", [False, True])
def test_the_last_figures_are_drawn_once(
    study: SmallStudy, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    """While the finalists are tested; at the end only if MLflow could not be given them."""
    drawn: list[StudyRecord] = []
    of_study = figures.study_figures

    def draw(record: StudyRecord, importances: Mapping[str, Importance]) -> dict[str, Figure]:
        drawn.append(record)
        return of_study(record, importances)

    monkeypatch.setattr(figures, "study_figures", draw)
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client._random.random = lambda: 0.0  # type: ignore[method-assign]
    publisher.reconcile(study.record)
    client.failing = away
    publisher.draw_last(study.record)
    client.failing = False
    assert publisher.finish(study.record)
    assert len(drawn) == 1 + away
    files = publisher.runs.files(publisher.runs.parent_id)
    assert {f"figures/{name}" for name in of_study(study.record)} <= files


def test_the_figure_of_a_comparison_waits_for_the_test_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Drawn when the last final has ended it would stay without any value."""
    drawn: list[StudyRecord] = []

    def draw(record: StudyRecord, _importances: Mapping[str, Importance]) -> dict[str, Figure]:
        drawn.append(record)
        return {}

    monkeypatch.setattr(figures, "study_figures", draw)
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    experiment = client.create_experiment("e", artifact_location=(tmp_path / "a").as_uri())
    runs = SweepRuns(client, experiment, "tiny.comparison", "its id", FACTS)
    runs.open_parent(None, "sqlite:///optuna.db", "1")
    publisher = Publisher(runs, Link(print), (), FACTS.digest)
    finals = {"CLR": [0.9, 0.8], "constant": [0.7, 0.6], BASELINE: [0.5, 0.4]}
    publisher.draw_last(compared(finals, is_tested=False))
    tested = compared(finals)
    assert publisher.finish(tested)
    assert drawn == [tested]


def test_a_sweep_that_is_stopped(study: SmallStudy) -> None:
    """The trials in flight are interrupted in MLflow, those that have ended are not."""
    publisher = study.publisher()
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.whole(records[1])
    sweep.start(records[2])
    sweep.epoch(records[2], 1)
    publisher.stopped(study.record, "interrupted", "Ctrl-C")
    done, left = (publisher.runs.runs_of(record)[0] for record in records[1:3])
    assert (done.info.status, left.info.status) == ("FINISHED", "KILLED")
    assert left.data.tags[tags.REASON] == "Ctrl-C"
    (parent,) = publisher.runs.parents()
    assert (parent.info.status, parent.data.tags[tags.REASON]) == ("KILLED", "Ctrl-C")


def test_a_sweep_that_is_stopped_while_its_runs_are_opened(study: SmallStudy) -> None:
    """By its storage, say, from which the opening reads: the parent is ended all the same."""
    store = connect(f"sqlite:///{study.place / 'mlflow.db'}")
    publisher = publisher_of(study.study, store, Link(print))

    def opening() -> None:
        study.open_parent(publisher)
        raise StorageInternalError("the storage is gone")

    with pytest.raises(StorageInternalError):
        publisher.open(opening)
    publisher.stopped(None, "failed", "the storage is gone")
    (parent,) = publisher.runs.parents()
    assert (parent.info.status, parent.data.tags[tags.REASON]) == ("FAILED", "the storage is gone")


def test_importances_are_drawn_at_the_end(study: SmallStudy) -> None:
    """From enough trials on; while the sweep runs they would take its processor."""
    record = study.record
    (complete, *_) = [trial for trial in record.trials if trial.state == "complete"]
    many = tuple(
        replace(
            complete,
            number=number,
            value=0.5 + number / 100,
            params={"max_lr": 0.01 * (number + 1), "init_lr": 1e-4 * (1 + number % 5)},
        )
        for number in range(LEAST_TRIALS)
    )
    publisher = study.publisher()
    publisher._next_figures = 0.0  # as when the sweep has run for a minute
    publisher.refresh(replace(record, trials=many))
    files = publisher.runs.files(publisher.runs.parent_id)
    assert "figures/history.png" in files
    assert "figures/importances.png" not in files
    publisher.draw_last(replace(record, trials=many[1:]))
    assert "figures/importances.png" not in publisher.runs.files(publisher.runs.parent_id)
    publisher.draw_last(replace(record, trials=many))
    assert "figures/importances.png" in publisher.runs.files(publisher.runs.parent_id)
