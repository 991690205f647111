"""What the driver asks of a job and what it is told: records that import no Keras."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.lr_range_test.settings import RangeTestConfig

# The jobs, by name: naming them does not import them.
FIND_GPUS = "clr_sweep.training.jobs:find_gpus"
PREPARE_DATA = "clr_sweep.training.jobs:prepare_data"
LOOK_AT_MODEL = "clr_sweep.training.jobs:look_at_model"
INSPECT_TRIAL = "clr_sweep.training.jobs:inspect_trial"
IDENTIFY_MODEL = "clr_sweep.training.jobs:identify_model"
RUN_TRIAL = "clr_sweep.study.trial_job:run_trial"
RANGE_TEST = "clr_sweep.training.jobs:run_range_test"
TEST_TRIAL = "clr_sweep.training.jobs:evaluate_on_test_set"

# Steps between two looks at the losses: a diverged trial is stopped within so many.
CHUNK = 200
# Evaluations of a range test, on its whole ramp, and the validation examples of each at most.
EVALUATIONS = 40
EVALUATED = 2000

Kind = Literal["trial", "baseline", "train"]


@dataclass(frozen=True)
class DataJob:
    """A data set to load."""

    name: str
    options: DataOptions
    search_path: tuple[Path, ...]
    into: Path


@dataclass(frozen=True)
class StoredData:
    """A data set in memory-mapped files, for a job on whatever machine.

    Attributes:
        folder: of the files, on the machine that prepared them.
        digest: of the data.
        made_by: prepares them on a machine that has no such folder.
    """

    folder: Path
    digest: str
    made_by: DataJob


@dataclass(frozen=True)
class DataFacts:
    """What has to be known of a data set without having it.

    Attributes:
        input_shape, input_dtype: of an example; of each of its arrays, where they have names.
    """

    name: str
    source: str
    digest: str
    train: int
    test: int
    input_shape: tuple[int, ...] | dict[str, tuple[int, ...]]
    input_dtype: str | dict[str, str]


@dataclass(frozen=True)
class PreparedData(DataFacts):
    """The same, of data that jobs may open."""

    stored: StoredData


LabelKind = Literal["classes", "one hot", "yes or no", "amounts"]
"""Class numbers; a row with a single 1; rows of 0 and 1; any numbers."""


@dataclass(frozen=True)
class LookJob:
    """A model to look at, and the data that it is for."""

    model: ModelConfig
    data: StoredData
    search_path: tuple[Path, ...]


@dataclass(frozen=True)
class Look:
    """What one of a model's outputs and its labels are, from which a loss follows.

    Attributes:
        labels: of the training and the test part.
        classes: how many the labels tell of; None where they are amounts.
        label_size: their root mean square, in the training part.
        label_shape, output_shape: of one example.
        sums_to_one: the outputs are parts of 1, as softmax makes them.
        ends_in_sigmoid, ends_in_softmax: the last activation is one.
        all_alike: the labels of all training examples are the same.
    """

    labels: LabelKind
    classes: int | None
    label_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    sums_to_one: bool
    ends_in_sigmoid: bool
    parameters: int
    label_size: float = 0.0
    ends_in_softmax: bool = False
    all_alike: bool = False


@dataclass(frozen=True)
class ModelLook:
    """What a look at a model and its data found.

    Attributes:
        outputs: of each output, where labels and outputs have names.
        unscaled: what is wrong with the scale of the examples, and its cure; empty where nothing
            is.
        settles: held-out values are wrong until moving averages have reached the examples.
    """

    outputs: Look | dict[str, Look]
    unscaled: str
    settles: bool = False


@dataclass(frozen=True)
class ModelIdentity:
    """By which a model is known from one whose code was changed meanwhile.

    Attributes:
        digest: of its variables and layers, see `model_identity`; short.
    """

    parameters: int
    digest: str

    def changed_from(self, before: ModelIdentity) -> str:
        """What a model had that is another one now, to be said behind its name."""
        if self.parameters == before.parameters:
            return f"has other layers or variables now, of {self.parameters:,} parameters as before"
        return f"had {before.parameters:,} parameters, has now {self.parameters:,}"


@dataclass(frozen=True)
class Inspection:
    """What a look at a trial found: its model and what its steps cost here.

    Attributes:
        model: None where a function of the user's own trains, whose model is not seen.
        seconds_per_step: CPU time of a training step, after the graph was traced; on a GPU time
            by the clock, as for the others.
        seconds_per_example: CPU time of evaluating one example.
        fixed_seconds: CPU time of building and tracing.
    """

    model: ModelIdentity | None
    seconds_per_step: float
    seconds_per_example: float
    fixed_seconds: float


@dataclass(frozen=True)
class TrialJob:
    """A trial to run.

    Attributes:
        kind, number: as in its record; its figures name it by them.
        inspect: report an `Inspection` after the first steps, before any epoch.
    """

    config: TrialConfig
    data: StoredData
    folder: Path
    search_path: tuple[Path, ...]
    kind: Kind = "trial"
    number: int | None = None
    inspect: bool = False
    with_test: bool = False


@dataclass(frozen=True)
class RangeTestJob:
    """One seed of a range test.

    Attributes:
        config: what is trained, with which seed; the ramp takes the place of its schedule.
        model: that the configuration's function makes now.
        looks_at_scale: of examples and labels, which is a pass over all of them.
    """

    config: TrialConfig
    test: RangeTestConfig
    model: ModelIdentity
    data: StoredData
    file: Path
    search_path: tuple[Path, ...]
    looks_at_scale: bool = True

    @property
    def identity(self) -> str:
        """All that decides the curve's numbers, as a text."""
        return json.dumps(
            {
                "config": self.config.model_dump(mode="json", exclude={"objective", "schedule"}),
                "test": self.test.model_dump(mode="json", exclude={"rule", "seeds", "min_seeds"}),
                "data": self.data.digest,
                "model": asdict(self.model),
            }
        )
