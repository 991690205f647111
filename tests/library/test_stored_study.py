"""A stored study in Python: `clr_sweep.load_study`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import optuna
import pytest
from held_locks import HOLD, holding
from small_studies import SmallStudy
from small_trials import STEPS_PER_EPOCH

from clr_sweep import InputError, Study, load_best, load_study
from clr_sweep.commands.report import write_report
from clr_sweep.common.errors import StoreError
from clr_sweep.search.writing import record_progress
from clr_sweep.tracking.which_store import StoreChoice


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> SmallStudy:
    """A study of five trials, one of each end, with its baseline and its runs in MLflow."""
    folder = tmp_path_factory.mktemp("stüdy")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        small = SmallStudy(folder, changes={"search_space.weight_decay": [0.0, 0.01]})
        small.whole("complete", "complete", "pruned", "diverged", "failed").finish()
    return small


@pytest.fixture
def study(made: SmallStudy, monkeypatch: pytest.MonkeyPatch) -> Study:
    """As its user loads it, in its folder."""
    monkeypatch.chdir(made.place)
    return load_study("example")


def test_its_trials_are_a_table(made: SmallStudy, study: Study) -> None:
    """A row a trial: states, values, hyperparameters, metrics, cost and reasons."""
    table = study.trials
    assert list(table.index) == [0, 1, 2, 3, 4]
    assert list(table["state"]) == ["complete", "complete", "pruned", "diverged", "failed"]
    stored = [trial.value for trial in made.study.trials if trial.state.name == "COMPLETE"]
    assert list(table["value"].dropna()) == stored
    assert np.isnan(table.loc[2, "value"])
    for name in ("max_lr", "policy", "weight_decay"):
        assert list(table[name]) == [trial.params[name] for trial in made.study.trials]
    assert table.loc[0, "val_accuracy"] == table.loc[0, "value"]
    assert (table.loc[0, "epochs"], table.loc[0, "steps"]) == (2, 2 * STEPS_PER_EPOCH)
    assert table.loc[2, "reason"] == "pruned after epoch 1"
    assert table["test_accuracy"].notna().sum() == 1
    # What can be asked of a table.
    assert table.sort_values("value").dropna(subset="value").index[-1] == study.best.number


def test_its_best_trial(made: SmallStudy, study: Study) -> None:
    """What it reached, what it was made of, its epochs and its steps."""
    best, record = study.best, made.record.best
    assert (best.number, best.value, best.state) == (record.number, record.value, "complete")
    assert best.metrics["val_accuracy"] == best.value
    assert best.metrics["test_accuracy"] == pytest.approx(best.value - 0.01)
    assert best.params == dict(record.params)
    epochs = best.epochs_table()
    assert list(epochs.index) == [1, 2]
    assert list(epochs["step"]) == [STEPS_PER_EPOCH, 2 * STEPS_PER_EPOCH]
    assert epochs.loc[2, "val_accuracy"] == best.value
    steps = best.steps_table()
    assert list(steps.columns) == ["learning_rate", "batch_loss"]
    assert len(steps) == 2 * STEPS_PER_EPOCH
    assert float(best.schedule(STEPS_PER_EPOCH)(0)) == pytest.approx(best.config.schedule.init_lr)
    assert repr(best).startswith(f"<Trial {best.number}: complete, val_accuracy 0.")


def test_other_trials(study: Study) -> None:
    """By their numbers, and the baseline; one that there is not is refused with those there are."""
    assert study.trial(2).state == "pruned"
    baseline = study.baseline
    assert baseline is not None
    assert (baseline.number, baseline.config.schedule.policy) == (None, "constant")
    with pytest.raises(InputError, match="study 'example' has no trial 9"):
        study.trial(9)


def test_the_model_that_a_trial_trained(study: Study) -> None:
    """Complete trials have one; of one that failed the message says why there is none."""
    assert study.best.trained_model().output_shape == (None, 10)
    with pytest.raises(StoreError, match="this one is failed"):
        study.trial(4).trained_model()


def test_pictures(study: Study, tmp_path: Path) -> None:
    """Those that the study's page shows, each a PNG to a notebook, or a file."""
    pictures = study.figures()
    assert {"history", "bounds", "divergence", "comparison"} <= pictures.keys()
    assert pictures["history"]._repr_png_().startswith(b"\x89PNG")
    pictures["history"].save(tmp_path / "history.svg")
    assert "<svg" in (tmp_path / "history.svg").read_text()
    assert study.best.figures().keys() == {"loss", "learning_rate", "loss_by_rate"}


