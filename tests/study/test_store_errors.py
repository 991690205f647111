"""Stores whose files or folders this user may not use: which right is missing, and where."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from platforms import needs_posix
from small_studies import FACTS, SmallStudy, sweep
from unprivileged import folder_of_nobody, without_privileges

from clr_sweep.commands.doctor import examine
from clr_sweep.common.errors import StoreError
from clr_sweep.search import storage
from clr_sweep.study.store_errors import plain_storage_errors
from clr_sweep.tracking.experiments import experiment_id
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.which_store import StoreChoice

pytestmark = needs_posix


def study_storage(folder: Path) -> None:
    """As a sweep opens it: Optuna writes first, with the study."""
    url = f"sqlite:///{folder / 'optuna.db'}"
    with plain_storage_errors(url):
        storage.open_study(storage.open_storage(url), sweep(), "", FACTS)


def listed_storage(folder: Path) -> None:
    """As a command opens it that looks at studies."""
    storage.open_storage(f"sqlite:///{folder / 'optuna.db'}", must_exist=True)


def mlflow_store(folder: Path) -> None:
    experiment_id(connect(f"sqlite:///{folder / 'mlflow.db'}"), "mine", "val_accuracy", True)


RIGHT = "give this user the right to read and write {0}, and to write in its folder"
READ_ONLY = f"attempt to write a readonly database; {RIGHT}"
NOT_OPENED = f"unable to open database file; {RIGHT}"
THERE = "{folder} cannot be written: Permission denied; give this user the right to write there"


@pytest.mark.parametrize(
    ("use", "file", "file_mode", "folder_mode", "said"),
    [
        (
            study_storage,
            "optuna.db",
            0o400,
            0o500,
            f"attempt to write a readonly database; {RIGHT}",
        ),
        (study_storage, "optuna.db", 0o000, 0o700, NOT_OPENED),
        (study_storage, "optuna.db", None, 0o500, NOT_OPENED),
        (listed_storage, "optuna.db", 0o000, 0o700, NOT_OPENED),
        (listed_storage, "optuna.db", 0o600, 0o000, NOT_OPENED),
        (mlflow_store, "mlflow.db", 0o400, 0o500, READ_ONLY),
        (mlflow_store, "mlflow.db", None, 0o500, THERE),
        (mlflow_store, "mlflow.db", 0o600, 0o000, THERE),
    ],
)
def test_a_right_that_is_missing(
    use: Callable[[Path], None],
    file: str,
    file_mode: int | None,
    folder_mode: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of the file or of its folder, for each store."""
    with folder_of_nobody() as folder:
        monkeypatch.chdir(folder)  # where MLflow keeps files
        (study_storage if file == "optuna.db" else mlflow_store)(folder)
        if file_mode is None:
            (folder / file).unlink()
        else:
            (folder / file).chmod(file_mode)
        folder.chmod(folder_mode)
        with without_privileges(folder), pytest.raises(StoreError) as caught:
            use(folder)
        monkeypatch.undo()  # before it is gone
    text = str(caught.value)
    assert said.format(folder / file, folder=folder) in text
    assert not re.search(r"SQL|Errno|Error\)|\n", text), text


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """It is named, whole."""
    wanted = f"there is no folder {tmp_path / 'no'}: make it, or name another"
    with pytest.raises(StoreError, match=re.escape(wanted)):
        study_storage(tmp_path / "no")


def test_doctor_of_a_store_that_may_not_be_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether it is there nobody can say: that a right is missing can be said."""
    with folder_of_nobody() as folder:
        monkeypatch.chdir(folder)
        study = SmallStudy(folder)
        study.add("complete")
        closed = folder / "closed"
        closed.mkdir(mode=0)
        choice = StoreChoice(f"sqlite:///{closed / 'mlflow.db'}")
        with without_privileges(folder), pytest.raises(StoreError) as caught:
            examine("example", study.url, choice, fix=False)
        monkeypatch.undo()
    assert f"{closed} cannot be written: Permission denied; give this user" in str(caught.value)
