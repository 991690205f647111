"""The study in a real SQLite database: begun, continued, refused, put back, and read."""

from __future__ import annotations

import json
import math
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from written_sweeps import ABSENT, content

from clr_sweep.config import Sweep
from clr_sweep.errors import InputError, StoreError, StudyChangedError
from clr_sweep.records import Divergence, EpochReport, TrialResult
from clr_sweep.search import storage
from clr_sweep.search.pruning import POSITIONS, CycleAwarePruner, positions
from clr_sweep.search.space import baseline_config, suggest
from clr_sweep.training.folder import TrialFolder

FACTS = {"data_digest": "abc", "data_source": "here"}
EXAMPLES = 60000


def sweep(changes: dict[str, Any] | None = None) -> Sweep:
    return Sweep.model_validate(content(changes))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'optuna.db'}"


@pytest.fixture
def opened(url: str) -> Iterator[optuna.storages.BaseStorage]:
    store = storage.open_storage(url)
    yield store
    store.engine.dispose()  # type: ignore[attr-defined]


def begin(
    study: optuna.Study, made: Sweep, folder: Path, facts: dict[str, Any] = FACTS
) -> optuna.Trial:
    """Ask for a trial as the driver does, and store what it is."""
    study.sampler = storage.next_sampler(study, made)
    trial = study.ask()
    config = suggest(trial, made, trial.number, EXAMPLES)
    places = positions(config.schedule.step_size, 844, made.training.epochs)
    where = folder / f"{trial.number:04d}"
    storage.begin_trial(trial, config, where, places, {"python": "3"} | facts)
    return trial


def result(state: str = "complete", value: float | None = 0.9, **more: Any) -> TrialResult:
    fields: dict[str, Any] = {
        "reason": None,
        "metrics": {} if value is None else {"val_accuracy": value},
        "epochs": 16,
        "steps": 13504,
        "cpu_seconds": 90.0,
        "wall_seconds": 91.5,
    }
    return TrialResult(state=state, value=value, **(fields | more))  # type: ignore[arg-type]


def text_of(database: Path) -> str:
    """Everything that the database holds, as text."""
    connection = sqlite3.connect(database)
    try:
        return "\n".join(connection.iterdump())
    finally:
        connection.close()


