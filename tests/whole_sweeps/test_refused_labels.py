"""Labels that do not go with the loss or the model, by the door of the user: a sweep is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from real_runs import DATA, Place, definition

Places = Callable[..., Place]
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(600)]


def written(folder: Path, change: Callable[[dict[str, Any]], None]) -> Path:
    """A data set of the user's own in this folder."""
    with np.load(DATA / "fashion_mnist_slice.npz") as slice_:
        arrays = {key: slice_[key] for key in slice_.files}
    change(arrays)
    np.savez(folder / "own.npz", **arrays)
    return folder / "own.npz"


def one_hot(arrays: dict[str, Any]) -> None:
    for key in ("y_train", "y_test"):
        arrays[key] = np.eye(10, dtype="float32")[arrays[key]]


def a_test_label_beyond(arrays: dict[str, Any]) -> None:
    arrays["y_test"][-1] = 10


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (one_hot, "labels of one number for each class are taken by training.loss: categorical_"),
        (a_test_label_beyond, "y_test: must hold class numbers from 0 to 9, one for each output"),
    ],
)
def test_a_sweep_is_refused_before_it_trains(
    places: Places, change: Callable[[dict[str, Any]], None], problem: str
) -> None:
    """In a sentence that names the file, with the status of wrong input, and no step is taken."""
    place = places(change.__name__)
    file = written(place.folder, change)
    content = definition()
    content["dataset"]["name"] = file.name
    running = place.sweep("run", str(place.write_sweep(content)), status=2)
    assert f"{file}: y_" in running.output
    assert problem in " ".join(running.output.split())
    assert "Traceback" not in running.output
    assert not list(place.folder.rglob("epochs.jsonl"))
    assert not list(place.folder.rglob("*.keras"))


def test_class_weights_under_which_nothing_is_learnt(places: Places) -> None:
    """Which the labels tell, since a class that is not named counts 1."""
    place = places("weights")
    content = definition()
    content["training"]["class_weight"] = dict.fromkeys(range(10), 0)
    running = place.sweep("run", str(place.write_sweep(content)), status=2)
    assert "training.class_weight: must leave an example a weight above 0, got 0 for all " in (
        " ".join(running.output.split())
    )
    assert "Traceback" not in running.output
    assert not list(place.folder.rglob("epochs.jsonl"))
