"""A trial's folder: what is written is read back to the bit, and nothing half-written counts."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import keras
import numpy as np
import pytest
import user_models
from compiled_models import assert_same_bits
from hypothesis import given, settings
from hypothesis import strategies as st
from small_trials import small_config, strict_json

from clr_sweep.common.errors import ClrSweepError, DiskFullError, StoreError
from clr_sweep.engines.base import Done, Message
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import Divergence, EpochReport, StepPoint, TrialResult

finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
metrics = st.dictionaries(st.sampled_from(["loss", "accuracy", "val_loss", "val_accuracy"]), finite)
points = st.builds(StepPoint, step=counts, learning_rate=finite, batch_loss=st.none() | finite)
reports = st.builds(
    EpochReport,
    epoch=counts,
    step=counts,
    metrics=metrics,
    cpu_seconds=finite,
    wall_seconds=finite,
    points=st.lists(points, max_size=3).map(tuple),
)
results = st.builds(
    TrialResult,
    state=st.sampled_from(["complete", "pruned", "diverged"]),
    reason=st.none() | st.text(max_size=20),
    value=st.none() | finite,
    metrics=metrics,
    epochs=counts,
    steps=counts,
    cpu_seconds=finite,
    wall_seconds=finite,
    divergence=st.none()
    | st.builds(Divergence, step=counts, epoch=counts, learning_rate=finite, phase=finite),
)
REPORT = EpochReport(1, 8, {"val_loss": 0.1 + 0.2}, 1.5, 1.6, (StepPoint(0, 0.01, None),))
RESULT = TrialResult("complete", None, 0.5, {"val_accuracy": 0.5}, 2, 16, 3.0, 4.0)
# Each file of a complete folder, and what writes it.
WRITERS: dict[str, Callable[[TrialFolder], None]] = {
    "config.json": lambda folder: folder.start(small_config()),
    "epochs.jsonl": lambda folder: folder.append(REPORT),
    "curve.npz": lambda folder: folder.save_curve(*np.zeros((2, 2), "float32")),
    "model.keras": lambda folder: folder.save_model(user_models.perceptron()),
    "result.json": lambda folder: folder.save_result(RESULT),
    "test.json": lambda folder: folder.save_test({"test_loss": 1.0}),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """A folder whose files are written again and again."""
    return TrialFolder(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A folder that is not there yet."""
    return TrialFolder(tmp_path / "study" / "0003")


@pytest.fixture
def started(folder: TrialFolder) -> TrialFolder:
    """The same with its configuration."""
    folder.start(small_config())
    return folder


@pytest.fixture
def holding(folder: TrialFolder) -> Iterator[LocalEngine]:
    """An engine, of which the job "first" holds the folder until it is answered."""
    with local_engine(1) as engine:
        engine.start("first", "trial_jobs:hold_folder", folder.path, folder.log_file)
        assert engine.wait(600) == [Message("first", "held")]
        yield engine


