"""The file that an interrupted trial goes on from: all of its training at the end of an epoch.

checkpoint.npz holds a header in JSON and arrays of bytes: raw, because an npz file cannot hold
every type of a variable (bfloat16). It is read without pickle. A zip archive has a checksum for
each array, so that a damaged file is never taken for a good one.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.durable import replaced
from clr_sweep.training.state import TrainingState

_FORMAT = 2


class UnusableCheckpointError(Exception):
    """A checkpoint that this trial cannot go on from; the message says why."""


@dataclass(frozen=True)
class Progress:
    """How far a trial has come, besides the variables of its training.

    Attributes:
        epoch: the last finished one, counted from 1.
        rates: rate of every step so far, float32 of shape (steps,).
        losses: loss of every step so far, float32 of shape (steps,).
        best_epoch: the epoch of the best report, where the best epoch counts; else None.
        best_weights: the model's weights there.
        momenta: momentum of every step so far, float32 of shape (steps,); of shape (0,) where it
            is not cycled.
    """

    epoch: int
    rates: Array
    losses: Array
    best_epoch: int | None = None
    best_weights: Sequence[Array] = ()
    momenta: Array = field(default_factory=lambda: np.zeros(0, np.float32))


@dataclass(frozen=True)
class Checkpoint:
    """Saves and restores the training of one trial.

    Args:
        config: of the trial; a checkpoint of another one is not used.
        data_digest: of its data set; neither is a checkpoint of other data.
    """

    file: Path
    config: TrialConfig
    data_digest: str
    state: TrainingState

    def save(self, progress: Progress) -> None:
        """Write the checkpoint in the place of the one before.

        Raises:
            DiskFullError: the disk has no space left; the one before is still there.
        """
        values = [np.asarray(variable.numpy()) for _, variable in self.state.variables]
        header = {
            **self._identity(),
            "epoch": progress.epoch,
            "variables": [
                {"path": path, **_kind(value)}
                for (path, _), value in zip(self.state.variables, values, strict=True)
            ],
            "best_epoch": progress.best_epoch,
            "best_weights": [_kind(weight) for weight in progress.best_weights],
        }
        arrays: dict[str, Any] = {
            "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
            "rates": progress.rates,
            "losses": progress.losses,
            "momenta": progress.momenta,
            **{f"variable_{index}": _raw(value) for index, value in enumerate(values)},
            **{f"best_{index}": _raw(value) for index, value in enumerate(progress.best_weights)},
        }
        with replaced(self.file) as part, part.open("wb") as opened:
            np.savez(opened, **arrays)

    def restore(self, reported: int) -> Progress:
        """Put every variable back to its value; nothing is touched before all is checked.

        Args:
            reported: epochs, from the first on, whose reports are stored.

        Raises:
            UnusableCheckpointError: there is no checkpoint, it is damaged, it is another
                trial's, another format's or another model's, or it is of a later epoch.
        """
        header, arrays = self._read()
        for key, expected in self._identity().items():
            if header.get(key) != expected:
                raise UnusableCheckpointError(f"its checkpoint is of another {key}")
        if header["epoch"] > reported:
            raise UnusableCheckpointError(
                f"its checkpoint is of epoch {header['epoch']}, but epochs.jsonl holds {reported}"
            )
        stored = header["variables"]
        if len(stored) != len(self.state.variables) or not all(
            _fits(kind, path, variable)
            for kind, (path, variable) in zip(stored, self.state.variables, strict=True)
        ):
            raise UnusableCheckpointError("its checkpoint is of a model with other variables")
        values = [_array(arrays[f"variable_{n}"], kind) for n, kind in enumerate(stored)]
        progress = Progress(
            epoch=header["epoch"],
            rates=arrays["rates"],
            losses=arrays["losses"],
            best_epoch=header["best_epoch"],
            best_weights=[
                _array(arrays[f"best_{n}"], kind) for n, kind in enumerate(header["best_weights"])
            ],
            momenta=arrays["momenta"],
        )
        for (_, variable), value in zip(self.state.variables, values, strict=True):
            variable.assign(value)
        return progress

    def _identity(self) -> dict[str, Any]:
        return {
            "format": _FORMAT,
            "configuration": self.config.model_dump_json(),
            "data set": self.data_digest,
        }

    def _read(self) -> tuple[dict[str, Any], dict[str, Array]]:
        try:
            # NumPy leaves open what it opened itself and cannot read.
            with self.file.open("rb") as opened, np.load(opened, allow_pickle=False) as stored:
                arrays = {name: stored[name] for name in stored.files}
            return json.loads(arrays["header"].tobytes()), arrays
        except FileNotFoundError:
            raise UnusableCheckpointError("it left no checkpoint") from None
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise UnusableCheckpointError(
                f"its checkpoint cannot be read ({type(error).__name__}: {error})"
            ) from error


def _kind(value: Array) -> dict[str, Any]:
    return {"dtype": value.dtype.name, "shape": list(value.shape)}


def _raw(value: Array) -> Array:
    return np.frombuffer(value.tobytes(), np.uint8)


def _array(raw: Array, kind: dict[str, Any]) -> Array:
    # TensorFlow knows the types that NumPy has no names for.
    dtype = tf.as_dtype(kind["dtype"]).as_numpy_dtype
    return np.frombuffer(raw.tobytes(), dtype).reshape(kind["shape"])


def _fits(kind: dict[str, Any], path: str, variable: tf.Variable) -> bool:
    return (
        kind["path"] == path
        and kind["dtype"] == variable.dtype.name
        and variable.shape.is_compatible_with(kind["shape"])
    )
