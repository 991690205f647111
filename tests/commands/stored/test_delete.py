"""`clr-sweep delete`: all of a study goes, nothing else does, and a killed deletion is finished."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from held_locks import HOLD, holding
from mlflow.tracking import MlflowClient
from stored_commands import invoke, printed_json

from clr_sweep.cli import main
from clr_sweep.commands import delete as command
from clr_sweep.search.steady_storage import SteadyStorage


def client(place: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{place / 'mlflow.db'}")


def left(place: Path) -> dict[str, set[str]]:
    """Of which studies something is there: in the storage, as folders, as runs, models, views."""
    asked = client(place)
    experiments = asked.search_experiments()
    ids = [item.experiment_id for item in experiments]
    runs, models = asked.search_runs(ids, max_results=1000), asked.search_logged_models(ids)
    views = {key.rpartition(".clr-sweep-")[2] for item in experiments for key in item.tags
             if key.startswith("mlflow.sharedViewState.")}  # fmt: skip
    folders = (place / "trials").iterdir() if (place / "trials").is_dir() else ()
    return {
        "storage": {study["name"] for study in printed_json("list")},
        "folders": {folder.name for folder in folders},
        "runs": {run.data.tags["clr_sweep.study"] for run in runs},
        "models": {model.tags["clr_sweep.study"] for model in models},
        "views": views,
    }


ALL = {"example", "example.constant", "other"}


def test_all_of_a_study_goes_and_nothing_else(place: Path) -> None:
    """It, its comparison's searches, folders, runs, models and view; another study stays."""
    before = left(place)
    assert set(map(frozenset, before.values())) == {frozenset(ALL)}
    kept = {file: file.read_bytes() for file in (place / "trials/other").rglob("*.json")}
    result = invoke("delete", "example", "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert left(place) == {kind: {"other"} for kind in before}
    assert {file: file.read_bytes() for file in kept} == kept
    assert invoke("doctor").output == "study other: all is well\n"


def test_what_will_be_deleted_is_said_and_asked(place: Path) -> None:
    """No, and nobody who could answer, leave all as it was."""
    before = left(place)
    refused = invoke("delete", "example", answer="n\n")
    assert refused.exit_code == 1
    for text in (
        "this will be deleted:\nstudy example.constant, 1 trial\n",
        "study example, 5 trials\n",
        f"  the folder {place / 'trials/example'}, ",
        "  7 runs in MLflow, with their models",
        "Delete it? [y/N]: ",
        "clr-sweep: nothing was deleted",
    ):
        assert text in refused.stderr
    unanswered = invoke("delete", "example", answer="")
    assert unanswered.exit_code == 2
    assert "say --yes where nobody can answer" in unanswered.stderr
    assert left(place) == before
    assert invoke("delete", "example", answer="y\n").exit_code == 0
    assert left(place)["storage"] == {"other"}


def test_a_part_goes_alone(place: Path) -> None:
    """Deleting a rival's search leaves the study that it was compared with, and names it."""
    deleted = invoke("delete", "example.constant", "--yes")
    assert deleted.exit_code == 0
    assert "study 'example' stays, whose comparison this is a part of" in deleted.stderr
    assert set(map(frozenset, left(place).values())) == {frozenset({"example", "other"})}


def test_a_study_that_a_process_runs_is_refused(place: Path) -> None:
    """Whichever of the studies that would go it runs; nothing is deleted."""
    before = left(place)
    for name in ("example", "example.constant"):
        with holding(HOLD, f"sqlite:///{place / 'optuna.db'}", name):
            result = invoke("delete", "example", "--yes")
        assert result.exit_code == 2
        assert f"study {name!r} in sqlite:///optuna.db is run by another process" in result.stderr
        assert left(place) == before


def test_a_registered_model_is_kept(place: Path) -> None:
    """A study goes when its versions have been deleted."""
    registered = invoke("export", "example", "--register", "mine", "--alias", "champion")
    assert registered.exit_code == 0, registered.output
    result = invoke("delete", "example", "--yes")
    assert result.exit_code == 2
    assert "version 1 of the registered model 'mine' (champion)" in result.stderr
    client(place).delete_model_version("mine", "1")
    assert invoke("delete", "example", "--yes").exit_code == 0


def test_without_mlflow_and_without_folders(place: Path) -> None:
    """What is not there need not be deleted, and no store is made."""
    shutil.rmtree(place / "trials")
    (place / "mlflow.db").unlink()
    result = invoke("delete", "example", "--yes")
    assert result.exit_code == 0, result.output
    assert "nothing in MLflow: there is no store" in result.stderr
    assert [study["name"] for study in printed_json("list")] == ["other"]
    assert not (place / "mlflow.db").exists()


def test_a_study_that_is_not_there(place: Path) -> None:
    """It is refused, with what there is; a deleted one is not there either."""
    assert invoke("delete", "other", "--yes").exit_code == 0
    again = invoke("delete", "other", "--yes")
    assert again.exit_code == 2
    assert "there is no study 'other' in the storage (there: example, " in again.stderr
    assert place.is_dir()


def killed(owner: Any, name: str, calls: int) -> None:
    """`clr-sweep delete example` in a process that is killed at the start of a call."""
    child = os.fork()
    if child:
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
        return
    function, done = getattr(owner, name), []

    def dies(*arguments: Any, **keywords: Any) -> Any:
        done.append(1)
        if len(done) == calls:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*arguments, **keywords)

    try:
        setattr(owner, name, dies)
        main(["delete", "example", "--yes"])
    finally:
        os._exit(0)


@pytest.mark.heavy
@pytest.mark.parametrize(
    ("owner", "name", "calls"),
    [
        (MlflowClient, "delete_run", 1),
        (MlflowClient, "delete_run", 5),
        (os, "rmdir", 8),
        (SteadyStorage, "delete_study", 1),
        (command, "delete", 2),
    ],
)
def test_a_deletion_that_is_killed_is_finished(
    place: Path, owner: Any, name: str, calls: int
) -> None:
    """What is left is known for what it is, used for nothing, and goes the second time."""
    killed(owner, name, calls)
    studies = {study["name"]: study["state"] for study in printed_json("list")}
    assert "example" in studies
    for half in (study for study, state in studies.items() if state == "deleting"):
        for use in ("show", "export", "doctor"):
            said = f"study {half!r} is half deleted: `clr-sweep delete {half}` deletes the rest"
            assert said in invoke(use, half).stderr
        assert f"it is half deleted: `clr-sweep delete {half}`" in invoke("doctor").output
    assert invoke("delete", "example", "--yes").exit_code == 0
    assert set(map(frozenset, left(place).values())) == {frozenset({"other"})}
