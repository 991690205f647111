"""`clr-sweep doctor`: what it finds in the study and in the trials' folders, and mends."""

from __future__ import annotations

import json
import shutil
import sqlite3
from pathlib import Path

import pytest
from click.testing import CliRunner
from held_locks import holding
from small_studies import SmallStudy
from whole_study import Whole, doctor

from clr_sweep.cli import main
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import FACTS, PROGRESS, STUDY_ID
from clr_sweep.tracking import tags
from clr_sweep.training.folder import TrialFolder


def test_all_is_well(whole: Whole) -> None:
    """Exit status 0, by name or not, and nothing is written, with or without --fix."""
    before = whole.state()
    for arguments in ((), ("example",), ("--fix",), ("example", "--fix")):
        assert doctor(*arguments) == (0, "study example: all is well\n")
    assert whole.state() == before


def test_an_unknown_study_and_a_storage_that_is_not_there(whole: Whole) -> None:
    """Told as by the other commands."""
    code, output = doctor("other")
    assert code == 2
    assert "there is no study 'other' in the storage (there: example)" in output
    code, output = doctor("--storage", "sqlite:///no.db")
    assert code == 1
    assert "there is no study storage" in output
    assert not (whole.folder / "no.db").exists()


def test_a_storage_without_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that there is nothing to look at."""
    from clr_sweep.search.storage import open_storage

    monkeypatch.chdir(tmp_path)
    open_storage("sqlite:///optuna.db")
    code, output = doctor()
    assert code == 0
    assert "no study" in output


# ---- the study


@pytest.mark.heavy
def test_trials_running_without_a_driver(whole: Whole) -> None:
    """A driver that was killed left them: they wait again, and their runs are ended."""
    study = whole.study
    study.add("running")
    trials.record_progress(study.study, "running", 4)
    publisher = study.publisher()
    publisher.trial_runs.begin(study.record.trials[3])
    whole.mended(
        "RUNNING in the study, and no process runs it: trial 3",
        "the study is marked as running, and no process runs it",
    )
    assert [t.state.name for t in whole.study.study.trials][3] == "WAITING"
    for run in ("trial-003", "example"):
        found = whole.client.get_run(whole.run(run))
        assert (found.info.status, found.data.tags[tags.STATE]) == ("KILLED", "interrupted")
    record = whole.study.record
    assert (record.state, record.planned) == ("interrupted", 4)


@pytest.mark.heavy
def test_a_baseline_running_without_a_driver(whole: Whole) -> None:
    """The baseline too."""
    study = whole.study
    study.add_baseline("running")
    trials.record_progress(study.study, "interrupted", 4)
    whole.mended("RUNNING in the study, and no process runs it: baseline")
    assert whole.study.record.baseline.state == "interrupted"


# ---- the trials' folders


def test_half_written_files(whole: Whole) -> None:
    """Part files of killed processes, and the data that a killed driver left."""
    (whole.trials / "0000" / "model.part.keras").write_bytes(b"half")
    work = whole.trials / "work-abc"
    work.mkdir()
    (work / "x.npy").write_bytes(b"data")
    whole.mended("trial 0: model.part.keras is half-written", "work-abc: data that a killed")
    assert not work.exists()
    assert (whole.trials / "0000" / "model.keras").exists()


def test_a_folder_that_is_gone(whole: Whole) -> None:
    """It is lost, and said so; its run in MLflow, which has the rest, is left alone."""
    shutil.rmtree(whole.trials / "0002")
    before = whole.state()
    for arguments in ((), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert "study example: 1 thing is wrong" in output
        assert "trial 2: its folder" in output
        assert "is gone, and with it its epochs, its curve and its model (cannot be mended)" in (
            output
        )
        assert "mend it" not in output
    assert whole.state() == before


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["epochs.jsonl", "curve.npz", "model.keras", "result.json"])
def test_a_file_that_is_gone(whole: Whole, name: str) -> None:
    """It is lost; what its run has of it stays there."""
    (whole.trials / "0000" / name).unlink()
    runs = {run: whole.client.get_run(whole.run(run)) for run in ("trial-000", "trial-001")}
    for arguments in ((), ("--fix",), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert f"trial 0: its file {name} is gone (cannot be mended)" in output
        assert "whole model" not in output
    for run, before in runs.items():
        now = whole.client.get_run(whole.run(run))
        assert now.info.run_id == before.info.run_id
        assert now.data.metrics == before.data.metrics


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["curve.npz", "result.json", "model.keras", "epochs.jsonl"])
def test_a_file_that_cannot_be_read(whole: Whole, name: str) -> None:
    """Cut short by a crash of the machine or changed by somebody: named, without a traceback."""
    file = whole.trials / "0000" / name
    file.write_bytes(file.read_bytes()[:40] + b"\n\n")
    (whole.client).delete_run(whole.run("trial-000"))
    for arguments in ((), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert name in output
        assert "Traceback" not in output
    file.unlink()
    assert doctor("--fix")[0] == 1  # it is lost
    if name != "epochs.jsonl":
        assert whole.run("trial-000")


@pytest.mark.parametrize("finalist", ["best", "baseline"])
def test_the_metrics_of_the_test_set_are_gone(whole: Whole, finalist: str) -> None:
    """It is said how they come back; what has them still, best.yaml, is left alone."""
    record = getattr(whole.study.record, finalist)
    (record.folder / "test.json").unlink()
    before = whole.state()
    for arguments in ((), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert "study example: 1 thing is wrong" in output
        assert (
            f"{record.label}: its file test.json is gone, with its metrics on the test set: the "
            "same `clr-sweep run` as before tests its model again (cannot be mended)" in output
        )
    assert whole.state() == before


def test_the_metrics_of_the_test_set_cannot_be_read(whole: Whole) -> None:
    """Named, with what to do."""
    record = whole.study.record.best
    for content in ('{"test_accu', "[1, 2]", '{"test_accuracy": null}'):
        (record.folder / "test.json").write_text(content)
        code, output = doctor()
        assert code == 1
        assert "test.json cannot be read (" in output
        assert "remove it and start the same command again" in output
        assert "Traceback" not in output


def test_a_result_that_differs(whole: Whole) -> None:
    """The folder says another thing than the study."""
    file = whole.trials / "0001" / "result.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "value": 0.123, "epochs": 7}))
    code, output = doctor()
    assert code == 1
    assert "trial 1: result.json says 0.123" in output
    assert "trial 1: epochs.jsonl has 2 epochs, result.json 7" in output


@pytest.mark.heavy
def test_best_yaml(whole: Whole) -> None:
    """Gone, or not what `export` writes: it is written again."""
    file = whole.trials / "best.yaml"
    text = file.read_text()
    file.unlink()
    whole.mended("best.yaml is not what `clr-sweep export` writes")
    assert file.read_text() == text
    file.write_text("half")
    whole.mended("best.yaml is not what `clr-sweep export` writes")
    assert file.read_text() == text
    assert CliRunner().invoke(main, ["export", "example"]).output == text


# ---- MLflow


HOLD = """
import sys
from pathlib import Path
from clr_sweep.search.one_driver import only_driver
from clr_sweep.search.study_folder import only_driver_here
lock = only_driver(None, "example") if sys.argv[1] == "storage" else only_driver_here(
    Path("trials/example").absolute(), "example")
