"""What MLflow is told of a sweep, and what it holds after it was away for a while."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests
from matplotlib.figure import Figure
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED
from mlflow.tracking import MlflowClient
from optuna.exceptions import StorageInternalError
from small_studies import SmallStudy, copied
from small_trials import few_images, small_config

from clr_sweep.errors import StoreError
from clr_sweep.parent_run import publisher_of
from clr_sweep.publishing import Publisher
from clr_sweep.records import StudyRecord, TrialRecord
from clr_sweep.results import figures
from clr_sweep.search.trials import record_progress
from clr_sweep.tracking import link, tags
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.runs import SweepRuns
from clr_sweep.tracking.store import connect
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import DataFacts
from clr_sweep.training.trial import train
from clr_sweep.trial_job import finished

FACTS = DataFacts("few_images", "a file", "d" * 64, 320, 100, (28, 28), "uint8", Path("unused"))


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


# ---- a tracker that is away


class Sweep:
    """The calls of a driver for the trials of a stored study, each with its folder written."""

    def __init__(self, study: SmallStudy, publisher: Publisher) -> None:
        self.study = study
        self.publisher = publisher

    def start(self, record: TrialRecord) -> None:
        self.publisher.trial_started(replace(record, reports=()))

    def epoch(self, record: TrialRecord, number: int) -> None:
        reports = TrialFolder(record.folder).reports()
        if number <= len(reports):
            self.publisher.epochs(record, [reports[number - 1]])

    def end(self, record: TrialRecord) -> None:
        self.publisher.trial_ended(record)
        self.publisher.refresh(self.study.record)

    def whole(self, record: TrialRecord) -> None:
        self.start(record)
        for number in (1, 2):
            self.epoch(record, number)
        self.end(record)


class Flaky:
    """A client of which some calls fail, before or after they were done."""

    def __init__(self, client: MlflowClient, seed: int) -> None:
        self._client = client
        self._random = random.Random(seed)
        self.failing = False
        self.failed = 0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            drawn = self._random.random() if self.failing else 1.0
            if drawn < 0.1:
                self.failed += 1
                raise MlflowException("the server is away")
            value = found(*args, **kwargs)
            if drawn < 0.15:
                self.failed += 1
                raise MlflowException("its answer was lost")
            return value

        return call


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that has ended, of which MLflow has been told nothing."""
    folder = tmp_path_factory.mktemp("ended")
    study = SmallStudy(folder)
    for state in ("complete", "complete", "pruned", "failed"):
        study.add(state)  # type: ignore[arg-type]
    study.add_baseline()
    study.test_best()
    record_progress(study.study, "complete", 4)
    connect(f"sqlite:///{folder / 'mlflow.db'}")
    return folder


