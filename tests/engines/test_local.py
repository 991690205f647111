"""The local engine with real processes: what comes back, how jobs end, and what they find."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from engine_events import heard, only_event, outcome, said, start_driver, zombies
from gone_processes import assert_gone
from own_process import modules
from platforms import needs_linux

from clr_sweep.engines.base import Died, Done, Failed
from clr_sweep.engines.local import engine as local
from clr_sweep.engines.local.engine import LocalEngine, local_engine

pytestmark = needs_linux


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """An engine of two slots."""
    with local_engine(2) as made:
        yield made


# ---- what comes back


def test_nothing_to_wait_for(engine: LocalEngine) -> None:
    """Without jobs there are no events."""
    assert engine.wait(0.01) == []
    assert engine.stop_all() == ()


# ---- how jobs fail


@pytest.mark.heavy
def test_an_answer_to_the_dead(engine: LocalEngine, tmp_path: Path) -> None:
    """A job that is killed while the driver thinks about its message shows as Died."""
    pid = said(engine, "a", "stay", "hear", tmp_path / "log.txt")
    os.kill(pid, signal.SIGKILL)
    assert_gone([psutil.Process(pid)] if psutil.pid_exists(pid) else [])
    engine.answer("a", True)
    event = only_event(engine)
    assert isinstance(event, Died)
    assert "SIGKILL" in event.reason


@pytest.mark.parametrize("payload", ["result", "message"])
def test_what_cannot_be_pickled(engine: LocalEngine, tmp_path: Path, payload: str) -> None:
    """A value that cannot be sent is a failure that says so, not a death without a word."""
    event = outcome(engine, "cannot_be_pickled", payload, tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert "cannot pickle '_thread.lock' object" in str(event.error)
    assert "cannot pickle '_thread.lock' object" in event.traceback


def test_what_cannot_be_made_again(engine: LocalEngine, tmp_path: Path) -> None:
    """A value that this process cannot read fails its own job; the engine goes on."""
    event = outcome(engine, "cannot_be_made", None, tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert isinstance(event.error, ValueError)
    assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)


@pytest.mark.parametrize("function", ["nowhere:nothing", "engine_jobs:nothing"])
def test_a_job_that_is_not_there(engine: LocalEngine, tmp_path: Path, function: str) -> None:
    """A name that leads nowhere fails in the job."""
    engine.start("job", function, None, tmp_path / "log.txt")
    event = only_event(engine)
    assert isinstance(event, Failed)
    assert "noth" in str(event.error) or "nowhere" in str(event.error)


# ---- how jobs are ended


def test_stop_all(engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends a job that ignores SIGTERM too, and leaves no process, not even a zombie."""
    monkeypatch.setattr(local, "GRACE_SECONDS", 0.3)
    pids = [
        said(engine, key, "stay", payload, tmp_path / f"{key}.txt")
        for key, payload in (("hears", "hear"), ("deaf", "deaf"))
    ]
    assert all(psutil.pid_exists(pid) for pid in pids)
    assert engine.stop_all() == ("hears", "deaf")
    assert engine.running == ()
    assert_no_process(pids)
    assert outcome(engine, "echo", 1, tmp_path / "c.txt") == Done("job", 1)


def test_jobs_do_not_outlive_the_block(tmp_path: Path) -> None:
    """An exception in the driver ends the jobs."""

    class DriverError(Exception):
        pass

    pid = 0
    with pytest.raises(DriverError), local_engine(1) as engine:  # noqa: PT012 - the block is it
        pid = said(engine, "a", "stay", "hear", tmp_path / "log.txt")
        raise DriverError
    assert_no_process([pid])


def test_no_zombies_are_left(engine: LocalEngine, tmp_path: Path) -> None:
    """Whatever way a job ended, its process is waited for."""
    for function, payload in (("echo", 1), ("fail", "x"), ("end_by", int(signal.SIGKILL))):
        outcome(engine, function, payload, tmp_path / "log.txt")
    assert zombies() == []


def assert_no_process(pids: list[int]) -> None:
    """The server, their parent, takes the ended away: it may need a moment for it."""
    while any(psutil.pid_exists(pid) for pid in pids):  # pytest-timeout ends it otherwise
        threading.Event().wait(0.01)


# ---- what jobs find