def test_a_study_is_begun_and_continued(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """The second start finds the trials and the definition of the first."""
    made = sweep()
    study = storage.open_study(opened, made, "the text", FACTS)
    assert isinstance(study.pruner, CycleAwarePruner)
    assert study.direction == optuna.study.StudyDirection.MAXIMIZE
    storage.record_result(study, begin(study, made, tmp_path), result())
    again = storage.open_study(opened, made, "other text", FACTS)
    assert [trial.value for trial in again.trials] == [0.9]
    assert storage.stored_sweep(again) == made
    assert again.user_attrs[storage.SWEEP_TEXT] == "the text"
    loaded = storage.load_study(opened, "example")
    assert storage.stored_sweep(loaded) == made


def test_the_direction_is_the_objective_s(opened: optuna.storages.BaseStorage) -> None:
    """A loss is minimized."""
    study = storage.open_study(opened, sweep({"objective": {"metric": "val_loss"}}), "", FACTS)
    assert study.direction == optuna.study.StudyDirection.MINIMIZE


def test_what_may_change_between_starts(opened: optuna.storages.BaseStorage) -> None:
    """More trials, other cores and another place of the data continue the study."""
    storage.open_study(opened, sweep({"study.name": "s"}), "", FACTS)
    changed = {
        "study": {"name": "s", "trials": 100, "jobs": 3, "storage": "sqlite:///x", "seed": 42},
        "description": "said better",
        "dataset": {"name": "fashion_mnist", "validation": 6000, "folder": "elsewhere"},
    }
    storage.open_study(opened, sweep(changed), "", {**FACTS, "data_source": "there"})


@pytest.mark.parametrize(
    ("changes", "lines"),
    [
        ({"study.seed": 7}, ["study.seed: was 42, is now 7"]),
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
    storage.open_study(opened, sweep(), "", FACTS)  # the old one still goes on


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
    other = optuna.create_study(study_name="example", storage=opened, direction="maximize")
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


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_an_interrupted_trial_keeps_its_number_and_its_values(
    opened: optuna.storages.BaseStorage, tmp_path: Path, sampler: str
) -> None:
    """A trial left running by a driver that died waits, and is asked for again as it was."""
    made = sweep({"study.sampler": sampler})
    study = storage.open_study(opened, made, "", FACTS)
    storage.record_result(study, begin(study, made, tmp_path), result())
    left = begin(study, made, tmp_path)
    left.report(0.5, 1)
    before = study.trials[left.number]

    again = storage.open_study(opened, made, "", FACTS)
    assert storage.waiting_again(again) == [1]
    assert [trial.state for trial in again.trials] == [TrialState.COMPLETE, TrialState.WAITING]
    trial = begin(again, made, tmp_path)
    assert trial.number == 1
    assert trial.params == before.params
    stored = again.trials[1]
    assert stored.state == TrialState.RUNNING
    assert stored.user_attrs == before.user_attrs
    storage.record_result(again, trial, result(value=0.8))
    assert [trial.value for trial in again.trials] == [0.9, 0.8]
    assert storage.waiting_again(again) == []
    assert begin(again, made, tmp_path).number == 2


def test_trials_that_a_driver_put_back_wait_too(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """After a signal the trials wait already; they are named among those that go on."""
    made = sweep()
    study = storage.open_study(opened, made, "", FACTS)
    first, second = begin(study, made, tmp_path), begin(study, made, tmp_path)
    storage.put_back(study, first)
    assert storage.waiting_again(study) == [first.number, second.number]
    assert [begin(study, made, tmp_path).number for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize("sampler", ["random", "qmc"])
def test_an_interrupted_study_samples_as_one_that_was_not(tmp_path: Path, sampler: str) -> None:
    """What is sampled hangs on the seed and the number, not on how often it was started."""
    made = sweep({"study.sampler": sampler})

    def values(name: str, interrupted: bool) -> list[dict[str, Any]]:
        store = storage.open_storage(f"sqlite:///{tmp_path / name}")
        study = storage.open_study(store, made, "", FACTS)
        for number in range(6):
            trial = begin(study, made, tmp_path)
            if interrupted and number % 2:
                study = storage.open_study(store, made, "", FACTS)
                assert storage.waiting_again(study) == [number]
                trial = begin(study, made, tmp_path)
            storage.record_result(study, trial, result(value=number / 10))
        found = [trial.params for trial in study.trials]
        store.engine.dispose()  # type: ignore[attr-defined]
        return found

    straight = values("straight.db", interrupted=False)
    assert straight == values("interrupted.db", interrupted=True)
    assert len({json.dumps(params) for params in straight}) == 6


def test_a_diverged_trial_is_learned_from_and_is_never_nan(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """It is told as pruned, with where it happened; the storage holds no value that is none."""
    made = sweep()
    study = storage.open_study(opened, made, "", FACTS)
    trial = begin(study, made, tmp_path)
    where = Divergence(step=900, epoch=2, learning_rate=0.7, phase=0.25)
    ended = result("diverged", None, reason="the loss is NaN", divergence=where, epochs=2)
    storage.record_result(study, trial, ended)
    assert study.trials[0].state == TrialState.PRUNED
    (record,) = storage.read_study(study).trials
    assert (record.state, record.reason, record.value) == ("diverged", "the loss is NaN", None)
    assert record.divergence == where
    text = text_of(tmp_path / "optuna.db")
    assert "NaN" not in text.replace("the loss is NaN", "")
    assert "Infinity" not in text


def test_how_trials_end(opened: optuna.storages.BaseStorage, tmp_path: Path) -> None:
    """Every end is read back as it was told, in the order of the numbers."""
    made = sweep()
    study = storage.open_study(opened, made, "", FACTS)
    storage.record_result(study, begin(study, made, tmp_path), result(value=0.7))
    storage.record_result(study, begin(study, made, tmp_path), result(value=0.9))
    pruned = result("pruned", None, reason="pruned after epoch 4", epochs=4)
    storage.record_result(study, begin(study, made, tmp_path), pruned)
    storage.record_failure(study, begin(study, made, tmp_path), "Traceback: no memory")
    storage.put_back(study, begin(study, made, tmp_path))
    read = storage.read_study(study)
    assert [trial.state for trial in read.trials] == [
        "complete",
        "complete",
        "pruned",
        "failed",
        "interrupted",
    ]
    assert [trial.number for trial in read.trials] == [0, 1, 2, 3, 4]
    assert read.best is read.trials[1]
    assert read.trials[3].reason == "Traceback: no memory"
    assert (read.name, read.metric, read.direction) == ("example", "val_accuracy", "maximize")
    assert read.importances == {}
    begin(study, made, tmp_path)
    assert storage.read_study(study).trials[4].state == "running"


def test_a_trial_is_read_with_all_that_it_left(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """Configuration, values and result come from the study, epochs from the trial's folder."""
    made = sweep({"search_space.momentum": [0, 0.9]})
    study = storage.open_study(opened, made, "", FACTS)
    trial = begin(study, made, tmp_path)
    config = suggest(study.trials[0], made, 0, EXAMPLES)
    folder = TrialFolder(tmp_path / "0000")
    folder.start(config)
    report = EpochReport(1, 844, {"val_accuracy": 0.5}, 6.0, 6.5)
    folder.append(report)
    folder.save_test({"test_accuracy": 0.88})
    storage.record_result(study, trial, result(value=0.875))
    (record,) = storage.read_study(study).trials
    assert record.config == config
    assert record.params == trial.params
    assert record.params["momentum"] in (0, 0.9)
    assert record.folder == tmp_path / "0000"
    assert record.reports == (report,)
    assert record.value == 0.875
    assert record.metrics == {"val_accuracy": 0.875}
    assert record.test_metrics == {"test_accuracy": 0.88}
    assert (record.cpu_seconds, record.wall_seconds) == (90.0, 91.5)
    assert record.provenance == {"python": "3", **FACTS}
    assert study.trials[0].user_attrs[POSITIONS][1] == pytest.approx(
        positions(config.schedule.step_size, 844, 16)[1]
    )


def test_the_baseline_is_no_trial(opened: optuna.storages.BaseStorage, tmp_path: Path) -> None:
    """The sampler never learns from it; it is read beside the trials, whatever its state."""
    made = sweep()
    study = storage.open_study(opened, made, "", FACTS)
    assert storage.read_study(study).baseline is None
    config, folder = baseline_config(made, EXAMPLES), tmp_path / "baseline"
    storage.record_baseline(study, config, folder, {}, None, "running")
    running = storage.read_study(study).baseline
    assert running is not None
    assert (running.state, running.number, running.value) == ("running", None, None)
    storage.record_baseline(study, config, folder, {"x": 1}, result(value=0.75), "complete")
    ended = storage.read_study(study).baseline
    assert ended is not None
    assert (ended.kind, ended.state, ended.value) == ("baseline", "complete", 0.75)
    assert ended.config == config
    assert study.trials == []


def test_importances_need_trials_enough(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """From ten complete trials on each sampled value has its importance, all together 1."""
    made = sweep({"study.sampler": "random", "search_space.policy": "triangular"})
    study = storage.open_study(opened, made, "", FACTS)
    for _ in range(12):
        trial = begin(study, made, tmp_path)
        storage.record_result(study, trial, result(value=-abs(math.log(trial.params["max_lr"]))))
        if len(study.trials) < 10:
            assert storage.read_study(study).importances == {}
    found = storage.read_study(study).importances
    assert found.keys() == {"init_lr", "max_lr", "step_size_factor"}
    assert sum(found.values()) == pytest.approx(1)
    assert max(found, key=lambda name: found[name]) == "max_lr"


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
    assert storage.stored_sweep(study).study.storage is None
    assert PASSWORD not in text_of(tmp_path / "optuna.db")


def test_storages_that_cannot_be_used(tmp_path: Path) -> None:
    """A folder, a file that is no database and one that is not there are named."""
    with pytest.raises(StoreError, match=r"sqlite:///.* cannot be used: unable to open database"):
        storage.open_storage(f"sqlite:///{tmp_path / 'no' / 'folder.db'}")
    with pytest.raises(StoreError, match="cannot be used: unable to open database"):
        storage.open_storage(f"sqlite:///{tmp_path}")
    (tmp_path / "text.db").write_text("no database, but a text that is long enough" * 20)
    with pytest.raises(StoreError, match="cannot be used: file is not a database"):
        storage.open_storage(f"sqlite:///{tmp_path / 'text.db'}")
    with pytest.raises(StoreError, match=r"there is no study storage .*new\.db: run this in"):
        storage.open_storage(f"sqlite:///{tmp_path / 'new.db'}", must_exist=True)
    assert not (tmp_path / "new.db").exists()


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="nothing is hidden from root")
def test_a_storage_that_may_not_be_written(tmp_path: Path, url: str) -> None:
    """A database that may only be read is refused before a trial is asked for."""
    storage.open_storage(url).engine.dispose()  # type: ignore[attr-defined]
    (tmp_path / "optuna.db").chmod(0o400)
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError):
        storage.open_study(storage.open_storage(url), sweep(), "", FACTS)


@pytest.mark.parametrize("text", ["optuna.db", "", "postgresql://host:port/name"])
def test_what_is_no_url(text: str) -> None:
    """A file's name alone is no URL; the message shows one."""
    with pytest.raises(InputError, match="must be a database URL such as sqlite:///"):
        storage.open_storage(text)


def test_a_relative_file_holds_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL that is kept with the runs names the whole path of a file, and others as they are."""
    monkeypatch.chdir(tmp_path)
    assert storage.absolute("sqlite:///optuna.db") == f"sqlite:///{tmp_path / 'optuna.db'}"
    for same in ("sqlite:///:memory:", "sqlite://", f"postgresql://me:{PASSWORD}@host/x"):
        assert storage.absolute(same) == same


def test_samplers_are_seeded_by_the_number() -> None:
    """Two sweeps of one seed sample alike, and two trials of a sweep differ."""

    def first(made: Sweep, number: int) -> float:
        study = optuna.create_study(sampler=storage.make_sampler(made, number))
        return float(study.ask().suggest_float("x", 0, 1))

    for name in ("tpe", "random"):
        made = sweep({"study.sampler": name})
        assert first(made, 3) == first(sweep({"study.sampler": name}), 3)
        assert first(made, 3) != first(made, 4)
        assert first(made, 3) != first(sweep({"study": {"sampler": name, "seed": 1}}), 3)


def test_a_study_without_a_section_is_the_default_one(opened: optuna.storages.BaseStorage) -> None:
    """A sweep that says nothing about its study has one of its own name."""
    made = sweep({"study": ABSENT})
    assert storage.open_study(opened, made, "", FACTS).study_name == "example"