@pytest.mark.parametrize("names", [("image", "meta"), ("file", "allow_pickle")])
def test_examples_of_several_inputs_are_read_back(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Under their names, those of NumPy's own arguments too."""
    folder = TrialFolder(tmp_path)
    examples = {name: np.arange(3, dtype="float32") for name in names}
    folder.save_inference(user_models.perceptron(), {}, examples)
    found = folder.examples()
    assert isinstance(found, dict)
    assert found.keys() == examples.keys()
    for name in names:
        np.testing.assert_array_equal(found[name], examples[name], strict=True)


@settings(max_examples=50)
@given(written=st.lists(reports, max_size=4))
def test_reports_come_back(shared: TrialFolder, written: list[EpochReport]) -> None:
    """Every number of every epoch is read as it was written, to the bit."""
    shared.start(small_config())
    for report in written:
        shared.append(report)
    assert shared.reports() == tuple(written)


@settings(max_examples=50)
@given(result=results)
def test_results_come_back(shared: TrialFolder, result: TrialResult) -> None:
    """A result is read as it was written, and the file is JSON that any reader takes."""
    shared.save_result(result)
    assert shared.result() == result
    assert strict_json((shared.path / "result.json").read_text())["steps"] == result.steps


@pytest.mark.parametrize("policy", ["triangular", "exp_range", "constant"])
def test_configurations_come_back(folder: TrialFolder, policy: str) -> None:
    """Floats keep every bit, whole numbers stay whole."""
    config = small_config(policy, init_lr=0.1 / 3, max_lr=0.1 + 0.2, gamma=0.1 + 0.7)
    folder.start(config)
    assert folder.config() == config
    assert folder.config().model_dump_json() == config.model_dump_json()
    assert type(folder.config().schedule.step_size_factor) is int


def test_curves_come_back(started: TrialFolder) -> None:
    """Rates and losses in float32, a diverged trial's last loss included."""
    assert started.curve() is None
    rates = np.array([0.1, 1e-30, 3e38], dtype="float32")
    losses = np.array([2.3, np.inf, np.nan], dtype="float32")
    started.save_curve(rates, losses)
    found = started.curve()
    assert found is not None
    assert_same_bits(found, (rates, losses))


def test_test_metrics_come_back(started: TrialFolder) -> None:
    """Loss and accuracy on the test set; an empty mapping before they are there."""
    assert started.test_metrics() == {}
    started.save_test({"test_loss": 0.1 + 0.2, "test_accuracy": 0.75})
    assert started.test_metrics() == {"test_loss": 0.1 + 0.2, "test_accuracy": 0.75}


def test_models_come_back(started: TrialFolder) -> None:
    """A model saved over another one is the one that is read."""
    models = [user_models.perceptron() for _ in range(2)]
    for model in models:
        started.save_model(model)
    loaded = keras.models.load_model(started.model_file)
    assert_same_bits(loaded.get_weights(), models[1].get_weights())


def test_what_stands_in_a_complete_folder(folder: TrialFolder) -> None:
    """The files that the module names, and no leftovers of writing them."""
    folder.clear()
    for write in WRITERS.values():
        write(folder)
    assert {file.name for file in folder.path.iterdir()} == set(WRITERS)
    assert folder.model_file.name in WRITERS
    assert folder.curve_file.name in WRITERS
    assert folder.log_file == folder.path / "log.txt"


def test_a_line_cut_short_is_left_out(started: TrialFolder) -> None:
    """Wherever a crash cuts the last line, the epochs before it are read, and no part of it."""
    first = dataclasses.replace(REPORT, epoch=1)
    started.append(first)
    file = started.path / "epochs.jsonl"
    whole = len(file.read_bytes())
    started.append(dataclasses.replace(REPORT, epoch=2, metrics={"val_loss": 0.25}))
    content = file.read_bytes()
    for length in range(whole, len(content)):
        file.write_bytes(content[:length])
        assert started.reports() == (first,)
    for length in range(whole):
        file.write_bytes(content[:length])
        assert started.reports() == ()


def test_a_file_half_written_is_not_there(started: TrialFolder) -> None:
    """What a crash leaves of a file under way is not taken for the file."""
    names = ["curve.part.npz", "model.part.keras", "result.part.json", "test.part.json"]
    for name in names:
        (started.path / name).write_bytes(b"{")
    assert [file.name for file in started.leftovers()] == names
    assert started.result() is None
    assert started.curve() is None
    assert started.test_metrics() == {}
    assert not started.model_file.exists()
    started.save_result(RESULT)
    assert started.result() == RESULT
    (started.path / "tmpx8nuqhsp").mkdir()  # where Keras unpacks a model
    (started.path / "tmpx8nuqhsp" / "model.weights.h5").write_bytes(b"")
    assert len(started.leftovers()) == 4
    started.remove_leftovers()
    assert started.leftovers() == []
    assert started.result() == RESULT


def test_a_write_that_fails_keeps_the_old(started: TrialFolder) -> None:
    """A model whose weights cannot be saved leaves the one that was there, and no part of it."""
    started.save_model(user_models.perceptron())
    before = started.model_file.read_bytes()

    class Unsaveable(keras.layers.Layer):
        def save_own_variables(self, store: dict[str, object]) -> None:  # noqa: ARG002
            raise RuntimeError("it gives no weights away")

    with pytest.raises(RuntimeError, match="it gives no weights away"):
        started.save_model(keras.Sequential([keras.Input((2,)), Unsaveable()]))
    assert started.model_file.read_bytes() == before
    assert not list(started.path.glob("*.part.*"))


def test_a_new_attempt_begins_empty(folder: TrialFolder) -> None:
    """Clearing takes away all of an earlier attempt but its log; starting takes its epochs."""
    assert folder.is_fresh()
    folder.start(small_config())
    assert not folder.is_fresh()
    folder.append(REPORT)
    folder.save_result(RESULT)
    folder.start(small_config())
    assert folder.reports() == ()
    (folder.path / "model.part.keras").write_bytes(b"left")
    folder.checkpoint_file.write_bytes(b"left")
    folder.log_file.write_text("what was printed")
    with folder.held():
        folder.clear()
    assert {file.name for file in folder.path.iterdir()} == {"log.txt", "lock"}
    assert folder.is_fresh()
    assert folder.reports() == ()
    assert folder.result() is None


@pytest.mark.parametrize(
    "garbage", [b"\0\0\0\n", b"{}\n", b"\xff\xfe\n", b"null\n", b'{"points": [1]}\n']
)
def test_a_last_line_of_garbage_is_left_out(started: TrialFolder, garbage: bytes) -> None:
    """A crash of the machine may keep a line's length and end without its text."""
    started.append(REPORT)
    file = started.path / "epochs.jsonl"
    good = file.read_bytes()
    file.write_bytes(good + garbage)
    assert started.reports() == (REPORT,)
    file.write_bytes(good + garbage + good)
    with pytest.raises(StoreError) as caught:
        started.reports()
    assert str(caught.value).startswith(f"{file}, line 2: not the report of an epoch (")


def test_epochs_are_taken_away(started: TrialFolder) -> None:
    """Those after the last one that is kept, torn ones too; the others to the byte."""
    written = [dataclasses.replace(REPORT, epoch=epoch) for epoch in (1, 2, 3)]
    for report in written:
        started.append(report)
    file = started.path / "epochs.jsonl"
    content = file.read_bytes()
    file.write_bytes(content + b'{"epoch": 4, "st')
    started.keep_reports(3)
    assert file.read_bytes() == content
    inode = file.stat().st_ino
    started.keep_reports(3)
    assert file.stat().st_ino == inode, "a file with nothing to take away is left alone"
    started.keep_reports(1)
    assert started.reports() == (written[0],)
    assert content.startswith(file.read_bytes())


# ---- a full disk, a second process


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk(started: TrialFolder, name: str) -> None:
    """Whoever writes, Keras too: an error that names the file; with space again, it is written."""
    file = started.path / name
    device = file.with_name(f"{file.stem}.part{file.suffix}")
    if name == "epochs.jsonl":
        file.unlink()
        device = file
    device.symlink_to("/dev/full")
    with pytest.raises(DiskFullError) as caught:
        WRITERS[name](started)
    assert str(caught.value) == (
        f"{file}: cannot be written: No space left on device; free some space and start the same "
        f"command again: it goes on from here"
    )
    device.unlink(missing_ok=True)
    WRITERS[name](started)
    assert file.stat().st_size > 0
    assert started.leftovers() == []


def test_two_processes_do_not_write_at_once(
    folder: TrialFolder, holding: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second waits for the first to be gone, and gives up with the folder's name."""
    monkeypatch.setattr("clr_sweep.training.folder.LOCK_SECONDS", 0.2)
    with pytest.raises(ClrSweepError) as caught, folder.held():
        pass
    assert str(caught.value).startswith(f"{folder.path}: another process has been writing")
    assert caught.value.exit_status == 1
    # It is killed; what it held is free.
    monkeypatch.setattr("clr_sweep.training.folder.LOCK_SECONDS", 60.0)
    holding.stop_all()
    with folder.held():
        assert (folder.path / "lock").exists()
    with folder.held():
        pass


def test_it_waits_for_a_process_that_is_dying(folder: TrialFolder, holding: LocalEngine) -> None:
    """What is held when the second comes, and let go while it waits, is then its own."""
    answer = threading.Timer(0.3, holding.answer, ("first", None))
    answer.start()
    with folder.held():
        assert not answer.is_alive()
    answer.join()
    assert holding.wait(600) == [Done("first", None)]


def test_without_flock(folder: TrialFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system has none, nothing is held and nothing fails."""
    monkeypatch.setattr("clr_sweep.common.file_locks.AVAILABLE", False)
    with folder.held(), folder.held():
        folder.start(small_config())
    assert not (folder.path / "lock").exists()
