"""Stores that cannot be used."""

from __future__ import annotations

import contextlib
import os
import socket
import sqlite3
from pathlib import Path

import optuna
import pytest

from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.tracking.store import connect


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment that the tests were started in."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)


@pytest.mark.parametrize(
    ("uri", "shown"),
    [
        ("postgresql://me:secret@host:5432/db", "postgresql://me:***@host:5432/db"),
        ("https://me:p%40ss@host/x?y=1", "https://me:***@host/x?y=***"),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db"),
        ("http://host:5000", "http://host:5000"),
    ],
)
def test_passwords_are_hidden(uri: str, shown: str) -> None:
    """The rest of the URI stays as it is."""
    assert hidden_address(uri) == shown


def test_a_server_that_is_not_there_is_named() -> None:
    """Within seconds, and without the password."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    for uri in (f"http://127.0.0.1:{port}", f"postgresql://me:secret@127.0.0.1:{port}/db"):
        with pytest.raises(StoreError, match=f"127.0.0.1:{port}") as caught:
            connect(uri)
        assert "secret" not in str(caught.value)


def test_a_process_that_goes_on_in_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store of a relative address is that folder's: runs of one never land in the other's."""
    clients = {}
    for name in ("first", "second ?{x}% ä"):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.chdir(folder)
        clients[folder] = connect("sqlite:///mlflow.db")
        assert os.listdir() == ["mlflow.db"]
        clients[folder].create_experiment(name)
    for folder, client in clients.items():
        assert client.get_experiment_by_name(folder.name).artifact_location.startswith(str(folder))
        with contextlib.closing(sqlite3.connect(folder / "mlflow.db")) as database:
            found = database.execute("SELECT name FROM experiments ORDER BY experiment_id")
            assert [name for (name,) in found] == ["Default", folder.name]
        again = connect(client.tracking_uri)
        assert again.get_experiment_by_name(folder.name) is not None


@pytest.mark.parametrize("name", ["Müller", "a#[1] 100% & 'b'", "日本語"])
def test_nothing_lies_beside_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """MLflow makes the folder of what stands in the address, as it stands there."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    connect("sqlite:///mlflow.db").create_experiment("first")
    assert os.listdir(tmp_path) == [name]
    assert os.listdir(folder) == ["mlflow.db"]


@pytest.mark.parametrize("name", ["notes", "notes/folder/mlflow.db"])
def test_what_is_no_database_is_named(tmp_path: Path, name: str) -> None:
    """A file of something else, which is not written over, and one where no folder can be."""
    file = tmp_path / "notes"
    file.write_text("this is no database, but somebody's notes\n" * 100)
    with pytest.raises(StoreError, match=f"{name} cannot be used"):
        connect(f"sqlite:///{tmp_path / name}")
    assert file.read_text().startswith("this is no database")


def test_a_study_storage_is_refused(tmp_path: Path) -> None:
    """Optuna's database as the store: nothing is written into it."""
    file = tmp_path / "optuna.db"
    optuna.storages.RDBStorage(f"sqlite:///{file}").engine.dispose()
    before = file.read_bytes()
    with pytest.raises(StoreError, match=r"optuna\.db is a study storage .* MLFLOW_TRACKING_URI"):
        connect(f"sqlite:///{file}")
    assert file.read_bytes() == before


def test_a_version_that_mlflow_does_not_know_is_named(tmp_path: Path) -> None:
    """Of another program that keeps its version as MLflow does."""
    with contextlib.closing(sqlite3.connect(tmp_path / "other.db")) as made, made:
        made.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        made.execute("INSERT INTO alembic_version VALUES ('c0ffee')")
    with pytest.raises(StoreError, match=r"other\.db cannot be used: .*'c0ffee'; .* another prog"):
        connect(f"sqlite:///{tmp_path}/other.db")
