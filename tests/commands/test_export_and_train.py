"""From a finished study to a file, and from the file to the same metrics again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import warm_starts
import yaml
from real_runs import DATA, Place, Running, assert_whole, definition, elsewhere
from refused_commands import Refusal, assert_refused, refused_together

from clr_sweep.definition.loading import load_sweep
from clr_sweep.search import storage


@pytest.fixture(scope="module")
def exported(finished: Place) -> str:
    """The best configuration, as `clr-sweep export` prints it."""
    done = finished.sweep("export", "tiny", status=0)
    return done.output


def test_commands_are_started_warm(finished: Place) -> None:
    """Whatever this process has imported; otherwise all tests of commands are slow."""
    assert warm_starts.differing(finished.environment) == set()


def best(finished: Place) -> Any:
    """The best trial in Optuna."""
    return finished.study().best_trial


def test_export_prints_the_best_trial(finished: Place, exported: str) -> None:
    """By the study's name: the configuration, the metrics and where they come from."""
    content = yaml.safe_load(exported)
    trial = best(finished)
    assert content["config"] == trial.user_attrs["config"]
    assert content["metrics"]["val_accuracy"] == trial.value
    assert {"test_accuracy", "test_loss"} <= content["metrics"].keys()
    assert content["provenance"]["model"] == trial.user_attrs["result"]["model"]
    assert content["provenance"]["model"]["parameters"] > 1000
    assert content["provenance"]["trial_number"] == trial.number
    run = finished.client.get_run(content["provenance"]["mlflow_run_id"])
    assert run.data.tags["clr_sweep.trial_number"] == str(trial.number)
    assert run.data.metrics["test_accuracy"] == content["metrics"]["test_accuracy"]


def test_export_is_what_the_sweep_left(finished: Place, exported: str) -> None:
    """The file in the study's folder and the artifact of the parent run say the same."""
    assert (finished.folder / "trials" / "tiny" / "best.yaml").read_text() == exported
    (parent,) = finished.runs_of_kind("sweep")
    artifact = finished.client.download_artifacts(parent.info.run_id, "best.yaml")
    assert Path(artifact).read_text() == exported


@pytest.mark.parametrize("kind", ["sweep", "baseline"])
def test_export_by_run_from_another_folder(
    finished: Place, exported: str, tmp_path: Path, kind: str
) -> None:
    """By the id of the parent run or of a child, which know where the study is stored."""
    run = finished.runs_of_kind(kind)[0]
    done = elsewhere(finished, tmp_path, "export", run.info.run_id)
    assert done.process.returncode == 0, done.output
    assert done.output == exported


def test_export_a_trial_into_a_file(finished: Place, tmp_path: Path) -> None:
    """Another trial than the best, from another folder with the storage named, into a file."""
    other = 1 - best(finished).number
    file = tmp_path / "other.yaml"
    url = f"sqlite:///{finished.folder / 'optuna.db'}"
    done = elsewhere(
        finished, tmp_path / "there", "export", "tiny", "--trial", str(other), "-o", str(file),
        "--storage", url,
    )  # fmt: skip
    assert done.process.returncode == 0, done.output
    assert done.output == f"written to {file}\n"
    content = yaml.safe_load(file.read_text())
    assert content["provenance"]["trial_number"] == other
    assert content["config"] == finished.study().trials[other].user_attrs["config"]


