"""Where a study's folders are, when its storage, its folders or both have been moved or copied."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from database_servers import Server
from small_studies import SmallStudy, sweep, text_of

from clr_sweep.search import storage
from clr_sweep.search.attributes import BASELINE, FACTS, FOLDER, LOST
from clr_sweep.search.lost_files import lost_and_found
from clr_sweep.search.places import Places, folder_of, placed
from clr_sweep.search.reading import read_study


@pytest.fixture
def made(tmp_path: Path) -> SmallStudy:
    """A study of a complete trial, one that was interrupted and a baseline."""
    study = SmallStudy(tmp_path / "first")
    for state in ("complete", "interrupted"):
        study.add(state)  # type: ignore[arg-type]
    study.add_baseline()
    return study


@pytest.fixture(autouse=True)
def first(tmp_path: Path) -> Path:
    folder = tmp_path / "first"
    folder.mkdir()
    return folder


def opened(folder: Path, name: str = "example") -> Any:
    """The study that is stored in a folder, as another command finds it."""
    return storage.load_study(storage.open_storage(f"sqlite:///{folder / 'optuna.db'}"), name)


def folders(study: Any) -> list[Path]:
    return [record.folder for record in read_study(study).all]


def as_stored_whole(folder: Path) -> None:
    """Make a storage one of an earlier version's, which stored whole paths."""
    with sqlite3.connect(folder / "optuna.db") as connection:
        for table, key in (("study", FACTS), ("study", BASELINE), ("trial", FOLDER)):
            column = f"{table}_user_attribute_id"
            rows = connection.execute(
                f"SELECT {column}, value_json FROM {table}_user_attributes WHERE key = ?", (key,)
            )
            for number, text in rows.fetchall():
                value = json.loads(text)
                if key == FOLDER:
                    value = str(folder / value)
                else:
                    value["folder"] = str(folder / value["folder"])
                    value.pop("movable", None)
                connection.execute(
                    f"UPDATE {table}_user_attributes SET value_json = ? WHERE {column} = ?",
                    (json.dumps(value), number),
                )
    connection.close()


def test_what_is_stored_names_no_folder_above(made: SmallStudy, first: Path) -> None:
    """Nothing in the storage says where it lies."""
    assert str(first) not in text_of(first / "optuna.db")
    assert made.study.trials[0].user_attrs[FOLDER] == "trials/example/0000"
    assert made.study.user_attrs[FACTS]["folder"] == "trials/example"


@pytest.mark.usefixtures("made")
@pytest.mark.parametrize("is_whole", [False, True], ids=["relative", "earlier version"])
@pytest.mark.parametrize("way", [shutil.copytree, shutil.move])
def test_moved_or_copied_together(first: Path, tmp_path: Path, way: Any, is_whole: bool) -> None:
    """The folders are those beside the storage, whether the original is still there or not."""
    if is_whole:
        as_stored_whole(first)
        assert folders(opened(first))[1] == first / "trials" / "example" / "0000"
    second = tmp_path / "second"
    way(first, second)
    study = opened(second)
    below = second / "trials" / "example"
    assert folders(study) == [below / "baseline", below / "0000", below / "0001"]
    assert Places(study).home == below
    record = read_study(study)
    assert len(record.trials[0].reports) == 2
    said = lost_and_found(study, record)
    assert [line.split(": ")[0] for line in said] == [f"found again in {below}"] * is_whole


@pytest.mark.usefixtures("made")
def test_a_storage_moved_alone(first: Path, tmp_path: Path) -> None:
    """What is lost is said at every start, and once that it is there again."""
    second = tmp_path / "second"
    second.mkdir()
    shutil.copy(first / "optuna.db", second)
    study = opened(second)
    for _ in range(2):
        said = lost_and_found(study, read_study(study))
        assert said == [
            f"lost: baseline, trial 0: not in {second}/trials/example, and with the folders their "
            "epochs, curves and models; what the study and MLflow hold of them stays. Put the "
            "folders there, or run this where they are",
            "lost: what trial 1 would go on from: starting over",
        ]
    shutil.copytree(first / "trials", second / "trials")
    assert lost_and_found(study, read_study(study)) == ["found again: what baseline, trial 0 left"]
    assert lost_and_found(study, read_study(study)) == []
    assert study.user_attrs[LOST] == []


