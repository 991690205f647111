"""Small studies as a sweep leaves them: really stored, their trials' folders written by hand."""

from __future__ import annotations

import functools
import shutil
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from matplotlib.figure import Figure
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from small_trials import EXAMPLES, STEPS_PER_EPOCH
from written_sweeps import sweep

from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.configurations import baseline_config
from clr_sweep.search.places import placed
from clr_sweep.search.reading import read_study
from clr_sweep.search.sampling import Asked, Sampling
from clr_sweep.search.study_folder import write_best
from clr_sweep.study.parent_run import open_parent, publisher_of, stored_facts
from clr_sweep.study.part import SweepSource
from clr_sweep.study.publishing import Publisher
from clr_sweep.study.trial_job import finished
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.trial_contents import figures
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inference import save_inference_model
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import Divergence, EpochReport, State, StepPoint, TrialResult
from clr_sweep.training.requests import DataFacts

DATA = DataFacts("few_images", "a file", "d" * 64, EXAMPLES, 100, (28, 28), "uint8")
FACTS = {"data_digest": "abc", "data_source": "here"}
TEXT = "name: example  # as it was written\n"
EPOCHS = 2

_SMALL = {
    "dataset": {"name": "few_images", "validation": 72},
    "training": {"optimizer": "sgd", "batch_size": 32, "epochs": EPOCHS},
    "search_space.step_size_factor": 1,
    "study": {"trials": 5, "seed": 42, "sampler": "random"},
}


def sampling(
    study: optuna.Study, made: Sweep, folder: Path, facts: Mapping[str, Any] = FACTS
) -> Sampling:
    """What a driver has its trials from."""
    return Sampling(study, made, 60000, folder, {"python": "3", **facts})


def begin(
    study: optuna.Study, made: Sweep, folder: Path, facts: Mapping[str, Any] = FACTS
) -> Asked:
    """Ask for a trial as a driver does that has just started."""
    return sampling(study, made, folder, facts).ask()


def result(state: State = "complete", value: float | None = 0.9, **more: Any) -> TrialResult:
    """How a trial ended."""
    fields: dict[str, Any] = {
        "reason": None,
        "metrics": {} if value is None else {"val_accuracy": value},
        "epochs": 16,
        "steps": 13504,
        "cpu_seconds": 90.0,
        "wall_seconds": 91.5,
    }
    return TrialResult(state=state, value=value, **(fields | more))


def value_of(asked: Asked) -> float:
    """A value that follows from what was sampled, so that the sampler has something to learn."""
    params = asked.trial.params
    return float(params["max_lr"] - 10 * params["init_lr"] + 0.01 * params["step_size_factor"])


