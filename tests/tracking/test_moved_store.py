"""A store of MLflow's beside whose files it was moved or copied, and what only looks like one."""

from __future__ import annotations

import logging
import os
import shutil
from pathlib import Path
from urllib.parse import quote

import pytest
from mlflow.tracking import MlflowClient
from mlflow.tracking._tracking_service.utils import _artifact_repos_cache
from small_studies import text_of

from clr_sweep.definition.storage_urls import absolute
from clr_sweep.tracking import tags
from clr_sweep.tracking.moved_store import follow, moved_from
from clr_sweep.tracking.store import connect


def filled(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[MlflowClient, str]:
    """A store with an experiment of one run, that has a file."""
    folder.mkdir()
    monkeypatch.chdir(folder)
    client = connect(f"sqlite:///{folder / 'mlflow.db'}")
    number = client.create_experiment("first")
    run = client.create_run(number, tags={tags.STORAGE: absolute("sqlite:///optuna.db")})
    (folder / "optuna.db").touch()
    client.log_text(run.info.run_id, "before", "file.txt")
    return client, run.info.run_id


def copy(source: Path, target: Path) -> None:
    shutil.copytree(source, target)
    # MLflow keeps in mind where it has found a run's files, and the copy has the same runs.
    _artifact_repos_cache.clear()


@pytest.mark.parametrize("name", ["plain", "it's 100 % ödd"])
def test_a_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Its runs have its own files from the first connection on, which is said once."""
    original, there = tmp_path / f"{name} original", tmp_path / f"{name} copy"
    _, run = filled(original, monkeypatch)
    copy(original, there)
    before = text_of(original / "mlflow.db")
    assert moved_from(there / "mlflow.db") == [original]
    with caplog.at_level(logging.WARNING, "clr_sweep"):
        client = connect(f"sqlite:///{there / 'mlflow.db'}")
        connect(f"sqlite:///{there / 'mlflow.db'}")
    (said,) = [record.getMessage() for record in caplog.records]
    assert f"moved or copied here from {original}" in said
    client.log_text(run, "after", "file.txt")
    client.log_text(client.create_run("1").info.run_id, "new", "new.txt")
    client.log_text(client.create_run("0").info.run_id, "default", "new.txt")
    files = {path.read_text() for path in original.glob("mlruns/*/*/artifacts/*.txt")}
    assert files == {"before"}
    files = {path.read_text() for path in there.glob("mlruns/*/*/artifacts/*.txt")}
    assert files == {"after", "new", "default"}
    monkeypatch.chdir(there)
    assert client.get_run(run).data.tags[tags.STORAGE] == absolute("sqlite:///optuna.db")
    assert text_of(original / "mlflow.db") == before
    assert str(original) not in text_of(there / "mlflow.db")
    assert moved_from(there / "mlflow.db") == moved_from(original / "mlflow.db") == []


def test_looking_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As `doctor` without --fix looks."""
    filled(tmp_path / "original", monkeypatch)
    copy(tmp_path / "original", tmp_path / "copy")
    before = text_of(tmp_path / "copy" / "mlflow.db")
    connect(f"sqlite:///{tmp_path / 'copy' / 'mlflow.db'}", as_it_is=True)
    assert text_of(tmp_path / "copy" / "mlflow.db") == before


def test_a_storage_whose_address_is_quoted_throughout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As earlier versions wrote it: what counts is the file that it names."""
    client, run = filled(tmp_path / "mine, ödd", monkeypatch)
    quoted = f"sqlite:///{quote(str(tmp_path / 'mine, ödd'))}/optuna.db?timeout=9"
    client.set_tag(run, tags.STORAGE, quoted)
    copy(tmp_path / "mine, ödd", tmp_path / "there")
    monkeypatch.chdir(tmp_path / "there")
    now = connect("sqlite:///mlflow.db").get_run(run).data.tags[tags.STORAGE]
    assert now == f"sqlite:///{tmp_path / 'there' / 'optuna.db'}?timeout=9"


def test_somebody_else_s_files_beside_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An experiment of the same number proves nothing: the store keeps its own files."""
    _, run = filled(tmp_path / "original", monkeypatch)
    filled(tmp_path / "other", monkeypatch)
    # Under a name of its own: MLflow keeps a store open under its address.
    file = tmp_path / "other" / "brought.db"
    shutil.copy(tmp_path / "original" / "mlflow.db", file)
    before = text_of(file)
    assert follow(file) == []
    client = connect(f"sqlite:///{file}")
    assert text_of(file) == before
    assert client.get_run(run).info.artifact_uri.startswith(str(tmp_path / "original"))


def test_a_store_that_is_used_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its files lie where MLflow was started; nothing was moved."""
    (tmp_path / "stores").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    file = tmp_path / "stores" / "mlflow.db"
    client = connect(f"sqlite:///{file}")
    run = client.create_run(client.create_experiment("first"))
    client.log_text(run.info.run_id, "text", "file.txt")
    assert moved_from(file) == []


def test_files_that_somebody_chose_a_place_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another experiment's place is left as it is, when the store is moved."""
    client, _ = filled(tmp_path / "original", monkeypatch)
    chosen = (tmp_path / "chosen").as_uri()
    number = client.create_experiment("chosen", artifact_location=chosen)
    copy(tmp_path / "original", tmp_path / "copy")
    now = connect(f"sqlite:///{tmp_path / 'copy' / 'mlflow.db'}")
    assert now.get_experiment(number).artifact_location == chosen
    assert now.get_experiment_by_name("first").artifact_location == str(
        tmp_path / "copy" / "mlruns" / "1"
    )


@pytest.mark.parametrize("content", [b"", b"no database", None])
def test_what_is_no_store(tmp_path: Path, content: bytes | None) -> None:
    """It is not looked at any further: MLflow says what is wrong with it."""
    file = tmp_path / "mlflow.db"
    if content is not None:
        file.write_bytes(content)
    assert moved_from(file) == follow(file) == []
    assert os.listdir(tmp_path) == ([] if content is None else ["mlflow.db"])
