"""What a call leaves of a user's process, and what runs beside it."""

from __future__ import annotations

import gc
import multiprocessing
import multiprocessing.forkserver
import os
import signal
import sys
import threading
import types
from collections.abc import Mapping

import mlflow
import optuna
import pytest

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.stopping import stop_request
from clr_sweep.common.terminal import is_quiet
from clr_sweep.engines.local.forkserver import own_server, without_main
from clr_sweep.engines.local.job import NAME
from clr_sweep.library.process import put_back, training
from clr_sweep.study.notebook import NotebookBar
from clr_sweep.study.progress import Field


def test_a_second_ctrl_c_is_pythons_own() -> None:
    """The first asks to stop; the second raises, and the process lives, with its own handler."""
    before = signal.getsignal(signal.SIGINT)
    with stop_request(ends_process=False) as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.signal_number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread() -> None:
    """Python tells signals to the main thread alone: a call in another one works without."""
    found: list[object] = []

    def call() -> None:
        with training("run", quiet=False) as stop:
            found.append(bool(stop))

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    assert found == [False]


def test_what_is_set_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Environment, MLflow's store, Optuna's verbosity, garbage collection; after an error too."""
    monkeypatch.setenv("KEPT", "as it is")

    def state() -> tuple[object, ...]:
        return (
            dict(os.environ), mlflow.get_tracking_uri(), optuna.logging.get_verbosity(),
            gc.isenabled(), gc.get_threshold(), gc.get_freeze_count(), is_quiet(),
        )  # fmt: skip

    mlflow.set_tracking_uri("sqlite:///mine.db")
    optuna.logging.set_verbosity(optuna.logging.DEBUG)
    before = state()

    def call() -> None:
        os.environ |= {"KEPT": "changed", "NEW": "value"}
        mlflow.set_tracking_uri("sqlite:///other.db")
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        gc.disable()
        gc.freeze()
        gc.set_threshold(1, 2, 3)
        assert is_quiet()
        raise RuntimeError

    with pytest.raises(RuntimeError), training("run", quiet=True):
        call()
    assert state() == before
    mlflow.set_tracking_uri(None)  # type: ignore[arg-type]
    with put_back():
        mlflow.set_tracking_uri("sqlite:///other.db")
    assert not mlflow.is_tracking_uri_set()
    optuna.logging.set_verbosity(optuna.logging.INFO)


def test_the_users_own_server_stays() -> None:
    """That of multiprocessing, which processes of the user's are forked from, is not touched."""
    mine = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
    with own_server():
        ours = multiprocessing.forkserver._forkserver  # type: ignore[attr-defined]
        assert ours is not mine
        assert multiprocessing.forkserver.ensure_running == ours.ensure_running
    assert multiprocessing.forkserver._forkserver is mine  # type: ignore[attr-defined]
    assert multiprocessing.forkserver.ensure_running == mine.ensure_running


def test_a_job_is_not_told_of_the_main_module() -> None:
    """It would run it again."""
    from multiprocessing.spawn import get_preparation_data

    main = sys.modules["__main__"]
    with without_main():
        assert not [key for key in get_preparation_data("job") if "main" in key]
    assert sys.modules["__main__"] is main


def test_a_call_within_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that calls `run` when it is imported would start a sweep in each trial."""
    monkeypatch.setattr(multiprocessing.current_process(), "name", f"{NAME} trial 3")
    with pytest.raises(ClrSweepError, match=r"clr_sweep\.run is called where a trial imports"):
        training("run", quiet=False).__enter__()


def test_the_bar_of_a_notebook() -> None:
    """One output, replaced; what it says is text, not markup."""
    shown: list[Mapping[str, str]] = []
    bar = NotebookBar(4)
    bar._handle = types.SimpleNamespace(update=lambda bundle, raw: shown.append(bundle))
    bar.update(0, completed=3, fields=[Field(1, "best <b> 0.9"), Field(2, "1 running")])
    (bundle,) = shown
    assert bundle["text/plain"] == "trials 3/4  best <b> 0.9 \u00b7 1 running"
    assert '<progress value="3" max="4">' in bundle["text/html"]
    assert "best &lt;b&gt; 0.9" in bundle["text/html"]
