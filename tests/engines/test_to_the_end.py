"""Jobs that are run to their end, in real processes: values, errors, deaths, a request to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from clr_sweep.common.errors import DataError, TrialFailedError
from clr_sweep.common.stopping import InterruptedSweepError, StopRequest, stop_request
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.engines.to_the_end import ATTEMPTS, Job, run_all, run_one

JOBS = """
import os, signal, sys, time
from clr_sweep.common.errors import DataError, OutOfMemoryError

def double(payload, report):
    return 2 * payload

def refuse(payload, report):
    raise DataError(["x: must be 1, got 2", "y: is missing"], "file.npz")

def fail(payload, report):
    raise KeyError("the user's own")

def die(payload, report):
    if payload:
        print("\\n".join(str(line) for line in range(payload)), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(600)

def die_at_first(payload, report):
    with payload.open("a") as file:
        file.write("x")
    if payload.stat().st_size < 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return payload.stat().st_size

def find_no_memory(payload, report):
    with payload.open("a") as file:
        file.write("x")
    raise OutOfMemoryError("no memory left")

def linger(payload, report):
    payload.write_text(str(os.getpid()))
    time.sleep(600)
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine with two slots, and jobs that its processes can import."""
    (tmp_path / "running_jobs.py").write_text(JOBS)
    monkeypatch.syspath_prepend(tmp_path)
    with local_engine(2) as made:
        yield made


def test_a_job_gives_its_value(engine: LocalEngine, tmp_path: Path) -> None:
    """The value comes back, and the engine is free for the next."""
    for payload in (2, "ab"):
        found = run_one(
            engine, Job("running_jobs:double", payload, tmp_path / "log"), StopRequest()
        )
        assert found == 2 * payload  # type: ignore[operator]
    assert engine.running == ()


def test_errors_of_a_job(engine: LocalEngine, tmp_path: Path) -> None:
    """What the project refuses comes as it is, what the user's code raises with its traceback."""
    log = tmp_path / "some.log"
    with pytest.raises(DataError) as refused:
        run_one(engine, Job("running_jobs:refuse", None, log), StopRequest())
    assert refused.value.problems == ("x: must be 1, got 2", "y: is missing")
    with pytest.raises(TrialFailedError) as failed:
        run_one(engine, Job("running_jobs:fail", None, log), StopRequest())
    assert "the model or data code failed:\nTraceback" in str(failed.value)
    assert 'KeyError: "the user\'s own"' in str(failed.value)


@pytest.mark.parametrize("lines", [0, 3, 30])
def test_a_job_that_always_dies(engine: LocalEngine, tmp_path: Path, lines: int) -> None:
    """Its last words are told, since its log, of all attempts, may go with the command."""
    with pytest.raises(TrialFailedError) as died:
        run_one(engine, Job("running_jobs:die", lines, tmp_path / "some.log"), StopRequest())
    told, *shown = str(died.value).splitlines()
    assert told.startswith("the model or data code failed: its process was ended by SIGKILL")
    ends = "the last that it printed:" if lines else "it printed nothing"
    assert told.endswith(f", {ATTEMPTS} times; {ends}")
    assert shown == (ATTEMPTS * [str(line) for line in range(lines)])[-20:]


def test_a_request_to_stop(engine: LocalEngine, tmp_path: Path) -> None:
    """A signal ends the job that runs."""
    with stop_request() as stop, pytest.raises(InterruptedSweepError) as caught:  # noqa: PT012
        signal.raise_signal(signal.SIGTERM)
        run_one(engine, Job("running_jobs:linger", tmp_path / "pid", tmp_path / "log"), stop)
    assert caught.value.exit_status == 128 + signal.SIGTERM
    assert engine.running == ()


def test_more_jobs_than_slots(engine: LocalEngine, tmp_path: Path) -> None:
    """Each value stands under its key."""
    jobs = {
        str(number): Job("running_jobs:double", number, tmp_path / f"{number}.log")
        for number in range(5)
    }
    found = run_all(engine, jobs, StopRequest())
    assert found == {str(number): 2 * number for number in range(5)}
    assert run_all(engine, {}, StopRequest()) == {}


def test_a_job_that_dies_is_run_again(engine: LocalEngine, tmp_path: Path) -> None:
    """Until its third attempt; what other jobs gave is kept."""
    jobs = {
        "dies": Job("running_jobs:die_at_first", tmp_path / "count", tmp_path / "a.log"),
        "other": Job("running_jobs:double", 4, tmp_path / "b.log"),
    }
    assert run_all(engine, jobs, StopRequest()) == {"dies": 3, "other": 8}


def test_a_job_without_memory_is_run_again(engine: LocalEngine, tmp_path: Path) -> None:
    """As often as one that dies; the message says why it is given up, and what it said."""
    count, log = tmp_path / "count", tmp_path / "a.log"
    with pytest.raises(TrialFailedError, match=f"no memory left, {ATTEMPTS} times") as caught:
        run_one(engine, Job("running_jobs:find_no_memory", count, log), StopRequest())
    assert count.stat().st_size == ATTEMPTS
    assert str(caught.value).rstrip().endswith("OutOfMemoryError: no memory left")
