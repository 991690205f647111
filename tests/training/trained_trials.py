"""Trials that are trained in the process of the test, with what they leave."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from small_trials import VALIDATION

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training import set_up
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.trial import train


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trial that was trained in this process."""

    result: TrialResult
    loop: TrainingLoop
    folder: TrialFolder

    @property
    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Rate and loss of every step."""
        found = self.folder.curve()
        assert found is not None
        return found

    @property
    def reports(self) -> tuple[EpochReport, ...]:
        """The epochs."""
        return self.folder.reports()


def trained(config: TrialConfig, data: Dataset, path: Path, **arguments: Any) -> Trained:
    """Train a trial here."""
    folder = TrialFolder(path)
    loops: list[TrainingLoop] = []

    def kept(*given: Any) -> TrainingLoop:
        loops.append(TrainingLoop(*given))
        return loops[-1]

    with mock.patch.object(set_up, "TrainingLoop", kept):
        result = train(config, data, folder, **arguments)
    return Trained(result, loops[0], folder)


def evaluated(model: Any, data: Dataset, config: TrialConfig) -> dict[str, float]:
    """What Keras itself measures on the examples that a trial holds out."""
    _, rows = hold_out(len(data.x_train), VALIDATION, config.split_seed)
    found: dict[str, float] = model.evaluate(
        data.x_train[rows], data.y_train[rows], batch_size=1000, verbose=0, return_dict=True
    )
    return found
