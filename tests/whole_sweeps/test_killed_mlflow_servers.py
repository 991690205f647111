"""A sweep whose MLflow server is killed, again and again, and comes back: MLflow has all of it
once."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

import database_servers
import mlflow_servers
import pytest
from mlflow_servers import PATIENT, MlflowServer
from real_runs import CLR_SWEEP, Place, assert_whole, definition

pytestmark = [pytest.mark.heavy, pytest.mark.crash, pytest.mark.timeout(900)]

WELL = "study tiny: all is well\n"


@contextlib.contextmanager
def server_on(kind: str) -> Iterator[MlflowServer]:
    """An MLflow server whose runs are in a database of this kind."""
    with contextlib.ExitStack() as stack:
        store = None
        if kind != "sqlite":
            store = stack.enter_context(database_servers.running(kind)).url("runs")
        yield stack.enter_context(mlflow_servers.running(store=store))


def tracked_by(server: MlflowServer, place: Place) -> Place:
    place.environment |= PATIENT | {"MLFLOW_TRACKING_URI": server.url}
    place.store = server.store
    return place


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_twice_in_mid_sweep(places: Callable[..., Place], kind: str) -> None:
    """In the middle of a trial, away for its end and the next one's beginning; and once more."""
    with server_on(kind) as server:
        place = tracked_by(server, places("twice"))
        running = place.start_held(place.write_held_sweep(4), ahead=2)
        for training in (2, 3, 4):
            server.kill() if training != 3 else server.start()
            place.hold(training + 1)
            place.release(training)
            running.wait_until(
                lambda reached=training + 1: place.trainings == reached,  # type: ignore[misc]
                f"training {training + 1}",
            )
        server.start()
        place.release(5)
        assert running.wait() == 0, running.output
        assert "training goes on; what MLflow misses is logged when it answers" in running.output
        assert "MLflow answers again, after " in running.output
        assert "start the same command again" not in running.output
        assert place.sweep("doctor", status=0).output == WELL
        assert_whole(place, 4)


def test_in_the_midst_of_calls(places: Callable[..., Place]) -> None:
    """Each time that it has answered some more, at whatever moment of the sweep that is."""
    with server_on("sqlite") as server:
        place = tracked_by(server, places("midst"))
        file = str(place.write_sweep(definition(trials=4)))
        running = place.start(*CLR_SWEEP, "run", file)
        running.wait_for("trials to run")  # before, a server that is away is refused
        for answers in (2, 20, 15, 10, 25):
            enough = server.answers + answers
            while server.answers < enough and running.process.poll() is None:
                time.sleep(0.02)
            server.restart()
        assert running.wait() == 0, running.output
        if "start the same command again" in running.output:  # it was away for the last call
            place.sweep("run", file, status=0)
        assert place.sweep("doctor", status=0).output == WELL
        assert_whole(place, 4)


def test_from_before_the_end_until_after_it(places: Callable[..., Place]) -> None:
    """The message names two cures; the same command again is enough."""
    with server_on("sqlite") as server:
        place = tracked_by(server, places("after"))
        running = place.start_held(place.write_held_sweep(2), ahead=2)
        server.kill()
        place.release(2)
        assert running.wait() == 0, running.output
        assert (
            "start the same command again, or `clr-sweep doctor tiny --fix`, when it can be reached"
        ) in running.output
        assert place.states() == ["COMPLETE"] * 2
        server.start()
        again = place.sweep("run", "t.yaml", status=0)
        assert "MLflow, mended: " in again.output
        assert place.sweep("doctor", status=0).output == WELL
        assert_whole(place, 2)
