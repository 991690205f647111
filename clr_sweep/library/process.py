"""A user's process, which goes on when a call is done: what commands set for theirs is put back."""

from __future__ import annotations

import contextlib
import gc
import os
from collections.abc import Iterator

from clr_sweep.common.door import in_python
from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.stopping import StopRequest, stop_request
from clr_sweep.common.terminal import be_quiet, is_quiet
from clr_sweep.common.when_imported import if_imported


@contextlib.contextmanager
def put_back() -> Iterator[None]:
    """What the block sets for the whole process is as before, after it.

    Its messages speak of Python's names.
    """
    # For those that it starts: the backend, and how patient MLflow and the drivers are.
    variables = dict(os.environ)
    optuna, mlflow = if_imported("optuna"), if_imported("mlflow")
    store = None
    if mlflow is not None and mlflow.is_tracking_uri_set():
        store = mlflow.get_tracking_uri()
    verbosity = None if optuna is None else optuna.logging.get_verbosity()
    collects, threshold, frozen = gc.isenabled(), gc.get_threshold(), gc.get_freeze_count()
    try:
        with in_python():
            yield
    finally:
        if (mlflow := if_imported("mlflow")) is not None:
            mlflow.set_tracking_uri(store)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)
        if (optuna := if_imported("optuna")) is not None:
            # Optuna's own default, where it was not there before.
            optuna.logging.set_verbosity(verbosity or optuna.logging.INFO)
        gc.set_threshold(*threshold)
        (gc.enable if collects else gc.disable)()
        if not frozen:
            gc.unfreeze()


def say(sentence: str) -> None:
    """A line beside the progress of a sweep."""
    from clr_sweep.study.notebook import stream

    if not is_quiet():
        print(f"clr-sweep: {sentence}", file=stream(), flush=True)


@contextlib.contextmanager
def training(what: str, quiet: bool) -> Iterator[StopRequest]:
    """A call that trains: in processes of its own, which end with the block, and interruptible.

    Ctrl-C stops in order, as on the command line; a second one is Python's own. Handlers of
    signals are as before after it.

    Args:
        what: the call, for a message.
        quiet: nothing is said of what goes on.

    Raises:
        ClrSweepError: this process is itself that of a training.
    """
    with _said(quiet), put_back(), _interruptible(what) as stop:
        from clr_sweep.engines.local.forkserver import own_server

        with own_server():
            yield stop


@contextlib.contextmanager
def in_process(what: str, quiet: bool) -> Iterator[StopRequest]:
    """As `training`, of a call that trains in this process and starts none."""
    with _said(quiet), in_python(), _interruptible(what) as stop:
        yield stop


@contextlib.contextmanager
def _said(quiet: bool) -> Iterator[None]:
    was_quiet = is_quiet()
    be_quiet(quiet)
    try:
        yield
    finally:
        be_quiet(was_quiet)


@contextlib.contextmanager
def _interruptible(what: str) -> Iterator[StopRequest]:
    # Signals first: what is imported from here on takes half a second.
    with stop_request(ends_process=False) as stop:
        from clr_sweep.engines.local.job import is_job

        if is_job():
            raise ClrSweepError(
                f"clr_sweep.{what} is called where a trial imports the module that the sweep "
                'names: put the call under `if __name__ == "__main__":`, or model and data into a '
                "module of their own"
            )
        yield stop
