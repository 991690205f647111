"""The recorded trials: whole curves, epoch by epoch, of the default sweep's random trials."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.search.pruners.phases import plan_phases

FILE = Path(__file__).parent / "fashion_mnist.json.gz"


@dataclass(frozen=True)
class RecordedTrial:
    """A trial that nobody pruned.

    Attributes:
        params: the sampled hyperparameters.
        schedule: its learning-rate schedule, with nothing left open.
        ends: optimizer steps done at the end of each epoch, shape (epochs,).
        curves: val_accuracy, val_loss, accuracy and loss at the end of each epoch, each of shape
            (epochs,); NaN where one was not finite.
        value: the validation accuracy at its last trough; None if it diverged.
    """

    number: int
    params: Mapping[str, object]
    schedule: ScheduleConfig
    ends: Sequence[int]
    curves: Mapping[str, Sequence[float]]
    value: float | None

    @property
    def epochs(self) -> int:
        return len(self.ends)

    @cached_property
    def phases(self) -> dict[str, Any]:
        """What the search stores with a trial for its pruner."""
        return plan_phases(self.schedule, self.ends[-1], self.ends[0]).stored()


def write(trials: Iterable[RecordedTrial], file: Path) -> None:
    """Write the trials; the same trials give the same bytes."""
    text = json.dumps(
        [asdict(trial) | {"schedule": trial.schedule.model_dump(mode="json")} for trial in trials],
        separators=(",", ":"),
    )
    file.write_bytes(gzip.compress(text.encode(), mtime=0))


def read(file: Path = FILE) -> list[RecordedTrial]:
    """The recorded trials, in the order in which they were sampled."""
    stored = json.loads(gzip.decompress(file.read_bytes()))
    return [
        RecordedTrial(**one | {"schedule": ScheduleConfig(**one["schedule"])}) for one in stored
    ]
