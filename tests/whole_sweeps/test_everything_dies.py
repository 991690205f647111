"""A sweep on a Ray cluster, PostgreSQL and an MLflow server: each of them dies, and then all do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import database_servers
import mlflow_servers
import pytest
import yaml
from database_servers import Server
from gone_processes import assert_gone
from mlflow_servers import MlflowServer
from ray_clusters import RayCluster, ray_cluster, training
from real_runs import Place, Running, assert_whole, results

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

TRIALS = 4
DETERMINISTIC = {"deterministic": True, "sampler": "tpe"}


@dataclass
class Surroundings:
    """All that a sweep needs beside its driver."""

    cluster: RayCluster
    database: Server
    tracker: MlflowServer

    def place(self, made: Place, study: str) -> Place:
        """A place whose sweeps use them."""
        made.environment |= {
            "RAY_ADDRESS": self.cluster.address, "MLFLOW_TRACKING_URI": self.tracker.url,
        }  # fmt: skip
        made.storage, made.store = self.database.url(study), self.tracker.store
        return made


@pytest.fixture(scope="module")
def surroundings() -> Iterator[Surroundings]:
    with (
        ray_cluster({"a": 1, "b": 1}) as cluster,
        database_servers.running("postgresql") as database,
        mlflow_servers.running() as tracker,
    ):
        yield Surroundings(cluster, database, tracker)


@pytest.fixture(scope="module")
def undisturbed(places: Callable[..., Place]) -> dict[int, Any]:
    """What the study finds on one machine, in files, where nothing dies."""
    place = places("undisturbed")
    file = place.write_held_sweep(TRIALS, **DETERMINISTIC)
    place.sweep("run", str(file), status=0)
    return results(place.study())


def on_ray(place: Place, study: str) -> Path:
    content = yaml.safe_load(place.write_held_sweep(TRIALS, **DETERMINISTIC).read_text())
    content["engine"] = {"name": "ray"}
    content["study"] |= {"storage": place.storage, "name": study}
    return place.write_sweep(content)


class Sweep:
    """A sweep in the middle of a training, and what may happen to it there.

    Args:
        made: where it is run.
        study: its name; the stores may hold others.
        ahead: the training that is held.
    """

    def __init__(self, made: Place, study: str, around: Surroundings, ahead: int) -> None:
        self.place, self.study, self.around = around.place(made, study), study, around
        self.file = on_ray(self.place, study)
        self.running: Running = self.place.start_held(self.file, ahead=ahead)

    def to_the_next(self, ahead: int) -> None:
        """Let the training go on, until one of the next is held."""
        held = self.place.trainings
        self.place.hold(held + ahead)
        self.place.release(held)
        self.running.wait_until(lambda: self.place.trainings == held + ahead, "the next training")

    def to_the_end(self) -> None:
        """Let it go on; started again where its driver is gone."""
        self.place.release(self.place.trainings)
        if self.running.process.poll() is None:
            assert self.running.wait() == 0, self.running.output
        else:
            self.running = self.place.sweep("run", str(self.file), status=0)

    def lose_node(self, number: int) -> None:
        """Kill the node that trains a trial; another of its name comes."""
        log = self.place.folder / "trials" / self.study / f"{number:04d}" / "log.txt"
        name, process = training(self.around.cluster, log)
        self.around.cluster.kill_node(name)
        assert_gone([process])
        self.around.cluster.add_node(name)

    def lose_driver(self) -> None:
        self.running.signal(9)
        self.running.wait()

    def assert_right(self, undisturbed: dict[int, Any]) -> None:
        """Complete, nothing lost, nothing doubled, and to the bit as without."""
        others = [
            run for run in self.place.runs() if run.data.tags["clr_sweep.study"] != self.study
        ]
        assert_whole(self.place, TRIALS, self.study, other_runs=len(others))
        assert results(self.place.study(self.study)) == undisturbed
        found = self.place.sweep("doctor", self.study, "--storage", self.place.storage, status=0)
        assert found.output == f"study {self.study}: all is well\n"


@pytest.mark.crash
def test_nothing_dies(
    surroundings: Surroundings, places: Callable[..., Place], undisturbed: dict[int, Any]
) -> None:
    sweep = Sweep(places("nothing"), "nothing", surroundings, 1)
    sweep.to_the_end()
    sweep.assert_right(undisturbed)


@pytest.mark.crash
@pytest.mark.parametrize("what", ["node", "tracker", "database", "driver"])
def test_one_dies(
    surroundings: Surroundings,
    places: Callable[..., Place],
    undisturbed: dict[int, Any],
    what: str,
) -> None:
    """In the middle of trial 1."""
    sweep = Sweep(places(what), what, surroundings, 3)
    if what == "node":
        sweep.lose_node(1)
        sweep.running.wait_for("it goes on, retry 1 of 2")
    elif what == "driver":
        sweep.lose_driver()
    elif what == "tracker":
        surroundings.tracker.kill()
        sweep.to_the_next(1)
        surroundings.tracker.start()
    else:
        surroundings.database.restart()
    sweep.to_the_end()
    sweep.assert_right(undisturbed)


def test_all_of_them_die(
    surroundings: Surroundings, places: Callable[..., Place], undisturbed: dict[int, Any]
) -> None:
    """One after the other in one sweep, and then all at once."""
    sweep = Sweep(places("all"), "all", surroundings, 2)
    sweep.lose_node(0)
    sweep.to_the_next(2)  # trial 0 again, and trial 1
    surroundings.database.restart()
    surroundings.tracker.kill()
    sweep.to_the_next(1)  # trial 2
    surroundings.tracker.start()
    sweep.lose_driver()
    sweep.place.release(sweep.place.trainings)
    sweep.running = sweep.place.start_held(sweep.file)  # trial 2 again

    log = sweep.place.folder / "trials" / "all" / "0002" / "log.txt"
    name, process = training(surroundings.cluster, log)
    surroundings.tracker.kill()
    surroundings.database.stop()
    sweep.lose_driver()
    surroundings.cluster.kill_node(name)
    assert_gone([process])
    surroundings.database.start()
    surroundings.tracker.start()
    surroundings.cluster.add_node(name)
    sweep.to_the_end()
    sweep.assert_right(undisturbed)
