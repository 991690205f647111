"""The study in a real SQLite database: begun, continued and refused."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from platforms import needs_posix
from small_studies import FACTS, begin, result, sweep, text_of
from unprivileged import folder_of_nobody, without_privileges
from written_sweeps import ABSENT

from clr_sweep.common.errors import InputError, StoreError, StudyChangedError
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import STUDY_ID, SWEEP_TEXT
from clr_sweep.search.places import base_of, url_of
from clr_sweep.search.pruners.forecast import ForecastPruner
from clr_sweep.search.reading import stored_sweep
from clr_sweep.search.sampling import Asked
from clr_sweep.study.store_errors import plain_storage_errors


def test_a_study_is_begun_and_continued(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """The second start finds the trials and the definition of the first."""
    made = sweep()
    study = storage.open_study(opened, made, "the text", FACTS)
    assert storage.is_begun(opened, "example")
    assert isinstance(study.pruner, ForecastPruner)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    trials.record_result(study, begin(study, made, tmp_path).trial, result())
    again = storage.open_study(opened, made, "other text", FACTS)
    assert [trial.value for trial in again.trials] == [0.9]
    assert stored_sweep(again) == made
    assert again.user_attrs[SWEEP_TEXT] == "the text"
    loaded = storage.load_study(opened, "example")
    assert stored_sweep(loaded) == made


def test_the_direction_is_the_objective_s(opened: optuna.storages.BaseStorage) -> None:
    """A loss is minimized."""
    study = storage.open_study(opened, sweep({"objective": {"metric": "val_loss"}}), "", FACTS)
    assert study.direction == optuna.study.StudyDirection.MINIMIZE


@pytest.mark.parametrize("metric", ["val_accuracy", "val_loss"])
def test_the_metric_is_named(opened: optuna.storages.BaseStorage, metric: str) -> None:
    """Optuna's own tools show what the value is; no warning is shown for it."""
    made = sweep({"objective": {"metric": metric}})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        storage.open_study(opened, made, "", FACTS)
    assert storage.load_study(opened, "example").metric_names == [metric]


def test_an_older_study_gets_the_name_when_it_goes_on(
    opened: optuna.storages.BaseStorage, study: optuna.Study, ask: Callable[[], Asked]
) -> None:
    """One whose metric has no name in the storage is opened as it is, and continued."""
    trials.record_result(study, ask().trial, result())
    opened.set_study_system_attr(study._study_id, "study:metric_names", None)
    assert storage.load_study(opened, "example").metric_names is None
    again = storage.open_study(opened, sweep(), "", FACTS)
    assert again.metric_names == ["val_accuracy"]
    assert [trial.value for trial in again.trials] == [0.9]


def test_what_may_change_between_starts(opened: optuna.storages.BaseStorage) -> None:
    """More trials, other cores and another place of the data continue the study."""
    storage.open_study(opened, sweep({"study.name": "s"}), "", FACTS)
    changed = {
        "study": {
            "name": "s",
            "trials": 100,
            "jobs": 3,
            "trials_per_gpu": 2,
            "storage": "sqlite:///x",
            "seed": 42,
            "retries": 0,
            "trial_timeout": 60,
            "timeout": 3600.5,
        },
        "description": "said better",
        "dataset": {"name": "fashion_mnist", "validation": 6000, "folder": "elsewhere"},
    }
    storage.open_study(opened, sweep(changed), "", {**FACTS, "data_source": "there"})


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"study.seed": 7}, ["study.seed: was 42, is now 7"]),
        ({"study.deterministic": True}, ["study.deterministic: was false, is now true"]),
        (
            {"training.epochs": 8, "training.batch_size": 32},
            ["training.batch_size: was 64, is now 32", "training.epochs: was 16, is now 8"],
        ),
        (
            {"search_space.max_lr": {"low": 0.01, "high": 2.0, "log": True}},
            ["search_space.max_lr.high: was 1.0, is now 2.0"],
        ),
        (
            {"search_space.step_size_factor": 4},
            [
                "search_space.step_size_factor: was {low: 2, high: 8, log: false, step: nothing}, "
                "is now 4",
            ],
        ),
        (
            {"search_space.momentum": [0, 0.9]},
            ["search_space.momentum: was not given, is now [0, 0.9]"],
        ),
        (
            {"training.optimizer": {"name": "sgd", "arguments": {"momentum": 0.9}}},
            ["training.optimizer.arguments.momentum: was not given, is now 0.9"],
        ),
    ],
)
def test_a_changed_definition_is_refused(
    opened: optuna.storages.BaseStorage, changes: dict[str, Any], lines: list[str]
) -> None:
    """Trials of another definition are not continued: each change is named, and the cure."""
    storage.open_study(opened, sweep(), "", FACTS)
    with pytest.raises(StudyChangedError) as caught:
        storage.open_study(opened, sweep(changes), "", FACTS)
    assert caught.value.exit_status == 2
    first, *rest, cure = str(caught.value).split("\n")
    assert first.startswith("study 'example' was made from another definition")
    assert [line.strip() for line in rest] == lines
    assert "--study NAME" in cure
    assert cure.endswith("none of its trials has ended: `clr-sweep delete example`")
    old = storage.open_study(opened, sweep(), "", FACTS)  # the old one still goes on
    old.add_trial(optuna.trial.create_trial(value=0.5))
    with pytest.raises(StudyChangedError) as caught:
        storage.open_study(opened, sweep(changes), "", FACTS)
    assert "delete" not in str(caught.value)