@pytest.fixture
def study(ended: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    """A copy of it, in the current folder; a tracker that is away is tried at every call."""
    copied(ended, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    monkeypatch.setattr(link, "FIRST_PAUSE", 0.0)
    monkeypatch.setattr(link, "LONGEST_PAUSE", 0.0)
    return SmallStudy(tmp_path / "copy")


def assert_nothing_is_wrong(study: SmallStudy, publisher: Publisher) -> None:
    """Every run once, whole, with every value once."""
    assert publisher.trial_runs.reconcile(study.record, mend=False) == []
    found = publisher.runs.children()
    assert sorted(found) == ["0", "1", "2", "3", "baseline"]
    assert {len(runs) for runs in found.values()} == {1}
    assert len(publisher.runs.parents()) == 1


@pytest.mark.parametrize("seed", range(4))
def test_calls_that_fail(study: SmallStudy, seed: int) -> None:
    """At any moment, done or not: in the end every run is whole, and nothing is there twice."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, seed)
    publisher.runs.client = client  # type: ignore[assignment]
    sweep = Sweep(study, publisher)
    client.failing = True
    for record in study.record.all:
        sweep.whole(record)
    assert client.failed > 3
    assert publisher.link.missed
    client.failing = False
    assert publisher.finish(study.record)
    assert publisher.link.missed == 0
    assert_nothing_is_wrong(study, publisher)


def test_what_was_missed_is_made_up_for_at_once(study: SmallStudy) -> None:
    """By the first call after the tracker is back, not only at the end of the sweep."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client._random.random = lambda: 0.0  # type: ignore[method-assign]
    sweep, records = Sweep(study, publisher), study.record.all
    client.failing = True
    for record in records[:3]:
        sweep.whole(record)
    assert publisher.link.away
    assert publisher.link.missed > 10
    client.failing = False
    sweep.whole(records[3])
    assert publisher.link.missed == 0
    sweep.whole(records[4])
    assert_nothing_is_wrong(study, publisher)


@pytest.mark.parametrize("calls", [0, 2, 9])
def test_a_tracker_that_is_away_when_the_runs_are_opened(study: SmallStudy, calls: int) -> None:
    """They are opened when it is back, however many calls the first attempts had made."""
    store = connect(f"sqlite:///{study.place / 'mlflow.db'}")
    publisher = publisher_of(study.study, store, Link(print))
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client.failing = True
    at_start = replace(study.record, trials=(), baseline=None)
    opened: list[int] = []

    def opening() -> None:
        opened.append(len(opened))
        if len(opened) < 3:
            draws = iter([0.5] * calls + [0.0])
            client._random.random = draws.__next__  # type: ignore[method-assign]
        study.open_parent(publisher)
        publisher.reconcile(at_start)

    publisher.open(opening)
    assert publisher.link.away
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.start(records[0])
    assert publisher.link.away
    client.failing = False
    for record in records:
        sweep.whole(record)
    assert opened == [0, 1, 2]
    assert publisher.link.missed == 0
    assert publisher.finish(study.record)
    assert_nothing_is_wrong(study, publisher)


def test_a_tracker_that_refuses_the_runs(
    study: SmallStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would refuse them again at every call: the sweep is told at once."""
    publisher = study.publisher()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:s3cr3t@host")

    def opening() -> None:
        raise MlflowException("no permission\nat all", PERMISSION_DENIED)

    refused = "the MLflow store https://me:***@host refuses the sweep's runs: no permission"
    with pytest.raises(StoreError, match=f"{re.escape(refused)}$"):
        publisher.open(opening)


def test_a_sweep_that_ends_while_the_tracker_is_away(study: SmallStudy) -> None:
    """It is said that not all was told; the next start mends it."""
    publisher = study.publisher()
    client = Flaky(publisher.runs.client, 0)
    publisher.runs.client = client  # type: ignore[assignment]
    client._random.random = lambda: 0.0  # type: ignore[method-assign]
    client.failing = True
    for record in study.record.all:
        Sweep(study, publisher).whole(record)
    assert not publisher.finish(study.record)
    assert publisher.link.missed
    again = study.publisher()
    assert len(again.trial_runs.reconcile(study.record)) == 5
    again.conclude(study.record)
    assert_nothing_is_wrong(study, again)


@pytest.mark.parametrize("away", [False, True])
def test_the_last_figures_are_drawn_once(
    study: SmallStudy, monkeypatch: pytest.MonkeyPatch, away: bool
) -> None:
    """While the finalists are tested; at the end only if MLflow could not be given them."""
    drawn: list[StudyRecord] = []
    of_study = figures.study_figures

    def draw(record: StudyRecord) -> dict[str, Figure]:
        drawn.append(record)
        return of_study(record)

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


class Server:
    """An MLflow server with its database in a folder."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.folder = folder
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        files = (self.folder / "served").as_uri()
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    sys.executable, "-m", "mlflow", "server", "--workers", "1",
                    "--host", "127.0.0.1", "--port", str(self.port),
                    "--backend-store-uri", f"sqlite:///{self.folder / 'served.db'}",
                    "--artifacts-destination", files,
                ],
                stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
            )  # fmt: skip
        for _ in range(1200):
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/health", timeout=5).ok:
                    return
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            time.sleep(0.1)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


@pytest.mark.heavy
def test_a_server_that_is_stopped_and_started_again(
    study: SmallStudy, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the middle of a trial: calls go on without it, and in the end it has everything once."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    said: list[str] = []
    publisher = study.publisher(Link(said.append), server.url)
    sweep, records = Sweep(study, publisher), study.record.all
    sweep.whole(records[0])
    sweep.start(records[1])
    sweep.epoch(records[1], 1)
    assert publisher.link.missed == 0
    server.stop()
    sweep.epoch(records[1], 2)
    sweep.end(records[1])
    sweep.start(records[2])
    sweep.epoch(records[2], 1)
    assert publisher.link.away
    assert "training goes on" in said[1]
    server.start()
    sweep.epoch(records[2], 2)
    assert not publisher.link.away
    sweep.end(records[2])
    sweep.whole(records[3])
    sweep.whole(records[4])
    assert publisher.link.missed == 0
    assert publisher.finish(study.record)
    assert_nothing_is_wrong(study, publisher)
    assert any(text.startswith("MLflow answers again") for text in said)