@pytest.mark.parametrize("content", [None, b"", b"no database"])
def test_export_says_that_mlflow_does_not_tell_the_run(
    finished: Place, tmp_path: Path, content: bytes | None
) -> None:
    """No store, one without the study, one that cannot be read: the rest is written, with why."""
    if content is not None:
        (tmp_path / "mlflow.db").write_bytes(content)
    done = elsewhere(
        finished, tmp_path, "export", "tiny", "-o", "best.yaml", "--storage",
        f"sqlite:///{finished.folder / 'optuna.db'}", MLFLOW_TRACKING_URI="sqlite:///mlflow.db",
    )  # fmt: skip
    assert done.process.returncode == 0, done.output
    file = tmp_path / "mlflow.db"
    why = {
        None: f"there is no MLflow store {file}",
        b"": f"the MLflow store sqlite:///{file} has no run of it",
        b"no database": f"the MLflow store sqlite:///{file} cannot be used: {file} is no SQLite",
    }[content]
    assert done.output.startswith(
        f"warning: mlflow_run_id of trial {best(finished).number} is null: {why}"
    )
    assert file.exists() == (content is not None)
    written = yaml.safe_load((tmp_path / "best.yaml").read_text())
    assert written["provenance"]["mlflow_run_id"] is None
    assert written["config"] == best(finished).user_attrs["config"]


REFUSED: list[Refusal] = [
    (("nothing",), 2, "there is no study 'nothing' in the storage (there: tiny)"),
    (("0" * 32,), 2, "no run " + "0" * 32 + " of a clr-sweep study in the MLflow store"),
    (("tiny", "--trial", "7"), 2, "study 'tiny' has no trial 7 (0 to 1)"),
    (("tiny", "--trial", "-1"), 2, "--trial"),
    (("tiny", "-o", "missing/x.yaml"), 2, "missing/x.yaml: cannot be written"),
    (("tiny", "--storage", "sqlite:///no.db"), 1, "there is no study storage"),
    (("tiny", "--storage", "nonsense"), 2, "must be a database URL"),
]


@pytest.fixture(scope="module")
def refused(finished: Place) -> dict[tuple[str, ...], Running]:
    return refused_together(finished, "export", REFUSED)


@pytest.mark.parametrize(("arguments", "status", "message"), REFUSED)
def test_export_of_what_is_not_there(
    refused: dict[tuple[str, ...], Running], arguments: tuple[str, ...], status: int, message: str
) -> None:
    """A wrong name is refused with what there is."""
    assert_refused(refused[arguments], status, message)


def test_export_without_a_complete_trial(places: Callable[..., Place]) -> None:
    """A study without a complete trial says what its trials are."""
    place = places("empty")
    file = place.write_sweep()
    store = storage.open_storage(f"sqlite:///{place.folder / 'optuna.db'}")
    storage.open_study(store, load_sweep(file), file.read_text(), {"data_digest": "0"})
    done = place.sweep("export", "tiny", status=2)
    assert "study 'tiny' has no complete trial to export (0 pruned, " in done.output


def test_train_reproduces_to_the_bit(finished: Place, exported: str, tmp_path: Path) -> None:
    """In another folder and another store: the same metrics, in one run that has ended."""
    (tmp_path / "best.yaml").write_text(exported)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    done = elsewhere(finished, tmp_path, "train", "best.yaml", MLFLOW_TRACKING_URI=uri)
    assert done.process.returncode == 0, done.output
    assert "reproduced: all 6 recorded metrics, to the bit" in done.output

    (run,) = Place(tmp_path).runs()
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"train-{best(finished).number:03d}"
    assert run.data.tags["clr_sweep.kind"] == "train"
    recorded = yaml.safe_load(exported)["metrics"]
    assert {key: run.data.metrics[key] for key in recorded} == recorded
    assert run.info.run_id in done.output
    # The study's own store was not written to, and nothing but the run is left here.
    assert_whole(finished, 2)
    assert {path.name for path in tmp_path.iterdir()} == {
        "best.yaml", "mlflow.db", "mlruns", done.output_file.name,
    }  # fmt: skip


def minimal(exported: str) -> dict[str, Any]:
    """What someone would write by hand: no metrics, no provenance, defaults left out."""
    config = yaml.safe_load(exported)["config"]
    keys = ("model", "schedule", "steps", "seed", "split_seed")
    dataset = {key: config["dataset"][key] for key in ("name", "validation")}
    rest = {key: config[key] for key in keys}
    return {"config": {"dataset": dataset, "training": {"epochs": 2}, "objective": {}, **rest}}