def test_the_same_meaning_is_no_change(opened: optuna.storages.BaseStorage) -> None:
    """Defaults written out, and numbers written otherwise, are the same definition."""
    first = {"training.optimizer": {"name": "sgd", "arguments": {"momentum": 0}}}
    storage.open_study(opened, sweep(first), "", FACTS)
    second = {
        "training.optimizer": {"name": "sgd", "arguments": {"momentum": 0.0}},
        "search_space.gamma": 0.99994,
        "objective": {"metric": "val_accuracy", "direction": "maximize"},
        "baseline": {"policy": "constant"},
    }
    storage.open_study(opened, sweep(second), "", FACTS)


def test_other_data_is_refused(opened: optuna.storages.BaseStorage) -> None:
    """The same definition on data of another digest is another study."""
    storage.open_study(opened, sweep(), "", FACTS)
    with pytest.raises(StudyChangedError, match="the data: SHA-256 was abc, is now xyz"):
        storage.open_study(opened, sweep(), "", {**FACTS, "data_digest": "xyz"})


def test_a_study_of_somebody_else_is_not_touched(opened: optuna.storages.BaseStorage) -> None:
    """A study with trials that was not made here is refused, by `run` and by `export`."""
    assert not storage.is_begun(opened, "example")
    other = optuna.create_study(study_name="example", storage=opened, direction="maximize")
    assert not storage.is_begun(opened, "example")
    other.tell(other.ask(), 1.0)
    with pytest.raises(InputError, match="was not made by clr-sweep: choose another name"):
        storage.open_study(opened, sweep(), "", FACTS)
    assert other.user_attrs == {}
    with pytest.raises(InputError, match="study 'example' was not made by clr-sweep"):
        storage.load_study(opened, "example")


def test_an_unknown_study_is_answered_by_those_there(opened: optuna.storages.BaseStorage) -> None:
    """`export` of a misspelt name lists the names."""
    with pytest.raises(InputError, match=r"no study 'x' in the storage \(there: none\)"):
        storage.load_study(opened, "x")
    for name in ("b", "a"):
        storage.open_study(opened, sweep({"study.name": name}), "", FACTS)
    with pytest.raises(InputError, match=r"\(there: a, b\)"):
        storage.load_study(opened, "x")


PASSWORD = "s3cr3t!"


@pytest.mark.parametrize(
    "given",
    [
        f"postgresql://me:{PASSWORD}@127.0.0.1:1/x",
        f"mysql://me:{PASSWORD}@127.0.0.1:1/x",
        f"nosuchdatabase://me:{PASSWORD}@host/x",
        f"postgresql://127.0.0.1:1/x?user=me&password={PASSWORD}",
        f"postgresql://me:{PASSWORD}@host:port/x",
        f"postgresql//me:{PASSWORD}@host/x",
    ],
)
def test_a_password_is_never_shown(given: str) -> None:
    """Whatever is wrong with the URL, the message does not repeat the password."""
    with pytest.raises((StoreError, InputError)) as caught:
        storage.open_storage(given)
    assert "storage" in str(caught.value)
    if "//" in given and "://" in given:
        assert PASSWORD not in str(caught.value)
        assert "***" in str(caught.value)


def test_the_password_is_not_stored(opened: optuna.storages.BaseStorage, tmp_path: Path) -> None:
    """The definition that is kept with the study does not say where the study is kept."""
    made = sweep({"study.storage": f"postgresql://me:{PASSWORD}@host/x"})
    study = storage.open_study(opened, made, "", FACTS)
    storage.open_study(opened, sweep(), "", FACTS)
    assert stored_sweep(study).study.storage is None
    assert PASSWORD not in text_of(tmp_path / "optuna.db")


