"""What the driver asks of a job and what it is told: records that import no Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from clr_sweep.trial_config import TrialConfig

# The jobs, by name: naming them does not import them.
PREPARE_DATA = "clr_sweep.training.jobs:prepare_data"
INSPECT_TRIAL = "clr_sweep.training.jobs:inspect_trial"
RUN_TRIAL = "clr_sweep.training.jobs:run_trial"
TEST_TRIAL = "clr_sweep.training.jobs:evaluate_on_test_set"


@dataclass(frozen=True)
class DataFacts:
    """What the driver has to know of a data set; the arrays stay where they are."""

    name: str
    source: str
    digest: str
    train: int
    test: int
    input_shape: tuple[int, ...]
    input_dtype: str
    materialized: Path


@dataclass(frozen=True)
class Inspection:
    """What a look at a trial found: the model's size and what its steps cost here.

    Attributes:
        seconds_per_step: CPU time of a training step, after the graph was traced.
        seconds_per_example: CPU time of evaluating one example.
        fixed_seconds: CPU time of building and tracing.
    """

    parameters: int
    seconds_per_step: float
    seconds_per_example: float
    fixed_seconds: float


@dataclass(frozen=True)
class TrialJob:
    """A trial to run."""

    config: TrialConfig
    data: Path
    folder: Path
    search_path: tuple[Path, ...]
    with_test: bool = False


@dataclass(frozen=True)
class DataJob:
    """A data set to load."""

    name: str
    folder: Path | None
    search_path: tuple[Path, ...]
    into: Path
