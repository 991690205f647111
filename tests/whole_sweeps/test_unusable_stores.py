"""Stores and folders that break on the way, or that cannot be used: each is named, and why."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable

import pytest
from real_runs import CLR_SWEEP, Place, Running, assert_whole

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

# Stores that MLflow would try to reach for a minute or more, and the reason to be shown.
UNUSABLE_STORES = {
    "http://127.0.0.1:9": "Connection refused",
    "postgresql://me:secret@127.0.0.1:9/runs": "Connection refused",
    "sqlite:////dev/null/mlflow.db": "File exists",
}


def test_a_storage_that_breaks(places: Callable[..., Place]) -> None:
    """A study storage that fails on the way is named, and the runs in MLflow are ended."""
    place = places("broken")
    running = place.start_held(place.write_held_sweep(1))
    with sqlite3.connect(place.folder / "optuna.db") as database:
        database.execute("ALTER TABLE study_user_attributes RENAME TO away")
    place.release(1)
    assert running.wait() == 1, running.output
    assert "the study storage sqlite:///optuna.db failed: " in running.output
    assert "Traceback" not in running.output
    assert {run.info.status for run in place.runs()} <= {"FAILED", "KILLED"}
    with sqlite3.connect(place.folder / "optuna.db") as database:
        database.execute("ALTER TABLE away RENAME TO study_user_attributes")
    place.sweep("run", str(place.folder / "t.yaml"), status=0)
    assert_whole(place, 1)


def test_a_tracker_that_breaks(places: Callable[..., Place]) -> None:
    """A tracker that fails never stops a training; what it missed is told in the end."""
    place = places("deaf")
    running = place.start_held(place.write_held_sweep(1))
    with sqlite3.connect(place.folder / "mlflow.db") as database:
        database.execute("ALTER TABLE metrics RENAME TO away")
    place.release(1)
    running.wait_for("MLflow could not be told: ")
    with sqlite3.connect(place.folder / "mlflow.db") as database:
        database.execute("ALTER TABLE away RENAME TO metrics")
    assert running.wait() == 0, running.output
    assert "Traceback" not in running.output
    assert_whole(place, 1)


@pytest.fixture(scope="module")
def unusable(places: Callable[..., Place]) -> dict[str, Running]:
    """Starts whose stores or folders cannot be used, all at once; each ends in plain words."""
    started = {}
    for uri in UNUSABLE_STORES:
        place = places("store", MLFLOW_TRACKING_URI=uri)
        started[uri] = place.start(*CLR_SWEEP, "run", str(place.write_sweep()))
    place = places("storage")
    url = f"sqlite:///{place.folder}/missing/optuna.db"
    started["storage"] = place.start(*CLR_SWEEP, "run", str(place.write_sweep()), "--storage", url)
    place = places("folder")
    (place.folder / "trials").write_text("a file, not a folder")
    started["folder"] = place.start(*CLR_SWEEP, "run", str(place.write_sweep()))
    for running in started.values():
        assert running.wait() == 1
        assert "Traceback" not in running.output
    return started


@pytest.mark.parametrize("uri", UNUSABLE_STORES)
def test_a_tracking_store_that_cannot_be_used(unusable: dict[str, Running], uri: str) -> None:
    """It is refused before the data is loaded, with its name, the reason and no password."""
    running = unusable[uri]
    assert f"the MLflow store {uri.replace('secret', '***')} cannot be used: " in running.output
    assert UNUSABLE_STORES[uri] in running.output
    assert "secret" not in running.output
    assert "loading" not in running.output


def test_a_study_storage_that_cannot_be_used(unusable: dict[str, Running]) -> None:
    """It is refused before the data is loaded, by its name."""
    output = unusable["storage"].output
    assert "/missing/optuna.db cannot be used: unable to open database file" in output
    assert "loading" not in output


def test_a_folder_that_cannot_be_written(unusable: dict[str, Running]) -> None:
    """Where the trials' folder cannot be made, it is named."""
    output = unusable["folder"].output
    assert re.search(r"\S*/trials/tiny cannot be written: ", output)
