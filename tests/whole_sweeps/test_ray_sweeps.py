"""Whole sweeps on a Ray cluster of two nodes: as on one machine, whatever dies on the way."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from gone_processes import assert_gone
from ray_clusters import RayCluster, ray_cluster, training
from real_runs import CLR_SWEEP, Place, assert_whole, definition, results

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

RAY = {"name": "ray"}


@pytest.fixture(scope="module")
def cluster() -> Iterator[RayCluster]:
    with ray_cluster({"a": 1, "b": 1}) as made:
        yield made


def written(place: Place, content: dict[str, Any], **engine: Any) -> Path:
    return place.write_sweep({**content, **({"engine": engine} if engine else {})})


# ---- the same as on one machine


def every_stage() -> dict[str, Any]:
    """A range test, trials, a rival's search, finalists and finals."""
    content = definition(trials=3, jobs=2, deterministic=True)
    content["training"] |= {"batch_size": 32, "epochs": 2}
    rest = {"step_size_factor": 1, "policy": ["triangular2", "triangular"]}
    content["search_space"] = {"from": "range_test", **rest}
    content["range_test"] = {"epochs": 10, "seeds": 2, "low": 1e-4}
    content["comparison"] = {
        "rivals": ["constant"], "trials": 1, "finalists": 1, "finalist_seeds": 1, "seeds": 2,
    }  # fmt: skip
    return content


@pytest.mark.slow
def test_every_stage_as_on_one_machine(cluster: RayCluster, places: Callable[..., Place]) -> None:
    """The same studies to the bit, and nothing that the doctor finds."""
    here, there = places("here"), places("on-ray", RAY_ADDRESS=cluster.address)
    here.sweep("run", str(written(here, every_stage())), status=0)
    ran = there.sweep("run", str(written(there, every_stage(), **RAY)), status=0)
    assert f"2 at once on the Ray cluster at {cluster.address} (3 nodes)" in ran.output
    assert "as measured on one of the nodes" in ran.output
    for study in ("tiny", "tiny.constant", "tiny.comparison"):
        found = results(there.study(study))
        assert found
        assert found == results(here.study(study))
    there.sweep("doctor", status=0)
    # Asked for again there is nothing to do, here neither.
    again = there.sweep("run", "t.yaml", "--engine", "local", status=0)
    assert "nothing left to train" in again.output


# Data as a loader gives them, and a training by a function of the user's own.
_OWN = """
import keras
import numpy as np
import tensorflow as tf

def points(seed, examples):
    x = np.random.default_rng(seed).normal(size=(examples, 4)).astype("float32")
    return tf.data.Dataset.from_tensor_slices((x, (x.sum(axis=1) > 0).astype("int32"))).batch(50)

def load():
    return points(0, 400), points(1, 100)

def network():
    return keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, activation="softmax")])

def fit(trial):
    model = network()
    loss = "sparse_categorical_crossentropy"
    model.compile(trial.optimizer(), loss=loss, metrics=["accuracy"])
    train, test = (next(one.unbatch().batch(400).as_numpy_iterator()) for one in load())
    model.fit(*train, batch_size=trial.batch_size, validation_data=test, epochs=trial.epochs,
              verbose=0, callbacks=[trial.callback()])
    return model
"""


def by_function() -> dict[str, Any]:
    content = definition(trials=4, jobs=2, deterministic=True)
    del content["model"]
    return content | {
        "dataset": {"examples": 400},
        "training": {"function": "own:fit", "epochs": 2, "batch_size": 40},
    }


def by_loader() -> dict[str, Any]:
    own = {"dataset": {"name": "own:load", "validation": 80}, "model": {"name": "own:network"}}
    return definition(trials=4, jobs=2, deterministic=True) | own


@pytest.mark.slow
@pytest.mark.parametrize("made", [by_function, by_loader])
def test_code_of_the_users_own_as_on_one_machine(
    cluster: RayCluster, places: Callable[..., Place], made: Callable[[], dict[str, Any]]
) -> None:
    """A function that trains, and a loader: the same numbers on Ray, begun with the same trials."""
    here = places(f"{made.__name__}-here")
    there = places(f"{made.__name__}-on-ray", RAY_ADDRESS=cluster.address)
    for place, engine in ((here, {}), (there, RAY)):
        (place.folder / "own.py").write_text(_OWN, encoding="utf-8")
        place.sweep("run", str(written(place, made(), **engine)), status=0)
        warm = made() | {"name": "warm"}
        warm["study"]["warm_start"] = {"study": "tiny", "trials": 2}
        place.sweep("run", str(written(place, warm, **engine)), status=0)
    for study in ("tiny", "warm"):
        found = results(there.study(study))
        assert len(found) == 4
        assert found == results(here.study(study))
    there.sweep("doctor", status=0)


def test_a_cluster_of_its_own(places: Callable[..., Place]) -> None:
    """`address: local` needs no other command, and leaves nothing behind."""
    place = places("local-ray")
    file = written(place, definition(trials=1), name="ray", address="local")
    running = place.start(*CLR_SWEEP, "run", str(file))
    running.wait_for("1 at once on the Ray cluster of this machine (1 node)")
    processes = running.descendants()
    assert "raylet" in {process.name() for process in processes}
    assert running.wait() == 0, running.output
    assert_gone(processes)
    assert list(place.folder.glob("trials/.*")) == []


# ---- what dies


@pytest.fixture(scope="module")
def undisturbed(places: Callable[..., Place]) -> dict[int, Any]:
    """What the study finds on one machine, where nothing dies."""
    place = places("undisturbed")
    place.sweep("run", str(place.write_held_sweep(3)), status=0)
    return results(place.study())


def held_sweep(place: Place) -> Path:
    content = yaml.safe_load(place.write_held_sweep(3).read_text())
    return written(place, content, **RAY)


@pytest.mark.crash
def test_a_sweep_that_loses_nodes_and_drivers(
    cluster: RayCluster, places: Callable[..., Place], undisturbed: dict[int, Any]
) -> None:
    """The node in trial 0, the driver in trial 1, Ctrl-C in trial 2: the same study in the end."""
    place = places("dying", RAY_ADDRESS=cluster.address)
    file, logs = held_sweep(place), place.folder / "trials" / "tiny"

    running = place.start_held(file, ahead=2)
    name, process = training(cluster, logs / "0000" / "log.txt")
    cluster.kill_node(name)
    assert_gone([process])
    running.wait_for("was lost, or the node was: it goes on, retry 1 of 2")
    cluster.add_node(name)
    # Trial 0 again, from its first epoch on, and then trial 1, which is held.
    place.hold(4)
    running.wait_until(lambda: place.trainings == 4, "trial 1")
    assert place.states()[:2] == ["COMPLETE", "RUNNING"]

    _, process = training(cluster, logs / "0001" / "log.txt")
    running.signal(signal.SIGKILL)
    running.wait()
    assert_gone([process])

    place.release(4)
    running = place.start_held(file, ahead=2)  # trial 1 again, and trial 2
    assert "continuing the interrupted trial 1" in running.output
    running.signal_group(signal.SIGINT)
    assert running.wait() == 130
    assert place.states() == ["COMPLETE", "COMPLETE", "WAITING"]
    place.release(6)
    place.sweep("run", str(file), status=0)
    assert_whole(place, 3)
    assert results(place.study()) == undisturbed
    assert place.study().trials[0].user_attrs["retried"]
    place.sweep("doctor", status=0)