def test_the_log_holds_what_a_job_prints(engine: LocalEngine, tmp_path: Path) -> None:
    """Standard output and error, of Python, of C and of child processes; appended."""
    log = tmp_path / "log.txt"
    log.write_text("an earlier attempt\n")
    outcome(engine, "speak", None, log)
    lines = log.read_text().splitlines()
    assert lines[0] == "an earlier attempt"
    assert sorted(lines[1:]) == sorted(
        ["printed", "warned", "written by C", "complained by C", "of a child", "last words"]
    )


def test_a_job_starts_with_keras_imported(engine: LocalEngine, tmp_path: Path) -> None:
    """The server has imported Keras once: a job's process has it at its start, by fork."""
    found = [outcome(engine, "surroundings", None, tmp_path / "log.txt").value for _ in range(2)]  # type: ignore[union-attr]
    assert found[0]["pid"] != found[1]["pid"]
    for one in found:
        assert {"keras", "tensorflow", "clr_sweep.training.jobs"} <= set(one["modules"])
        assert not {"optuna", "mlflow"} & set(one["modules"])
        assert one["interrupt"]  # Ctrl-C is the driver's


def test_tensorflow_takes_one_thread(engine: LocalEngine, tmp_path: Path) -> None:
    """The cores go to trials: TensorFlow computes in one thread of a job's process."""
    event = outcome(engine, "compute", None, tmp_path / "log.txt")
    assert isinstance(event, Done), event
    assert event.value["settings"] == (1, 1)
    assert event.value["threads"].count("tf_Compute") <= 1
    assert not [name for name in event.value["threads"] if "Eigen" in name]


# ---- drivers that are stopped


def test_jobs_die_with_their_driver(tmp_path: Path) -> None:
    """SIGKILL, which the driver cannot answer, leaves neither jobs nor their server behind."""
    with start_driver(tmp_path, "stay") as driver:
        pids = heard(driver)["reported"]
        below = psutil.Process(driver.pid).children(recursive=True)
        assert set(pids) <= {process.pid for process in below}
        driver.kill()
        assert_gone(below)


def test_ctrl_c_is_the_drivers_alone(tmp_path: Path) -> None:
    """SIGINT to all processes of the terminal: jobs go on until the driver decides."""
    with start_driver(tmp_path, "ask") as driver:
        assert heard(driver)["reported"] == ["before", "before"]
        os.killpg(driver.pid, signal.SIGINT)
        assert heard(driver)["stopped_by"] == signal.SIGINT
        for _ in range(2):
            assert heard(driver) == {"event": "Done", "value": ["go on", "end"]}
        assert driver.wait() == 0


def test_jobs_do_not_see_the_run_of_mlflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's model that logs to MLflow must not write into the run of `mlflow run`."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)  # JAX sets it where it is imported
    with start_driver(tmp_path, "surroundings", MLFLOW_RUN_ID="abc", OTHER="here") as driver:
        environment = heard(driver)["environment"]
        assert "MLFLOW_RUN_ID" not in environment
        assert environment["OTHER"] == "here"
        assert environment["TF_CPP_MIN_LOG_LEVEL"] == "3"
        assert driver.wait() == 0


def test_sets_have_one_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the jobs of all drivers, unless the environment says which: layers may be made in it."""
    monkeypatch.delenv("PYTHONHASHSEED", raising=False)
    found = []
    for environment in ({}, {}, {"PYTHONHASHSEED": "7"}):
        with start_driver(tmp_path, "surroundings", **environment) as driver:
            said = heard(driver)
            found.append((said["order"], said["environment"]["PYTHONHASHSEED"]))
            assert driver.wait() == 0
    assert found[0] == found[1] != found[2]
    assert found[2][1] == "7"


@needs_linux
def test_jobs_of_a_process_without_standard_streams(tmp_path: Path) -> None:
    """As a daemon may be, whose next files have their numbers."""
    code = (
        "from pathlib import Path\n"
        "from clr_sweep.engines.local import forkserver\n"
        "from clr_sweep.engines.local.engine import local_engine\n"
        "forkserver.PRELOAD = ('clr_sweep.engines.local.last_import',)\n"
        "with local_engine(1) as engine:\n"
        "    engine.start('a', 'engine_jobs:echo', 'heard', Path('log.txt'))\n"
        "    (event,) = engine.wait(600)\n"
        "Path('value.txt').write_text(str(getattr(event, 'value', event)))\n"
    )
    subprocess.run(
        ["sh", "-c", f'exec "{sys.executable}" -c "$CODE" <&- >&- 2>&-'],
        cwd=tmp_path, env=os.environ | {"PYTHONPATH": modules(), "CODE": code}, check=True,
    )  # fmt: skip
    assert (tmp_path / "value.txt").read_text() == "heard"