def test_what_a_deleted_folder_took_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """No empty table or picture in its place: it is told; what the study itself holds stays."""
    monkeypatch.chdir(tmp_path)
    SmallStudy(tmp_path).whole("complete", "complete", "complete")
    folders = [load_study("example").trial(number).folder for number in range(3)]
    shutil.rmtree(folders[1])
    (folders[0] / "model.keras").unlink()
    (folders[2] / "epochs.jsonl").unlink()
    study = load_study("example")
    lost = study.trial(1)
    for call in (lost.epochs_table, lost.steps_table, lost.figures, lost.trained_model):
        with pytest.raises(StoreError, match=r"^trial 1: its folder .* is gone, and with it"):
            call()
    for call in (study.trial(2).epochs_table, study.trial(2).figures):
        with pytest.raises(StoreError, match=r"^trial 2 has no epochs\.jsonl any more"):
            call()
    assert study.trial(2).steps_table().size
    assert study.trial(0).figures()
    assert (lost.state, len(study.trials)) == ("complete", 3)
    for call in (study.report, study.figures):
        caplog.clear()
        call()
        assert [line.partition(": not in")[0] for line in caplog.messages] == [
            "lost: trial 1", "lost: trial 2 has no epochs.jsonl any more",
        ]  # fmt: skip


def test_words(study: Study) -> None:
    """What the command line and MLflow's page say; no verdict where nothing was compared."""
    assert "5 trials: 2 complete, 1 pruned, 1 diverged, 1 failed" in study.summary
    assert study.verdict is None
    assert "## Trials" in study._repr_markdown_()
    assert repr(study).startswith("<Study example: complete; 5 trials: 2 complete")
    assert (study.name, study.state, study.metric) == ("example", "complete", "val_accuracy")


def test_files(study: Study, tmp_path: Path) -> None:
    """What `export` and `report` write: the first is what the sweep left, and loads."""
    file = study.export(tmp_path / "best.yaml")
    left = study.best.folder.parent / "best.yaml"
    assert file.read_text() == left.read_text()
    assert load_best(file).config == study.best.config
    other = load_best(study.export(tmp_path / "other.yaml", trial=2))
    assert other.config == study.trial(2).config
    page = study.report(tmp_path / "example.html")
    assert "<title>" in page.read_text()
    with pytest.raises(InputError, match="cannot be written"):
        study.export(tmp_path / "no" / "best.yaml")


def test_by_a_run(made: SmallStudy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By the id of a run, from another folder: the run says where the study is stored."""
    store = f"sqlite:///{made.place / 'mlflow.db'}"
    runs = made.publisher().runs
    monkeypatch.chdir(tmp_path)
    found = load_study(str(runs.parent_id), tracking_uri=store)
    assert (found.name, len(found.trials)) == ("example", 5)
    assert found.best.folder.is_dir()
    assert load_study("example", storage=made.url).best.value == found.best.value


def test_in_a_process_that_goes_on_in_another_folder(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It knows its storage, its trials' files and its runs still, and makes nothing there."""
    here = study.export(tmp_path / "here.yaml").read_text()
    assert "run_id: null" not in here
    monkeypatch.chdir(tmp_path)
    assert study.export(tmp_path / "there.yaml").read_text() == here
    assert load_study("example", storage=study.storage_url).best.epochs_table().size
    assert sorted(os.listdir()) == ["here.yaml", "there.yaml"]


def test_what_is_not_there(
    made: SmallStudy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No storage, no study, no complete trial: each says so."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StoreError, match="there is no study storage"):
        load_study("example")
    with pytest.raises(InputError, match=r"no study 'exmple'.*did you mean 'example'"):
        load_study("exmple", storage=made.url)
    with pytest.raises(InputError, match="must be a database URL"):
        load_study("example", storage="nonsense")
    SmallStudy(tmp_path, "empty").add("pruned")
    empty = load_study("empty")
    with pytest.raises(InputError, match=r"no complete trial to export \(1 pruned"):
        _ = empty.best
    assert empty.baseline is None
    assert list(empty.trials["state"]) == ["pruned"]


def test_a_killed_driver_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study that nobody runs, and its trials, are interrupted, as `clr-sweep show` says."""
    monkeypatch.chdir(tmp_path)
    small = SmallStudy(tmp_path)
    small.add("running")
    record_progress(small.study, "running", 5)
    with holding(HOLD, small.url, "example"):
        run = load_study("example")
        assert (run.state, list(run.trials["state"])) == ("running", ["running"])
    killed = load_study("example")
    assert (killed.state, list(killed.trials["state"])) == ("interrupted", ["interrupted"])
    assert killed.record.reason == "its process ended without a word"
    written = killed.report().read_text(encoding="utf-8")
    assert "interrupted" in written
    write_report("example", None, StoreChoice(), tmp_path / "command.html")
    assert (tmp_path / "command.html").read_text(encoding="utf-8") == written


def test_a_study_without_trials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its table is empty, and has the columns that are asked for first."""
    monkeypatch.chdir(tmp_path)
    SmallStudy(tmp_path, "begun")
    table = load_study("begun").trials
    assert (len(table), list(table.columns)) == (0, ["state", "value"])


def test_the_process_is_left_as_it_was(made: SmallStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """Optuna's logging and the environment are the user's own, after a refusal too."""
    monkeypatch.chdir(made.place)
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///other.db")
    before = dict(os.environ)
    load_study("example", tracking_uri=f"sqlite:///{made.place / 'mlflow.db'}")
    with pytest.raises(InputError):
        load_study("nothing")
    assert dict(os.environ) == before
    assert optuna.logging.get_verbosity() == optuna.logging.DEBUG
    optuna.logging.set_verbosity(optuna.logging.INFO)