def write(folder: Path, content: Mapping[str, Any]) -> str:
    """Write a configuration; its path."""
    folder.mkdir(exist_ok=True)
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(content)))
    return str(folder / "config.yaml")


@pytest.mark.heavy
def test_train_by_hand(finished: Place, exported: str, tmp_path: Path) -> None:
    """A file written by hand trains; a metric in it that is not met is shown with both values."""
    content = minimal(exported)
    config = write(tmp_path, {**content, "metrics": {"val_accuracy": 0.125}})
    done = elsewhere(finished, tmp_path / "there", "train", config)
    assert done.process.returncode == 0, done.output
    found = yaml.safe_load(exported)["metrics"]["val_accuracy"]
    assert f"val_accuracy: recorded 0.125, found {found!r}" in done.output
    assert "not reproduced to the bit" in done.output
    assert "Traceback" not in done.output


def test_train_on_other_data(finished: Place, exported: str, tmp_path: Path) -> None:
    """Data that is not the recorded data is refused before a run is made."""
    with np.load(DATA / "fashion_mnist_slice.npz") as file:
        arrays = dict(file)
    arrays["x_test"][0, 0, 0] ^= 1
    np.savez(tmp_path / "other.npz", **arrays)
    content = yaml.safe_load(exported)
    content["config"]["dataset"]["name"] = str(tmp_path / "other.npz")
    before = len(finished.runs())
    done = elsewhere(finished, tmp_path, "train", write(tmp_path, content))
    assert done.process.returncode == 2, done.output
    digest = content["provenance"]["data_digest"]
    assert (
        f"provenance.data_digest: the configuration was trained on data with SHA-256 {digest}"
        in (done.output)
    )
    assert len(finished.runs()) == before


def test_train_a_wrong_file(finished: Place, exported: str, tmp_path: Path) -> None:
    """Every problem of the file is named with its place."""
    content = minimal(exported)
    content["config"]["steps"] = 0
    content["config"]["schedule"]["policy"] = "square"
    content["colour"] = "blue"
    done = elsewhere(finished, tmp_path, "train", write(tmp_path, content))
    assert done.process.returncode == 2
    for place in ("config.steps: ", "config.schedule.policy: ", "colour"):
        assert place in done.output
    assert "Traceback" not in done.output


@pytest.mark.heavy
def test_what_lies_beside_the_sweep_file_is_found_again(
    places: Callable[..., Place], tmp_path: Path
) -> None:
    """Data and a model beside the sweep file: its best.yaml trains from elsewhere."""
    place = places("beside")
    own = place.folder / "own"
    own.mkdir()
    shutil.copy(DATA / "held_model.py", own)
    shutil.copy(DATA / "fashion_mnist_slice.npz", own / "slice.npz")
    content = definition(trials=1)
    content["dataset"]["name"] = "slice.npz"
    content["model"] = {"name": "held_model:build"}
    (own / "sweep.yaml").write_text(yaml.safe_dump(content))
    place.sweep("run", "own/sweep.yaml", status=0)
    shutil.copy(place.folder / "trials" / "tiny" / "best.yaml", tmp_path)
    again = elsewhere(place, tmp_path, "train", "best.yaml")
    assert again.process.returncode == 0, again.output
    assert "recorded metrics, to the bit" in again.output
    # The module has another model now: said so, while it trains and at its end.
    module = own / "held_model.py"
    layer = 'keras.layers.Dense(classes, activation="softmax")(hidden)'
    text = module.read_text().replace(
        layer, layer.replace("(hidden)", "(keras.layers.Dense(4)(hidden))")
    )
    module.write_text(text)
    other = elsewhere(place, tmp_path, "train", "best.yaml")
    assert other.process.returncode == 0, other.output
    said = (
        "the model is another one than that of best.yaml: held_model:build had 7,850 parameters, "
    )
    assert f"warning: {said}" in other.output
    assert "; the metrics are of two models:\n  loss: recorded " in other.output
    assert "reproduced" not in other.output