def test_storages_that_cannot_be_used(tmp_path: Path) -> None:
    """A folder, a file that is no database and one that is not there are named."""
    (tmp_path / "text.db").write_text("no database, but a text that is long enough" * 20)
    for name, reason in (
        ("no/folder.db", r"sqlite:///.* cannot be used: unable to open database"),
        ("", "cannot be used: .* is a folder, not a file"),
        ("text.db", r"cannot be used: .*text\.db is no SQLite database"),
    ):
        with pytest.raises(StoreError, match=reason):
            storage.open_storage(f"sqlite:///{tmp_path / name}")
    with pytest.raises(StoreError, match=r"there is no study storage .*new\.db: run this in"):
        storage.open_storage(f"sqlite:///{tmp_path / 'new.db'}", must_exist=True)
    assert not (tmp_path / "new.db").exists()


def test_a_store_of_mlflow_is_refused(tmp_path: Path, url: str) -> None:
    """In place of Optuna's word about versions; nothing is written into it."""
    with contextlib.closing(sqlite3.connect(tmp_path / "optuna.db")) as made, made:
        made.execute("CREATE TABLE experiments (experiment_id INTEGER)")
        made.execute("CREATE TABLE alembic_version (version_num VARCHAR(32))")
        made.execute("INSERT INTO alembic_version VALUES ('c0ffee123456')")
    before = (tmp_path / "optuna.db").read_bytes()
    with pytest.raises(StoreError, match=r"optuna\.db is an MLflow store, .* with --storage"):
        storage.open_storage(url)
    assert (tmp_path / "optuna.db").read_bytes() == before


@needs_posix
def test_a_storage_that_may_not_be_written() -> None:
    """A database that may only be read is refused before a trial is asked for."""
    with folder_of_nobody() as folder:
        url = f"sqlite:///{folder / 'optuna.db'}"
        storage.open_storage(url).engine.dispose()  # type: ignore[attr-defined]
        (folder / "optuna.db").chmod(0o400)
        folder.chmod(0o500)
        with (
            without_privileges(folder),
            pytest.raises(StoreError, match=r"failed: .*attempt to write a readonly database"),
            plain_storage_errors(url),  # as a sweep opens it: Optuna writes first, with the study
        ):
            storage.open_study(storage.open_storage(url), sweep(), "", FACTS)


@pytest.mark.parametrize("text", ["optuna.db", "", "postgresql://host:port/name"])
def test_what_is_no_url(text: str) -> None:
    """A file's name alone is no URL; the message shows one."""
    with pytest.raises(InputError, match="must be a database URL such as sqlite:///"):
        storage.open_storage(text)


@pytest.mark.parametrize("name", ["first", "a {x}?% ä"])
def test_an_open_storage_stays_where_it_was_opened(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process may go on in another folder: what the study names is beside its file still."""
    folder = tmp_path / name
    folder.mkdir()
    monkeypatch.chdir(folder)
    opened = storage.open_storage("sqlite:///optuna.db")
    monkeypatch.chdir(tmp_path)
    storage.open_study(opened, sweep(), "", FACTS)
    assert base_of(opened) == folder
    again = storage.open_storage(str(url_of(opened)), must_exist=True)
    assert storage.is_begun(again, "example")
    assert os.listdir(tmp_path) == [name]


def test_a_study_has_an_id_of_its_own(opened: optuna.storages.BaseStorage) -> None:
    """It stays at every start; two studies differ, and one of an earlier version gets one."""
    first = storage.open_study(opened, sweep(), "", FACTS)
    mine = first.user_attrs[STUDY_ID]
    assert storage.open_study(opened, sweep(), "", FACTS).user_attrs[STUDY_ID] == mine
    other = storage.open_study(opened, sweep({"study.name": "other"}), "", FACTS)
    assert other.user_attrs[STUDY_ID] != mine
    names = [study.study_name for study in storage.own_studies(opened)]
    optuna.create_study(study_name="a somebody's", storage=opened)
    assert [study.study_name for study in storage.own_studies(opened)] == names == [
        "example", "other",
    ]  # fmt: skip


def test_a_study_without_a_section_is_the_default_one(opened: optuna.storages.BaseStorage) -> None:
    """A sweep that says nothing about its study has one of its own name."""
    made = sweep({"study": ABSENT})
    assert storage.open_study(opened, made, "", FACTS).study_name == "example"
