"""Checkpoints and folders that are damaged, foreign or cannot be written."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from interrupted_trials import (
    EPOCHS,
    REGULARISED,
    Interrupted,
    assert_same_trial,
    checkpoint_epoch,
    train_anew,
    trained,
)
from small_trials import comparable, few_images, small_config

from clr_sweep.common.errors import DiskFullError
from clr_sweep.training import durable
from clr_sweep.training.checkpoint import Checkpoint, Progress, UnusableCheckpointError
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport
from clr_sweep.training.state import TrainingState

# ---- checkpoints that cannot be used


@pytest.fixture(scope="module")
def whole(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """The trial in one go."""
    path = tmp_path_factory.mktemp("whole")
    trained(REGULARISED, images, path)
    return TrialFolder(path)


@pytest.fixture(scope="module")
def interrupted(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the trial leaves when it is interrupted after its second epoch."""
    path = tmp_path_factory.mktemp("interrupted")
    trained(REGULARISED, images, path, 2)
    return path


@pytest.fixture
def cut(interrupted: Path, tmp_path: Path) -> TrialFolder:
    """The interrupted trial."""
    return TrialFolder(shutil.copytree(interrupted, tmp_path / "cut"))


@pytest.fixture
def goes_over(
    cut: TrialFolder, whole: TrialFolder, images: Dataset, capsys: pytest.CaptureFixture[str]
) -> Callable[[], str]:
    """Why the trial starts over, as it does; a file of its own in the folder is gone then."""

    def reason() -> str:
        cut.log_file.write_text("what was printed before\n")
        (cut.path / "test.json").write_text("{}")
        whole.log_file.write_text("")
        capsys.readouterr()
        assert trained(REGULARISED, images, cut.path) == [1, 2, 3, 4]
        assert_same_trial(cut, whole)
        assert cut.log_file.read_text() == "what was printed before\n"
        (said,) = capsys.readouterr().out.splitlines()
        start = "an earlier attempt is not gone on with, starting over: "
        assert said.startswith(start)
        return said.removeprefix(start)

    return reason


@pytest.mark.heavy
@pytest.mark.parametrize("kept", [0.3, 0.999])
def test_a_torn_checkpoint(cut: TrialFolder, goes_over: Callable[[], str], kept: float) -> None:
    """However much of it there is."""
    content = cut.checkpoint_file.read_bytes()
    cut.checkpoint_file.write_bytes(content[: int(kept * len(content))])
    assert "its checkpoint cannot be read" in goes_over()


def test_a_damaged_checkpoint(cut: TrialFolder, goes_over: Callable[[], str]) -> None:
    """A single bit of a weight."""
    content = bytearray(cut.checkpoint_file.read_bytes())
    with zipfile.ZipFile(cut.checkpoint_file) as archive:
        largest = max(archive.infolist(), key=lambda member: member.file_size)
    content[largest.header_offset + largest.file_size // 2] ^= 1
    cut.checkpoint_file.write_bytes(content)
    assert "BadZipFile: Bad CRC-32" in goes_over()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("format", 0, "its checkpoint is of another format"),
        ("configuration", "{}", "its checkpoint is of another configuration"),
        ("data set", "0" * 64, "its checkpoint is of another data set"),
        ("variables", [], "its checkpoint is of a model with other variables"),
        ("epoch", 3, "its checkpoint is of epoch 3, but epochs.jsonl holds 2"),
    ],
)
def test_a_foreign_checkpoint(
    cut: TrialFolder, goes_over: Callable[[], str], field: str, value: Any, reason: str
) -> None:
    """Whole, but not of this trial as it is now."""
    with np.load(cut.checkpoint_file) as arrays:
        found = dict(arrays)
    header = json.loads(found["header"].tobytes())
    assert field in header
    header[field] = value
    found["header"] = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with cut.checkpoint_file.open("wb") as opened:
        np.savez(opened, **found)
    assert goes_over() == reason


@pytest.mark.parametrize("damage", ["torn", "garbage", "gone"])
def test_reports_that_are_damaged(
    cut: TrialFolder, goes_over: Callable[[], str], damage: str
) -> None:
    """A checkpoint whose epochs are not all reported is of no use."""
    file = cut.path / "epochs.jsonl"
    first, second = file.read_text().splitlines(keepends=True)
    reason = f"its checkpoint is of epoch 2, but epochs.jsonl holds {int(damage == 'torn')}"
    if damage == "torn":
        file.write_text(first + second[:-1])
    elif damage == "garbage":
        file.write_text("{}\n" + second)
        reason = f"{file}, line 1: not the report of an epoch"
    else:
        file.unlink()
    assert goes_over().startswith(reason)


def test_a_result_of_another_trial(
    cut: TrialFolder, goes_over: Callable[[], str], images: Dataset
) -> None:
    """What lies in the folder is of another configuration: it is not taken for this one's."""
    other = REGULARISED.model_copy(update={"seed": 8})
    shutil.rmtree(cut.path)
    trained(other, images, cut.path)
    assert goes_over() == "it left no checkpoint"


