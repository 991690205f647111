"""What contradicts a trial is told from what its run only lacks; test_trial_runs.py has all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from small_studies import write_folder
from small_trials import small_config

from clr_sweep.tracking.audit import audit, model_is_whole
from clr_sweep.tracking.sweep_runs import SweepRuns
from clr_sweep.tracking.trial_contents import Point, points
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord


def waiting(runs: SweepRuns, folder: Path) -> tuple[TrialRecord, str]:
    """A trial that waits after its first epochs, and its run, which has nothing of them yet."""
    config = small_config()
    write_folder(folder, config, "interrupted", 1)
    reports = TrialFolder(folder).reports()
    record = TrialRecord("trial", 0, "interrupted", None, config, folder, reports=reports)
    return record, runs.start_child(record)


def test_what_lacks_and_what_contradicts(runs: SweepRuns, tmp_path: Path) -> None:
    """A trial that waits: its run lacks its epochs first, then nothing, then contradicts it."""
    record, run_id = waiting(runs, tmp_path / "t")

    def look(of: TrialRecord = record) -> tuple[int, tuple[str, ...], tuple[Point, ...]]:
        found = audit(runs.client, runs.client.get_run(run_id), of, "")
        return len(found.wrong), found.missing, found.points

    expected = tuple(points(record))
    wrong, missing, lacking = look()
    assert (wrong, sorted(lacking)) == (0, sorted(expected))
    assert missing[0] == "its status is RUNNING, not KILLED"
    assert missing[1].startswith(f"{len(expected)} values not logged (val_accuracy, ")
    runs.log_points(run_id, expected[3:])
    assert sorted(look()[2]) == sorted(expected[:3])
    runs.log_points(run_id, expected[:3])
    runs.end(run_id, "interrupted")
    assert look() == (0, (), ())

    other = record.config.model_copy(update={"seed": 8})
    wrong, missing, lacking = look(replace(record, config=other))
    assert (wrong, missing, lacking) == (1, (), ())
    shorter = replace(record, reports=record.reports[:1])
    wrong, missing, lacking = look(shorter)
    assert wrong == len(expected) - len(tuple(points(shorter)))
    assert not model_is_whole(runs.client, run_id)

    # Without its folder only the state is compared.
    gone = replace(record, folder=tmp_path / "gone", reports=())
    assert look(gone) == (0, (), ())
    failed = look(replace(gone, state="failed", reason="it broke"))
    assert failed[0] == 0
    assert failed[1] == (
        "its state is interrupted, not failed",
        "its status is KILLED, not FAILED",
        "its reason is not the trial's",
        "no description",
    )


def test_wrong_values(runs: SweepRuns, tmp_path: Path) -> None:
    """One value that differs contradicts, at its step; a time that an attempt took does not."""
    record, run_id = waiting(runs, tmp_path / "t")
    expected = {(point.key, point.step): point for point in points(record)}
    accuracy, rate = expected["val_accuracy", 2], expected["learning_rate", 3]
    time = expected["cpu_seconds", 1]
    logged = [
        point._replace(value=point.value + 0.5) if point in (accuracy, rate, time) else point
        for point in expected.values()
    ]
    runs.log_points(run_id, logged)
    runs.end(run_id, "interrupted")
    found = audit(runs.client, runs.client.get_run(run_id), record, "")
    assert sorted(found.wrong) == sorted(
        f"{point.key} is {point.value + 0.5!r} at step {point.step}, not {point.value!r}"
        for point in (accuracy, rate)
    )
    assert (found.missing, found.points) == ((), ())
    runs.client.log_metric(run_id, "val_accuracy", accuracy.value, step=2)
    runs.client.log_metric(run_id, "val_accuracy", 0.5, step=77)
    (*_, last) = [
        text
        for text in audit(runs.client, runs.client.get_run(run_id), record, "").wrong
        if text.startswith("val_accuracy has")
    ]
    assert last == "val_accuracy has a value at step 77"
    twice = audit(runs.client, runs.client.get_run(run_id), record, "").wrong
    assert "val_accuracy is logged twice at step 2" in twice
