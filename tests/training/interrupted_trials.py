"""Trials that are interrupted, and what must be equal between two of them."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
from small_trials import comparable, small_config

from clr_sweep.definition.training_config import CycledMomentum
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.trial import train

EPOCHS = 4
CNN = small_config(
    "exp_range", model="tutorial_cnn", gamma=0.99, optimizer="adam", init_lr=1e-4, max_lr=0.03,
    factor=1, epochs=EPOCHS, at="best", metric="val_loss",
)  # fmt: skip
REGULARISED = small_config(
    "triangular", model="user_models:regularised", factor=EPOCHS / 2, epochs=EPOCHS,
    optimizer_arguments={"momentum": 0.9},
)  # fmt: skip
# The momentum of both families: SGD's own, and Adam's first beta.
CYCLED = small_config(
    "triangular2", model="user_models:regularised", factor=EPOCHS / 4, epochs=EPOCHS,
    cycle_momentum=CycledMomentum(low=0.5, high=0.9),
)  # fmt: skip
CYCLED_BETA = small_config(
    "one_cycle", max_lr=0.02, epochs=EPOCHS, optimizer="adam", cycle_momentum=CycledMomentum(),
)  # fmt: skip


class Interrupted(BaseException):
    """Stands for the end of the process."""


def like(config: TrialConfig, model: str) -> TrialConfig:
    """The same trial of another model."""
    return config.model_copy(update={"model": config.model.model_copy(update={"name": model})})


def train_anew(
    config: TrialConfig, data: Dataset, folder: TrialFolder, **named: Any
) -> TrialResult:
    """Train here as a process of its own would: the names of layers count from the start again.

    Keras would collect garbage too, which takes a third of such a training.
    """
    keras.backend.clear_session(free_memory=False)
    return train(config, data, folder, **named)


def trained(
    config: TrialConfig, data: Dataset, path: Path, stop_after: int | None = None
) -> list[int]:
    """Train anew; the epochs heard of until the interruption."""
    heard: list[int] = []

    def on_epoch(report: EpochReport) -> bool:
        heard.append(report.epoch)
        if report.epoch == stop_after:
            raise Interrupted
        return True

    try:
        train_anew(config, data, TrialFolder(path), on_epoch=on_epoch)
    except Interrupted:
        assert stop_after is not None
    else:
        assert stop_after is None, "it was not interrupted: this test shows nothing"
    return heard


def saved_model(folder: TrialFolder) -> dict[str, Any]:
    """All bytes of the weights and of the optimizer; the archive has a date too."""
    arrays: dict[str, Any] = {}

    def add(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = (item.dtype, item.shape, item[()].tobytes())

    with zipfile.ZipFile(folder.model_file) as archive:
        content = io.BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(add)
    assert {name.partition("/")[0] for name in arrays} >= {"layers", "optimizer"}
    return arrays


def assert_same_trial(found: TrialFolder, expected: TrialFolder) -> None:
    """Everything that a trial leaves is the same, to the bit; times apart."""
    one, other = found.result(), expected.result()
    assert one is not None
    assert other is not None
    assert comparable(one) == comparable(other)
    timeless = [
        [dataclasses.replace(report, cpu_seconds=0, wall_seconds=0) for report in folder.reports()]
        for folder in (found, expected)
    ]
    assert timeless[0] == timeless[1]
    assert one.cpu_seconds == sum(report.cpu_seconds for report in found.reports())
    for mine, theirs in zip(found.curve() or (), expected.curve() or (), strict=True):
        np.testing.assert_array_equal(mine, theirs, strict=True)
    np.testing.assert_array_equal(found.momenta(), expected.momenta())
    assert saved_model(found) == saved_model(expected)
    names = [{file.name for file in folder.path.iterdir()} for folder in (found, expected)]
    assert names[0] == names[1]
    assert "checkpoint.npz" not in names[0]


def checkpoint_epoch(folder: TrialFolder) -> int | None:
    """The epoch that the checkpoint in a folder is of."""
    if not folder.checkpoint_file.exists():
        return None
    with np.load(folder.checkpoint_file, allow_pickle=False) as arrays:
        found: int = json.loads(arrays["header"].tobytes())["epoch"]
    return found