def test_the_checkpoint_of_another_model(images: Dataset, tmp_path: Path) -> None:
    """Shape, type and path of each variable are compared before one is touched."""
    config, file = small_config(), tmp_path / "checkpoint.npz"

    def checkpoint(**named: Any) -> Checkpoint:
        pairs = tuple((name, tf.Variable(value)) for name, value in named.items())
        return Checkpoint(file, config, "d" * 64, TrainingState(pairs, ()))

    saved = checkpoint(a=np.zeros(2, "float32"), b=np.int64(3), c=np.zeros((0, 2)))
    weights = [np.array([1.5, np.nan], "float32"), tf.constant(0.1, tf.bfloat16).numpy()]
    progress = Progress(5, np.array([0.5], "float32"), np.array([np.inf], "float32"), 4, weights)
    saved.save(progress)
    for other in (
        checkpoint(a=np.ones(2, "float32"), b=np.int64(1)),
        checkpoint(a=np.ones(2, "float32"), b=np.int64(1), d=np.zeros((0, 2))),
        checkpoint(a=np.ones(2, "float32"), b=np.int32(1), c=np.zeros((0, 2))),
        checkpoint(a=np.ones(2, "float32"), b=np.int64(1), c=np.zeros((0, 3))),
    ):
        with pytest.raises(UnusableCheckpointError, match="of a model with other variables"):
            other.restore(5)
        assert other.state.variables[0][1].numpy().tolist() == [1, 1]
    same = checkpoint(a=np.ones(2, "float32"), b=np.int64(1), c=np.zeros((0, 2)))
    found = same.restore(5)
    assert [v.numpy().tolist() for _, v in same.state.variables] == [[0, 0], 3, []]
    assert (found.epoch, found.best_epoch) == (5, 4)
    pairs = [(found.rates, progress.rates), (found.losses, progress.losses)]
    pairs += zip(found.best_weights, weights, strict=True)
    for one, other_array in pairs:
        np.testing.assert_array_equal(one, other_array, strict=True)
    assert images.digest != same.data_digest


# ---- a pruner's answer, a full disk


@pytest.mark.heavy
def test_pruned_after_an_interruption(images: Dataset, tmp_path: Path) -> None:
    """The last finished epoch is told again, and the answer counts; not for the very last."""
    folder = TrialFolder(tmp_path / "pruned")
    trained(REGULARISED, images, folder.path, 2)
    result = train_anew(REGULARISED, images, folder, on_epoch=lambda report: False)
    assert (result.state, result.epochs, result.steps) == ("pruned", 2, 16)
    assert [report.epoch for report in folder.reports()] == [1, 2]
    assert len((folder.curve() or [()])[0]) == 16
    assert not folder.checkpoint_file.exists()

    folder = TrialFolder(tmp_path / "last")
    trained(REGULARISED, images, folder.path, EPOCHS)
    result = train_anew(REGULARISED, images, folder, on_epoch=lambda report: False)
    assert (result.state, result.epochs) == ("complete", EPOCHS)


def test_a_diverged_epoch_has_no_checkpoint(tmp_path: Path) -> None:
    """Interrupted after it, it is trained again, from the epoch before, and diverges again."""
    images = few_images(one_hot=True)
    config = small_config(
        model="user_models:linear", loss="mean_squared_error", init_lr=1e-4, max_lr=10.0,
        factor=1.25, epochs=5,
    )  # fmt: skip
    trained(config, images, tmp_path / "whole")
    whole, folder = TrialFolder(tmp_path / "whole"), TrialFolder(tmp_path / "cut")
    result = whole.result()
    assert result is not None
    assert result.state == "diverged"
    assert result.epochs > 1, "it diverges at once: this test shows little"

    def interrupt(*_: Any) -> None:
        raise Interrupted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrialFolder, "save_curve", interrupt)
        with pytest.raises(Interrupted):
            train_anew(config, images, folder)
    assert len(folder.reports()) == result.epochs
    assert checkpoint_epoch(folder) == result.epochs - 1
    train_anew(config, images, folder)
    assert comparable(folder.result()) == comparable(result)  # type: ignore[arg-type]
    assert [report.epoch for report in folder.reports()] == list(range(1, result.epochs + 1))


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["epochs.jsonl", "checkpoint.npz", "curve.npz", "model.keras"])
def test_a_full_disk_while_training(
    images: Dataset, tmp_path: Path, whole: TrialFolder, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It stops with a message that names the file; with space again it goes on, to the bit."""
    folder = TrialFolder(tmp_path / "full")
    with monkeypatch.context() as patch:
        if name == "epochs.jsonl":
            patch.setattr(TrialFolder, "append", on_a_full_disk(TrialFolder.append, name))
        else:
            patch.setattr(durable, "_sync", lambda path: None)  # a device cannot be synced

        def fill(report: EpochReport) -> bool:
            part = folder.path / f"{Path(name).stem}.part{Path(name).suffix}"
            if report.epoch == 3 and name != "epochs.jsonl":
                part.symlink_to("/dev/full")
            return True

        message = f"{folder.path / name}: cannot be written: No space left on device; free some"
        with pytest.raises(DiskFullError) as caught:
            train_anew(REGULARISED, images, folder, on_epoch=fill)
        assert str(caught.value).startswith(message)
    assert folder.result() is None
    done = {"epochs.jsonl": 3, "checkpoint.npz": 3}.get(name, 4)
    assert checkpoint_epoch(folder) == done
    heard = trained(REGULARISED, images, folder.path)
    assert heard == list(range(done, 5))
    whole.log_file.unlink(missing_ok=True)
    assert_same_trial(folder, whole)


def on_a_full_disk(append: Any, name: str) -> Any:
    """The same for the fourth epoch, whose line goes to a device that is full."""

    def full(self: TrialFolder, report: EpochReport) -> None:
        if report.epoch != 4:
            append(self, report)
            return
        file = self.path / name
        content = file.read_bytes()
        file.unlink()
        file.symlink_to("/dev/full")
        try:
            append(self, report)
        finally:
            file.unlink()
            file.write_bytes(content)

    return full
