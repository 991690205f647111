"""Folders whose names MLflow reads as something else are refused before it makes anything."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import unquote

import pytest

from clr_sweep.common.errors import StoreError
from clr_sweep.tracking.experiments import experiment_id
from clr_sweep.tracking.folder_names import problem
from clr_sweep.tracking.store import connect


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("my%20project", "my%20project as a quoted address and keep the files in .*/my project: "),
        ("%41", "%41 as a quoted address and keep the files in .*/A: rename that folder"),
        ("""a'b"c""", """both kinds of quotation marks, .*/a'b"c: rename that folder"""),
    ],
)
def test_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, why: str) -> None:
    """MLflow kept the files in a folder beside it, or ended in an error of SQL; nothing is made."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    with pytest.raises(StoreError, match=why):
        connect("sqlite:///mlflow.db")
    assert os.listdir(tmp_path) == [name]
    assert os.listdir(".") == []


def test_the_files_go_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever the database lies."""
    here = tmp_path / "50%25"
    here.mkdir()
    monkeypatch.chdir(here)
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(StoreError, match="the files of the MLflow experiment cannot be kept here"):
        experiment_id(client, "new", "val_accuracy", True)
    assert client.get_experiment_by_name("new") is None
    assert not os.listdir(here)


@pytest.mark.parametrize("name", ["100%", "it's", 'say "hi"', "Müller", "a?b", "a#b", "{x}"])
def test_names_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """As they are, in the place of an experiment's files."""
    (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / name)
    assert problem(Path()) is None
    client = connect("sqlite:///mlflow.db")
    made = client.get_experiment(experiment_id(client, "new", "val_accuracy", True))
    run = client.create_run(made.experiment_id)
    client.log_text(run.info.run_id, "text", "note.txt")
    (file,) = Path("mlruns").rglob("note.txt")
    assert unquote(str(file)) == str(file)