def test_a_file_that_is_gone(made: SmallStudy, first: Path) -> None:
    """The trial's folder is there, its model is not."""
    (first / "trials" / "example" / "0000" / "model.keras").unlink()
    said = lost_and_found(made.study, made.record)
    assert said == ["lost: trial 0 has no model.keras any more"]


def test_a_new_study_loses_nothing(first: Path) -> None:
    """Nor is anything written into it."""
    study = SmallStudy(first)
    study.ask()
    assert lost_and_found(study.study, study.record) == []
    assert LOST not in study.study.user_attrs


@pytest.mark.heavy
def test_a_server_s_study_in_two_folders(server: Server, tmp_path: Path) -> None:
    """Its folders are stored whole; those of the other folder stay there, or are brought along."""
    store = storage.open_storage(server.url("places"))
    name, made = "two-places", sweep({"name": "two-places"})
    here, there = (tmp_path / place / "trials" / name for place in ("here", "there"))
    for folder in (here, there):
        facts = placed(store, {"data_digest": "d", "folder": str(folder), "search_path": []})
        assert facts["folder"] == str(folder)
        study = storage.open_study(store, made, "text", facts)
        places = Places(study)
        assert (places.home, places.stored(here / "0000")) == (folder, str(here / "0000"))
    (here / "0000").mkdir(parents=True)
    assert places.found(str(here / "0000")) == here / "0000"
    assert places.found(str(here / "0001")) == there / "0001"  # it starts over where the study is
    (there / "0000").mkdir(parents=True)
    assert places.found(str(here / "0000")) == there / "0000"
    store.engine.dispose()  # type: ignore[attr-defined]


def test_a_server_s_study_goes_on_where_it_was_begun(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From whatever folder, as long as its own is there; one in a SQLite file is where that is."""
    begun, other = (tmp_path / place / "trials" / "begun" for place in ("begun", "other"))
    begun.mkdir(parents=True)
    (tmp_path / "other").mkdir()
    monkeypatch.chdir(tmp_path / "other")
    for url in (server.url("begun"), f"sqlite:///{tmp_path / 'begun' / 'optuna.db'}"):
        store = storage.open_storage(url)
        assert folder_of(store, "begun") == other
        facts = placed(store, {"data_digest": "d", "folder": str(begun), "search_path": []})
        storage.open_study(store, sweep({"name": "begun"}), "text", facts)
        is_server = not url.startswith("sqlite")
        assert folder_of(store, "begun") == (begun if is_server else other)
        if is_server:
            begun.rename(tmp_path / "away")
            assert folder_of(store, "begun") == other
        store.engine.dispose()  # type: ignore[attr-defined]


def test_folders_that_lie_elsewhere(first: Path, tmp_path: Path) -> None:
    """A storage in another folder than the trials: they do not move with it, and stay whole."""
    store = storage.open_storage(f"sqlite:///{first / 'optuna.db'}")
    elsewhere = tmp_path / "elsewhere" / "trials" / "example"
    facts = placed(
        store, {"data_digest": "d", "folder": str(elsewhere), "search_path": [str(first)]}
    )
    assert facts["folder"] == str(elsewhere)
    assert facts["search_path"] == ["."]
    study = storage.open_study(store, sweep({"name": "example"}), "text", facts)
    (first / "trials" / "example").mkdir(parents=True)
    assert Places(study).home == elsewhere
    store.engine.dispose()  # type: ignore[attr-defined]


def test_a_link_to_the_folder(first: Path, tmp_path: Path) -> None:
    """The same folder under another name is still the one beside the storage."""
    (tmp_path / "link").symlink_to(first)
    store = storage.open_storage(f"sqlite:///{tmp_path / 'link' / 'optuna.db'}")
    facts = placed(
        store, {"data_digest": "d", "folder": str(first / "trials" / "x"), "search_path": []}
    )
    assert facts["folder"] == "trials/x"
    store.engine.dispose()  # type: ignore[attr-defined]
