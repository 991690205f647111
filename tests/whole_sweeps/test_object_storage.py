"""Sweeps whose files MLflow keeps on object storage that speaks S3: by its own address, or behind
a server; storage that is not there, that refuses, and that goes away in mid-sweep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import mlflow_servers
import object_storage
import pytest
from mlflow_servers import PATIENT
from object_storage import SECRET, ObjectStorage
from real_runs import Place, assert_whole, definition

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

BUCKET = "runs"
PLACE = f"s3://{BUCKET}/sweeps"
# As a user who wants to use the model does it, with MLflow alone.
LOADS = """
import sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.keras.load_model(f"runs:/{sys.argv[2]}/{sys.argv[3]}")
print("parameters", model.count_params())
"""


@pytest.fixture(scope="module")
def storage() -> Iterator[ObjectStorage]:
    with object_storage.running() as made:
        made.make_bucket(BUCKET)
        yield made


def sweep_of(place: Place, trials: int, artifacts: str | None) -> str:
    """A sweep file with the place of its files."""
    tracking = {} if artifacts is None else {"tracking": {"artifacts": artifacts}}
    return str(place.write_sweep(definition(trials=trials) | tracking))


def assert_files_are_there(storage: ObjectStorage, prefix: str, parent: Any, place: Place) -> None:
    """Figures, report and models of the sweep and of each of its trials."""
    keys = {key.removeprefix(prefix) for key in storage.keys(BUCKET) if key.startswith(prefix)}
    of_parent = f"{parent.info.run_id}/artifacts"
    for name in ("report.html", "best.yaml", "figures/history.png", "sweep/t.yaml"):
        assert f"{of_parent}/{name}" in keys, name
    for trial in place.runs_of_kind("trial"):
        of_trial = f"{trial.info.run_id}/artifacts"
        for name in ("config.yaml", "curves/curve.npz", "figures/learning_rate.png"):
            assert f"{of_trial}/{name}" in keys, name
    models = [key for key in keys if key.startswith("models/") and key.endswith("MLmodel")]
    assert len(models) == len(place.runs_of_kind("trial")) + 1  # and the baseline's
    assert not any("clr-sweep-writes-here" in key for key in keys)


def assert_no_secret(folder: Path, *texts: str) -> None:
    """Of the storage, in all that was written and said."""
    for file in folder.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes(), file
    for text in texts:
        assert SECRET not in text


def load(place: Place, uri: str) -> str:
    """What a process prints that loads the model of the best trial's run."""
    (trial, *_) = place.runs_of_kind("trial")
    (output,) = trial.outputs.model_outputs
    name = place.client.get_logged_model(output.model_id).name
    done = subprocess.run(
        [sys.executable, "-c", LOADS, uri, trial.info.run_id, name],
        env=place.environment, cwd=place.folder, capture_output=True, text=True, check=False,
        timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_by_its_own_address(places: Callable[..., Place], storage: ObjectStorage) -> None:
    """Named in the sweep file: files go there and nowhere else, and are found again."""
    place = places("straight", **storage.environment)
    file = sweep_of(place, 2, PLACE)
    ran = place.sweep("run", file, status=0)
    parent = assert_whole(place, 2)
    experiment = place.client.get_experiment(parent.info.experiment_id)
    assert experiment.artifact_location == PLACE
    assert_files_are_there(storage, "sweeps/", parent, place)
    assert not (place.folder / "mlruns").exists()
    examined = place.sweep("doctor", status=0)
    assert examined.output == "study tiny: all is well\n"
    assert "parameters 18762" in load(place, f"sqlite:///{place.database}")
    assert_no_secret(place.folder, ran.output, examined.output)
    # It cannot be moved.
    refused = place.sweep("run", sweep_of(place, 3, f"s3://{BUCKET}/elsewhere"), status=1)
    assert f"'tiny' keeps its files in {PLACE}, and not in s3://runs/elsewhere" in refused.output
    assert place.states() == ["COMPLETE"] * 2


@pytest.mark.slow
def test_behind_a_server(places: Callable[..., Place], storage: ObjectStorage) -> None:
    """The server has the storage and its credentials; the sweep knows of neither."""
    place = places("behind")
    settings = {"files": f"s3://{BUCKET}/served", "environment": storage.environment}
    with mlflow_servers.running(**settings) as server:
        place.environment |= PATIENT | {"MLFLOW_TRACKING_URI": server.url}
        place.sweep("run", sweep_of(place, 1, None), status=0)
        place.store = server.store
        parent = assert_whole(place, 1)
        location = f"mlflow-artifacts:/{parent.info.experiment_id}"
        assert place.client.get_experiment(parent.info.experiment_id).artifact_location == location
        prefix = f"served/{parent.info.experiment_id}/"
        assert_files_are_there(storage, prefix, parent, place)
        assert place.sweep("doctor", status=0).output == "study tiny: all is well\n"
        assert "parameters 18762" in load(place, server.url)
    assert_no_secret(place.folder)


@pytest.mark.slow
@pytest.mark.parametrize("behind", [False, True], ids=["by its own address", "behind a server"])
def test_a_bucket_that_is_not_there(
    places: Callable[..., Place], storage: ObjectStorage, behind: bool
) -> None:
    """It is said before the first training, and the experiment can still be made elsewhere."""
    place = places("missing", **storage.environment)
    if not behind:
        refused = place.sweep("run", sweep_of(place, 1, "s3://missing/x"), status=1)
        assert "cannot be written to s3://missing/x: " in refused.output
        assert "NoSuchBucket" in refused.output
        assert_nothing_was_trained(place)
        place.sweep("run", sweep_of(place, 1, PLACE), status=0)
        assert_whole(place, 1)
        return
    settings = {"files": "s3://missing/x", "environment": storage.environment}
    with mlflow_servers.running(**settings) as server:
        place.environment["MLFLOW_TRACKING_URI"] = server.url
        refused = place.sweep("run", sweep_of(place, 1, None), status=1)
        assert "the files of the MLflow experiment cannot be written to mlflow-artifacts:/1" in (
            refused.output
        )
        assert_nothing_was_trained(place)


def assert_nothing_was_trained(place: Place) -> None:
    assert place.states() == []
    assert not list((place.folder / "trials").rglob("epochs.jsonl"))


def test_a_bucket_that_refuses(places: Callable[..., Place]) -> None:
    """Whom it does not know is told so, without what they said of themselves."""
    with object_storage.running(refusing=True) as refusing:
        place = places("refusing", **refusing.environment)
        refused = place.sweep("run", sweep_of(place, 1, PLACE), status=1)
        assert f"cannot be written to {PLACE}: " in refused.output
        assert "InvalidAccessKeyId" in refused.output
        assert_nothing_was_trained(place)
        assert_no_secret(place.folder, refused.output)


def test_one_that_goes_away(places: Callable[..., Place]) -> None:
    """In mid-sweep, with all that it held: training goes on, and the doctor writes all again."""
    with object_storage.running() as storage:
        storage.make_bucket(BUCKET)
        place = places("away", **storage.environment)
        content = held(place, 3)
        running = place.start_held(place.write_sweep(content), ahead=2)
        storage.kill()
        place.release(2)
        assert running.wait() == 0, running.output
        assert "MLflow could not be told: Could not connect to the endpoint URL" in running.output
        assert "clr-sweep doctor tiny --fix" in running.output
        assert place.states() == ["COMPLETE"] * 3
        storage.start()
        storage.make_bucket(BUCKET)
        place.sweep("doctor", status=1)
        place.sweep("doctor", "--fix", status=0)
        assert place.sweep("doctor", status=0).output == "study tiny: all is well\n"
        parent = assert_whole(place, 3)
        assert_files_are_there(storage, "sweeps/", parent, place)
        assert_no_secret(place.folder, running.output)


def held(place: Place, trials: int) -> dict[str, Any]:
    """A sweep whose trainings can be held, with its files on the storage."""
    import yaml

    content = yaml.safe_load(place.write_held_sweep(trials, epochs=2).read_text())
    return dict(content) | {"tracking": {"artifacts": PLACE}}
