"""A sweep in a database server that is restarted, whose driver is killed and followed elsewhere."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from database_servers import Server, running
from gone_processes import assert_gone
from real_runs import CLR_SWEEP, Place, assert_whole, definition, results

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

TRIALS = 4


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running("postgresql") as started:
        yield started


def test_nothing_is_lost_or_doubled(server: Server, places: Callable[..., Place]) -> None:
    """Three restarts and a kill -9; another folder goes on, and ends to the bit as without."""
    calm = places("calm")
    calm.sweep("run", str(held_sweep(calm)), status=0)

    place = places("first")
    shared = f"sqlite:///{place.database}"
    place.environment["MLFLOW_TRACKING_URI"] = shared
    place.storage = server.url("restarted")
    sweep = place.start_held(held_sweep(place), "--storage", place.storage)  # in the baseline
    server.restart()
    place.hold(2)
    place.release(1)
    sweep.wait_until(lambda: place.trainings == 2, "the first trial")
    server.restart()
    below = sweep.descendants()
    sweep.signal(signal.SIGKILL)
    sweep.wait()

    after = places("second", MLFLOW_TRACKING_URI=shared)
    sweep = after.start_held(held_sweep(after), "--storage", place.storage)  # that trial again
    assert_gone(below)
    server.restart()
    after.release(1)
    assert sweep.wait() == 0, sweep.output

    assert f"study tiny goes on where it was begun, in {place.folder}" in sweep.output
    assert not (after.folder / "trials").exists()
    assert_whole(place, TRIALS)
    assert results(place.study()) == results(calm.study())
    for folder in (place, after):
        folder.sweep("doctor", "--storage", place.storage, status=0)


@pytest.mark.slow
def test_it_goes_on_from_its_checkpoint(server: Server, places: Callable[..., Place]) -> None:
    """A driver that is killed is followed at once, in another folder, to the bit as without."""
    content = definition(trials=1)
    content["training"]["epochs"] = 12
    calm, place = places("calm"), places("killed")
    calm.sweep("run", str(calm.write_sweep(content)), status=0)

    place.environment["MLFLOW_TRACKING_URI"] = shared = f"sqlite:///{place.database}"
    place.storage = server.url("killed")
    file = str(place.write_sweep(content))
    sweep = place.start(*CLR_SWEEP, "run", file, "--storage", place.storage)
    trial = place.folder / "trials" / "tiny" / "0000"
    sweep.wait_until((trial / "checkpoint.npz").exists, "the first checkpoint")
    sweep.signal_group(signal.SIGKILL)
    sweep.wait()
    after = places("after", MLFLOW_TRACKING_URI=shared)
    after.sweep("run", file, "--storage", place.storage, status=0)

    assert re.search(r"going on after epoch \d+ of an earlier", (trial / "log.txt").read_text())
    assert not (after.folder / "trials").exists()
    assert_whole(place, 1)
    assert results(place.study()) == results(calm.study())


def held_sweep(place: Place) -> Path:
    return place.write_held_sweep(TRIALS, sampler="tpe", deterministic=True)