def text_of(database: Path) -> str:
    """Everything that a database holds, as text."""
    connection = sqlite3.connect(database)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def copied(source: Path, target: Path) -> None:
    """Copy a folder with its databases, and every path in them and in its text files."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.db"), dirs_exist_ok=True)
    for database in source.glob("*.db"):
        with sqlite3.connect(target / database.name) as connection:
            connection.executescript(text_of(database).replace(str(source), str(target)))
        connection.close()
    # MLflow keeps in mind where the files of a run are; the copies have the same runs.
    _artifact_repos_cache.clear()


class SmallStudy:
    """A study in a folder that is the current one, as `clr-sweep run` would have left it.

    Args:
        folder: with the study's storage and MLflow's store.
        name: of the study.
        changes: to the sweep, by dotted key.
    """

    def __init__(
        self, folder: Path, name: str = "example", changes: dict[str, Any] | None = None
    ) -> None:
        self.place = folder
        self.folder = folder / "trials" / name
        self.sweep = sweep({**_SMALL, **(changes or {}), "name": name})
        self.url = f"sqlite:///{folder / 'optuna.db'}"
        store = storage.open_storage(self.url)
        facts = placed(
            store, stored_facts(DATA, SweepSource(folder / "sweep.yaml", "", ()), self.folder)
        )
        self.study = storage.open_study(store, self.sweep, TEXT, facts)
        self.folder.mkdir(parents=True, exist_ok=True)

    @property
    def record(self) -> Any:
        return read_study(self.study)

    def ask(self) -> Asked:
        """A trial that is RUNNING now."""
        return Sampling(self.study, self.sweep, EXAMPLES, self.folder, {"python": "3"}).ask()

    def add(self, state: State) -> int:
        """A trial that has come to this state; its number."""
        asked = self.ask()
        number = asked.trial.number
        epochs = EPOCHS if state == "complete" else 1
        ended = write_folder(asked.folder, asked.config, state, number, epochs)
        for report in TrialFolder(asked.folder).reports():
            value = report.metrics["val_accuracy"]
            trials.record_epoch(self.study, asked.trial, report.epoch, value)
        if state == "failed":
            trials.record_failure(self.study, asked.trial, "ValueError: it broke")
        elif state == "interrupted":
            trials.put_back(self.study, asked.trial)
        elif state != "running":
            trials.record_result(self.study, asked.trial, ended)
        return number

    def add_baseline(self, state: State = "complete") -> None:
        config, folder = baseline_config(self.sweep, EXAMPLES), self.folder / "baseline"
        ended = write_folder(folder, config, state, 77)
        done = ended if state == "complete" else None
        record = TrialRecord(
            "baseline", None, state, None, config, folder, provenance={"python": "3"}
        )
        trials.record_baseline(self.study, record, done)

    def test_best(self) -> None:
        """The best trial and the baseline on the test set."""
        for record in (self.record.best, self.record.baseline):
            metrics = {"test_accuracy": record.value - 0.01, "test_loss": 0.25}
            TrialFolder(record.folder).save_test(metrics)

    def whole(self, *states: State) -> SmallStudy:
        """It with trials that have come to these states, and a baseline; the best tested."""
        for state in states:
            self.add(state)
        self.add_baseline()
        self.test_best()
        return self

    def publisher(self, link: Link | None = None, uri: str | None = None) -> Publisher:
        """What shows it, by default in the store of its folder, with the parent run opened."""
        client = connect(uri or f"sqlite:///{self.place / 'mlflow.db'}")
        publisher = publisher_of(self.study, client, link or Link(print))
        self.open_parent(publisher)
        return publisher

    def open_parent(self, publisher: Publisher) -> None:
        """Its parent run, with its settings."""
        open_parent(self.study, publisher, self.url, None)

    def finish(self, state: State = "complete") -> Publisher:
        """Its end, in the study, in MLflow and in its folder."""
        trials.record_progress(self.study, state, len(self.record.trials))
        publisher = self.publisher()
        publisher.trial_runs.reconcile(self.record)
        publisher.conclude(self.record)
        text = publisher.best_yaml(self.record)
        if text is not None:
            write_best(self.folder, text)
        return publisher


def write_folder(
    path: Path, config: TrialConfig, state: State, seed: int, epochs: int = EPOCHS
) -> TrialResult:
    """What a training leaves in a trial's folder, without one; metrics made up from the seed."""
    random = np.random.default_rng(seed)
    folder = TrialFolder(path)
    folder.start(config)
    folder.log_file.write_text("it was printed\n", encoding="utf-8")
    steps = epochs * STEPS_PER_EPOCH
    size = config.schedule.step_size or None
    rates, losses = random.random((2, steps)).astype("float32")
    for epoch in range(1, epochs + 1):
        own = range((epoch - 1) * STEPS_PER_EPOCH, epoch * STEPS_PER_EPOCH)
        points = tuple(
            StepPoint(
                step, float(rates[step]), float(losses[step]), size and step // (2 * size) + 1
            )
            for step in own
        )
        names = ("loss", "accuracy", "val_loss", "val_accuracy")
        metrics = dict(zip(names, random.random(4).tolist(), strict=True))
        folder.append(EpochReport(epoch, own[-1] + 1, metrics, 1.5, 1.75, points))
    last = folder.reports()[-1]
    complete, diverged = state == "complete", state == "diverged"
    reasons = {"pruned": "pruned after epoch 1", "diverged": "the loss is no longer finite"}
    ended = TrialResult(
        state=state,
        reason=reasons.get(state),
        value=last.metrics["val_accuracy"] if complete else None,
        metrics=last.metrics,
        epochs=epochs,
        steps=steps,
        cpu_seconds=1.5 * epochs,
        wall_seconds=1.75 * epochs,
        divergence=Divergence(steps - 1, epochs, 0.5, 0.25) if diverged else None,
        learning_rate_deviation=0.0,
    )
    if state in ("complete", "pruned", "diverged"):
        folder.save_curve(rates, losses)
        folder.save_result(ended)
        begun = TrialRecord("trial", seed, "running", None, config, path)
        for name, content in _shown(tuple(figures(finished(begun, ended)))).items():
            (path / name).parent.mkdir(exist_ok=True)
            (path / name).write_bytes(content)
    return ended


@functools.cache
def _shown(names: tuple[str, ...]) -> dict[str, bytes]:
    """The files of a trial that MLflow shows: a model that it can load, figures of nothing."""
    import keras

    from clr_sweep import TriangularCyclicalLearningRate

    model = keras.Sequential([keras.Input((28, 28)), keras.layers.Flatten()])
    model.add(keras.layers.Dense(10, activation="softmax"))
    model.compile(keras.optimizers.SGD(TriangularCyclicalLearningRate(0.01, 0.2, 10)))
    model.optimizer.build(model.trainable_variables)
    with tempfile.TemporaryDirectory() as made:
        folder = TrialFolder(Path(made))
        model.save(folder.model_file)
        save_inference_model(folder, "tutorial_cnn", ())
        for name in names:
            folder.save_figure(name, Figure((1, 1)).savefig)
        files = (file for file in folder.path.rglob("*") if file.is_file())
        return {str(file.relative_to(folder.path)): file.read_bytes() for file in files}
