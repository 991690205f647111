"""The work that all contestants do: the same trials, images, model and batches.

What the runner hands to each of them, in workload.json. Importing this costs next to nothing, so
no contestant pays for another's libraries.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import keras
    import optuna

Array = npt.NDArray[Any]

# The search space of sweeps/fashion_mnist.yaml, and the baseline's policy.
POLICIES = ("triangular", "triangular2", "exp_range", "constant")
INIT_LR, MAX_LR, FACTOR = (1e-4, 1e-2), (1e-2, 1.0), (2, 8)
GAMMA = 0.99994
BATCH_SIZE = 64


@dataclass(frozen=True)
class Workload:
    """The fixed trials and what they are trained on.

    Attributes:
        sweep: the sweep file that this project runs; the trials are sampled from it.
        data: the folder with x_train.npy and y_train.npy, uint8.
        rows: the folder with train.npy and validation.npy, the rows of either part.
        epochs: of each trial.
        cores: that the contestants may use, all of them.
        trials: the parameters of each; the first is the baseline, whose policy is constant. No
            two have the same max_lr.
    """

    sweep: str
    data: str
    rows: str
    epochs: int
    cores: int
    trials: tuple[Mapping[str, Any], ...]

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self), indent=1))

    @classmethod
    def read(cls, file: Path) -> Workload:
        content = json.loads(file.read_text())
        return cls(**{**content, "trials": tuple(content["trials"])})

    def split(self) -> tuple[Array, Array, Array, Array]:
        """Images and labels to train on, then those to validate on, all uint8."""
        x, y = (np.load(Path(self.data, f"{name}_train.npy"), mmap_mode="r") for name in "xy")
        train, validation = self.split_rows()
        return x[train], y[train], x[validation], y[validation]

    def split_rows(self) -> tuple[Array, Array]:
        """The rows to train and to validate on, each int32 and ascending."""
        train, validation = (np.load(Path(self.rows, f"{n}.npy")) for n in ("train", "validation"))
        return train, validation


def build_model(params: Mapping[str, Any], steps_per_epoch: int) -> keras.Model:
    """The model of a trial, compiled."""
    import keras

    from clr_sweep.training.models import tutorial_cnn

    model = tutorial_cnn()
    model.compile(
        optimizer=keras.optimizers.SGD(_learning_rate(params, steps_per_epoch)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def suggest(trial: optuna.Trial) -> dict[str, Any]:
    """The search space as Optuna's users write it."""
    params: dict[str, Any] = {
        "policy": trial.suggest_categorical("policy", POLICIES),
        "max_lr": trial.suggest_float("max_lr", *MAX_LR, log=True),
    }
    if params["policy"] != "constant":
        params["init_lr"] = trial.suggest_float("init_lr", *INIT_LR, log=True)
        params["step_size_factor"] = trial.suggest_int("step_size_factor", *FACTOR)
    return params


def _learning_rate(params: Mapping[str, Any], steps_per_epoch: int) -> Any:
    from clr_sweep.schedules import (
        ExponentialCyclicalLearningRate,
        Triangular2CyclicalLearningRate,
        TriangularCyclicalLearningRate,
    )

    if params["policy"] == "constant":
        return params["max_lr"]
    bounds = (params["init_lr"], params["max_lr"], params["step_size_factor"] * steps_per_epoch)
    if params["policy"] == "exp_range":
        return ExponentialCyclicalLearningRate(*bounds, gamma=GAMMA)
    if params["policy"] == "triangular2":
        return Triangular2CyclicalLearningRate(*bounds)
    return TriangularCyclicalLearningRate(*bounds)
