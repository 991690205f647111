"""What one seed of a range test recorded."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from clr_sweep.common.errors import StoreError
from clr_sweep.lr_range_test.smoothing import Array


@dataclass(frozen=True)
class Curve:
    """One training while the rate rises.

    Attributes:
        seed: of the weights and of the order of the data.
        planned: steps of the whole ramp; fewer are recorded where the training diverged.
        rates: the rate that each step used, shape (steps,), ascending.
        losses: the loss of each step's batch, before its update, shape (steps,).
        evaluated: steps done at each evaluation, shape (evaluations,), ascending; the first is 0,
            before the first step.
        metrics: of the validation examples at each evaluation, by name (`val_accuracy`,
            `val_loss`), each of shape (evaluations,); not finite where the training diverged.
        scale: what was wrong with the size of the examples or labels, each with its cure.
    """

    seed: int
    planned: int
    rates: Array
    losses: Array
    evaluated: npt.NDArray[np.int64]
    metrics: Mapping[str, Array]
    scale: tuple[str, ...] = ()

    def rates_at_evaluations(self) -> Array:
        """The rate of the last step before each evaluation; before the first step, its rate."""
        last: Array = self.rates[np.maximum(self.evaluated - 1, 0)]
        return last

    def arrays(self) -> dict[str, Any]:
        """What `from_arrays` makes a curve of, in types that `.npz` files hold."""
        return {
            "seed": self.seed,
            "planned": self.planned,
            "learning_rate": self.rates.astype("float32"),
            "batch_loss": self.losses.astype("float32"),
            "evaluated": self.evaluated,
            "scale": np.array(self.scale, dtype=np.str_),
            **{f"metric.{name}": values for name, values in self.metrics.items()},
        }


def from_arrays(arrays: Mapping[str, Any]) -> Curve:
    """The curve that `Curve.arrays` described."""
    return Curve(
        seed=int(arrays["seed"]),
        planned=int(arrays["planned"]),
        rates=np.asarray(arrays["learning_rate"], dtype=np.float64),
        losses=np.asarray(arrays["batch_loss"], dtype=np.float64),
        evaluated=np.asarray(arrays["evaluated"], dtype=np.int64),
        metrics={
            key.removeprefix("metric."): np.asarray(arrays[key], dtype=np.float64)
            for key in arrays
            if key.startswith("metric.")
        },
        # A curve of an earlier version has none.
        scale=tuple(map(str, arrays["scale"])) if "scale" in arrays else (),
    )


def read_curve(file: Path, identity: str | None = None) -> Curve | None:
    """The curve in a file, or None where there is none, or one that was made otherwise.

    Args:
        identity: of what decides its numbers, as it was written with it; None takes any.

    Raises:
        StoreError: the file is damaged.
    """
    if not file.exists():
        return None
    with _opened(file) as arrays:
        if identity is not None and str(arrays["identity"]) != identity:
            return None
        return from_arrays(arrays)


def read_identity(file: Path) -> str:
    """What the curve in a file was recorded of, as it was written with it.

    Raises:
        StoreError: the file is damaged.
    """
    with _opened(file) as arrays:
        return str(arrays["identity"])


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Mapping[str, Any]]:
    try:
        with np.load(file) as arrays:
            yield arrays
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise StoreError(f"{file} cannot be read ({error}): put it back or remove it") from None
