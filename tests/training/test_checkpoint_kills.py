"""A trial whose process is killed at any moment ends as if it had not been, to the bit."""

from __future__ import annotations

from pathlib import Path

import pytest
import trial_jobs
from ended_jobs import ended, value
from interrupted_trials import CNN, REGULARISED, assert_same_trial, checkpoint_epoch
from small_trials import contents, stored_in
from trial_jobs import Killed

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.engines.base import Died
from clr_sweep.engines.local.engine import LocalEngine
from clr_sweep.training.data.materialized import Dataset, materialize
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport
from clr_sweep.training.requests import RUN_TRIAL, TrialJob

pytestmark = pytest.mark.heavy


@pytest.fixture(scope="module")
def stored(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The images where processes share them."""
    folder = materialize(images, tmp_path_factory.mktemp("data")).folder
    assert folder is not None
    return folder


# Where the process dies, the epochs that it told, the checkpoint's epoch and the lines after it.
DEATHS = [
    (trial_jobs.within_an_epoch, [], None, 0),
    (trial_jobs.within_a_line, [], None, 0),
    (trial_jobs.before_the_checkpoint, [], None, 1),
    (trial_jobs.after_the_checkpoint, [], 1, 1),
    (trial_jobs.within_an_epoch, [1], 1, 1),
    (trial_jobs.within_a_line, [1], 1, 1),
    (trial_jobs.within_the_checkpoint, [1], 1, 2),
    (trial_jobs.before_the_checkpoint, [1], 1, 2),
    (trial_jobs.after_the_checkpoint, [1], 2, 2),
    (trial_jobs.before_the_result, [2, 3, 4], 4, 4),
    (trial_jobs.before_the_result, [4], 4, 4),
    (trial_jobs.after_the_result, [4], 4, 4),
]


@pytest.mark.parametrize("config", [CNN, REGULARISED], ids=["tutorial_cnn", "regularised"])
def test_killed_again_and_again(
    engine: LocalEngine, stored: Path, tmp_path: Path, config: TrialConfig
) -> None:
    """Twelve processes in a row die of SIGKILL, each at a moment of its own; then one ends."""
    whole, folder = TrialFolder(tmp_path / "whole"), TrialFolder(tmp_path / "killed")
    value(
        ended(
            engine, RUN_TRIAL, TrialJob(config, stored_in(stored), whole.path, ()), whole.log_file
        )
    )

    job = TrialJob(config, stored_in(stored), folder.path, ())
    for point, told, epoch, lines in DEATHS:
        heard: list[EpochReport] = []
        killed = Killed(job, point)
        event = ended(engine, "trial_jobs:run_killed", killed, folder.log_file, heard)
        assert isinstance(event, Died), (point, event)
        assert "SIGKILL" in event.reason
        found = [report.epoch for report in heard]
        assert (found, checkpoint_epoch(folder), len(folder.reports())) == (told, epoch, lines)
        if point is trial_jobs.within_the_checkpoint:
            assert [file.name for file in folder.leftovers()] == ["checkpoint.part.npz"]
        torn = (folder.path / "epochs.jsonl").read_bytes()
        assert torn.endswith(b"\n") == (point is not trial_jobs.within_a_line and lines > 0)

    before = contents(folder.path)
    heard = []
    assert value(ended(engine, RUN_TRIAL, job, folder.log_file, heard)) == folder.result()
    assert heard == []
    assert_same_trial(folder, whole)
    # Nothing was trained any more.
    after = contents(folder.path)
    left = {name: text for name, text in before.items() if name != "checkpoint.npz"}
    # TensorFlow may add a line of its own to the log, where it finds no GPU; ours are seen below.
    kept = {name: after[name] for name in left}
    assert kept.pop("log.txt").startswith(left["log.txt"])
    assert kept == {name: text for name, text in left.items() if name != "log.txt"}
    # What MLflow shows of it is all that was missing.
    shown = {"inference.keras", "example.npy", "signature.json"}
    shown |= {"learning_rate.png", "loss.png", "loss_by_rate.png"}
    assert set(after) - set(left) == shown
    said = [line for line in after["log.txt"].decode().splitlines() if "attempt" in line]
    over = "an earlier attempt is not gone on with, starting over: it left no checkpoint"
    on = "going on after epoch {} of an earlier attempt"
    assert said == [over] * 3 + [on.format(1)] * 5 + [on.format(2)] + [on.format(4)] * 2