with lock:
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.heavy
@pytest.mark.parametrize("where", ["storage", "folder"])
def test_a_study_that_is_being_run(whole: Whole, where: str) -> None:
    """It is not looked at, nor touched; nothing is wrong with that."""
    study = whole.study
    study.add("running")
    trials.record_progress(study.study, "running", 4)
    with holding(HOLD, where):
        before = whole.state()
        for arguments in ((), ("--fix",)):
            code, output = doctor(*arguments)
            assert code == 0
            assert "study 'example'" in output
            assert "run by another process" in output
            assert "(it was not looked at)" in output
        assert whole.state() == before
    assert doctor()[0] == 1


# ---- studies of earlier versions


def make_old(study: SmallStudy) -> None:
    """What a study lacks that was made before this version."""
    facts = dict(study.study.user_attrs[FACTS])
    old = {key: facts[key] for key in ("data_digest", "sweep_file")}
    optuna_study = study.study
    storage = optuna_study._storage
    with sqlite3.connect(study.place / "optuna.db") as connection:
        for key in (STUDY_ID, PROGRESS):
            connection.execute("DELETE FROM study_user_attributes WHERE key = ?", (key,))
    connection.close()
    storage.set_study_user_attr(optuna_study._study_id, FACTS, old)


@pytest.mark.heavy
def test_a_study_of_an_earlier_version(whole: Whole) -> None:
    """It can be exported, `doctor` says what to do, and `run` makes it one of today."""
    make_old(whole.study)
    before = whole.state()
    for arguments in ((), ("--fix",), ("example",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert "made by an earlier version" in output
        assert "clr-sweep run" in output
        assert "Traceback" not in output
    assert whole.state() == before
    done = CliRunner().invoke(main, ["export", "example"])
    assert done.exit_code == 0, done.output
    assert "max_lr" in done.output
    continued = whole.study  # as `run` opens it
    assert continued.study.user_attrs[STUDY_ID]
    assert continued.record.planned == 5
    code, output = doctor("--fix")
    assert code == 0, output
    assert doctor() == (0, "study example: all is well\n")


def test_checkpoints_are_no_leftovers(whole: Whole) -> None:
    """What an interrupted trial goes on from stays."""
    study = whole.study
    number = study.add("interrupted")
    folder = TrialFolder(study.record.trials[number].folder)
    folder.checkpoint_file.write_bytes(b"the state after an epoch")
    trials.record_progress(study.study, "interrupted", 4)
    assert doctor("--fix")[0] == 0
    assert folder.checkpoint_file.exists()
    assert doctor() == (0, "study example: all is well\n")
