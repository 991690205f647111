"""Single runs, found and ended without a study."""

from __future__ import annotations

import os
import platform
import subprocess
import sys

import psutil
import pytest

from clr_sweep.tracking import tags
from clr_sweep.tracking.find_runs import (
    abandoned,
    end_adopted,
    experiment_of,
    find_trial,
    process_tag,
    tags_of_run,
)
from clr_sweep.tracking.sweep_runs import SweepRuns


def test_an_adopted_run_is_ended_only_where_it_runs(runs: SweepRuns) -> None:
    """`mlflow run` may have ended it, or may be gone."""
    made = runs.client.create_run(runs.experiment_id).info.run_id
    end_adopted(runs.client, made, "the data is missing")
    run = runs.client.get_run(made)
    assert (run.info.status, run.data.tags[tags.REASON]) == ("FAILED", "the data is missing")
    runs.client.set_terminated(made, "FINISHED")
    end_adopted(runs.client, made, "again")
    assert runs.client.get_run(made).info.status == "FINISHED"
    end_adopted(runs.client, "0" * 32, "no such run")
    assert tags_of_run(runs.client, "0" * 32) is None


def test_a_process_is_told_apart_from_a_later_one_of_its_number() -> None:
    """By the machine, its number and when it started."""
    here = process_tag()
    assert here == process_tag(os.getpid())
    host, number, started = here.rsplit(" ", 2)
    assert (host, int(number)) == (platform.node(), os.getpid())
    assert float(started) == pytest.approx(psutil.Process().create_time(), abs=0.01)
    assert process_tag(psutil.Process().ppid()) != here


def test_runs_of_processes_that_are_gone(runs: SweepRuns) -> None:
    """Of this machine, still RUNNING, and of no trial: those, and no others."""
    client = runs.client
    gone = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    dead = process_tag(gone.pid)
    gone.communicate()
    host, number, _ = process_tag().rsplit(" ", 2)

    def made(process: str, kind: str | None = None, status: str = "RUNNING") -> str:
        own = {tags.PROCESS: process, **({tags.KIND: kind} if kind else {})}
        run_id = client.create_run(runs.experiment_id, tags=own).info.run_id
        if status != "RUNNING":
            client.set_terminated(run_id, status)
        return str(run_id)

    expected = {
        made(dead),
        made(dead, "train"),
        made(f"{host} {number} 1.00"),  # its number was given again
    }
    made(process_tag())
    made(process_tag(), "train")
    made(dead, "trial")
    made(dead, "sweep")
    made(dead, "train", "FINISHED")
    made(f"another-{dead}")
    client.create_run(runs.experiment_id)
    assert {run.info.run_id for run in abandoned(client)} == expected


def test_where_a_study_is(runs: SweepRuns) -> None:
    """The experiment of its parent run, whatever its name; none before it has one."""
    assert experiment_of(runs.client, runs.study_id) is None
    parent = runs.open_parent(None, "sqlite:///optuna.db", "1")
    assert experiment_of(runs.client, runs.study_id) == runs.experiment_id
    assert experiment_of(runs.client, "another") is None
    runs.delete(parent)
    assert experiment_of(runs.client, runs.study_id) is None


def test_the_run_of_a_trial(runs: SweepRuns) -> None:
    """By the study's id and the trial's number; the baseline has none."""
    own = {tags.STUDY_ID: runs.study_id, tags.KIND: "trial", tags.TRIAL_NUMBER: "3"}
    made = runs.client.create_run(runs.experiment_id, tags=own).info.run_id
    assert find_trial(runs.client, runs.study_id, 3) == made
    assert find_trial(runs.client, runs.study_id, 4) is None
    assert find_trial(runs.client, "another", 3) is None
    assert find_trial(runs.client, runs.study_id, None) is None
