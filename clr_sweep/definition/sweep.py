"""The sweep definition: a frozen and validated record."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictBool, StrictInt, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.comparison import ComparisonConfig, trials_problems
from clr_sweep.definition.dimensions import Frozen, Scalar
from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.definition.fields import (
    TEST,
    AboveZero,
    AcyclicPolicy,
    At,
    Count,
    Direction,
    HeldOut,
    Metric,
    Name,
    Pruner,
    Seed,
    StorageUrl,
    StudyName,
)
from clr_sweep.definition.metrics import direction
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.range_test.settings import RangeTestConfig

ON_TEST_SET = (
    "Validation is on the test set: no data are left that took no part in the choice, so nothing "
    "can be judged by these values."
)
"""What is said of every result of such a sweep."""


class DatasetConfig(Frozen):
    """Where the images come from, and which of them score a trial.

    Attributes:
        name: `fashion_mnist`, a `.npz` file, or `module:function`.
        validation: examples held out of the training data: a number, or a part in (0, 1); or
            `test`: none is held out, and the test set is what validation is done on.
    """

    name: Name
    validation: HeldOut = 0.1
    folder: StrictStr | None = None

    @property
    def on_test_set(self) -> bool:
        """Whether validation is on the test set: then nothing is left that no choice has seen."""
        return self.validation == TEST

    def held_out(self, examples: int) -> int:
        """How many of the training examples are held out; it may be all of them, or none."""
        part = self.validation
        if isinstance(part, str):
            return 0
        return part if isinstance(part, int) else int(part * examples + 0.5)


class ModelConfig(Frozen):
    """A model by name: `tutorial_cnn`, or `module:function` returning a `keras.Model`."""

    name: Name
    arguments: dict[StrictStr, Scalar] = {}


class Objective(Frozen):
    """What makes a trial good: a metric, its direction, and when it is read.

    Attributes:
        at: `cycle_end`, the trough of the last whole cycle within the budget; `final`, the last
            epoch of the whole budget; `best`, the best of the troughs up to that of `cycle_end`.
    """

    metric: Metric = "val_accuracy"
    direction: Direction = "maximize"
    at: At = "cycle_end"

    @model_validator(mode="before")
    @classmethod
    def _direction_of_metric(cls, value: Any) -> Any:
        if isinstance(value, dict) and "direction" not in value:
            metric = value.get("metric", cls.model_fields["metric"].default)
            natural = direction(metric) if isinstance(metric, str) else "maximize"
            if natural is None:
                text = (
                    f"direction is required, maximize or minimize: {metric} is none of Keras' "
                    "metrics, so which is better is not known"
                )
                raise FieldProblemsError([((), text)])
            return {**value, "direction": natural}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        natural = direction(self.metric)
        if natural is not None and self.direction != natural:
            text = f"must be {natural} for the metric {self.metric}, got {self.direction!r}"
            raise FieldProblemsError([(("direction",), text)])
        return self

    @property
    def sign(self) -> int:
        """+1 if larger is better, else -1."""
        return 1 if self.direction == "maximize" else -1


class StudyConfig(Frozen):
    """The Optuna study.

    Attributes:
        trials: the total, those of earlier starts included.
        jobs: trials at once; None: `trials_per_gpu` on each GPU, without one as many as cores.
        trials_per_gpu: trials that share a GPU, where `jobs` is None.
        deterministic: the same trials with the same results whatever the number of jobs, and
            however often the sweep is interrupted.
        retries: how often a trial goes on after a failure that is not its own: its process was
            killed, or out of memory.
        trial_timeout: seconds that a trial may take, all its attempts together; None: any.
        timeout: seconds after which a start stops the sweep, trials in flight included; None:
            never.
    """

    name: StudyName | None = None
    trials: Count = 50
    sampler: Literal["tpe", "random", "qmc"] = "tpe"
    pruner: Pruner = "cycle_aware"
    seed: Seed = 42
    jobs: Count | None = None
    trials_per_gpu: Count = 1
    storage: StorageUrl | None = None
    deterministic: StrictBool = False
    retries: Annotated[StrictInt, Field(ge=0, le=1000)] = 2
    trial_timeout: AboveZero | None = None
    timeout: AboveZero | None = None


class BaselineConfig(Frozen):
    """The run without CLR: everything else as in training.

    Attributes:
        learning_rate: the highest rate of the policy.
    """

    policy: AcyclicPolicy = "constant"
    learning_rate: AboveZero = 0.01


class Sweep(Frozen):
    """A sweep definition, validated as a whole.

    Attributes:
        comparison: None: `run` ends with the search, and `compare` takes the defaults.
    """

    name: StudyName
    description: StrictStr = ""
    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig
    search_space: SearchSpace
    objective: Objective = Objective()
    study: StudyConfig = StudyConfig()
    baseline: BaselineConfig = BaselineConfig()
    range_test: RangeTestConfig = RangeTestConfig()
    comparison: ComparisonConfig | None = None
    engine: EngineConfig = EngineConfig()
    tracking: TrackingConfig = TrackingConfig()

    @model_validator(mode="after")
    def _check(self) -> Self:
        found = trials_problems(self.comparison, self.study.trials)
        problems = [(("comparison", *keys), text) for keys, text in found]
        if self.engine.name == "ray" and (count := self.study.trials_per_gpu) > 1:
            text = f"has no effect on the engine ray, got {count}: write engine.gpus: {1 / count:g}"
            problems.append((("study", "trials_per_gpu"), text))
        if problems:
            raise FieldProblemsError(problems)
        return self

    @property
    def study_name(self) -> str:
        return self.study.name or self.name
