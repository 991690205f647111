"""The sweep definition and the trial configuration: frozen and validated records."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, StrictInt, StrictStr, model_validator

from clr_sweep.dimensions import Dimension, Float, Frozen, Number, Range, Scalar
from clr_sweep.optimizers import OPTIMIZERS, argument_problem
from clr_sweep.wording import unknown

Policy = Literal["triangular", "triangular2", "exp_range"]
Metric = Literal["val_accuracy", "val_loss", "accuracy", "loss"]
At = Literal["cycle_end", "final", "best"]
Direction = Literal["maximize", "minimize"]

POLICIES: tuple[str, ...] = ("triangular", "triangular2", "exp_range")
PositiveInt = Annotated[StrictInt, Field(ge=1)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**32)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]
StudyName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
# Search-space keys that are always there; every other key is a further hyperparameter.
SCHEDULE_KEYS = ("init_lr", "max_lr", "step_size_factor", "policy", "gamma")


class DatasetConfig(Frozen):
    """Where the images come from, and the part held out of the training data.

    Attributes:
        name: `fashion_mnist`, a `.npz` file, or `module:function`.
        validation: examples held out of the training data: a number, or a part in (0, 1).
        folder: where to look for the files first.
    """

    name: Name
    validation: Annotated[StrictInt, Field(ge=1)] | Annotated[Float, Field(gt=0, lt=1)] = Field(
        default=0.1, union_mode="left_to_right"
    )
    folder: StrictStr | None = None

    def held_out(self, examples: int) -> int:
        """How many of the training examples are held out; it may be all of them, or none."""
        part = self.validation
        return part if isinstance(part, int) else int(part * examples + 0.5)


class ModelConfig(Frozen):
    """A model by name: `tutorial_cnn`, or `module:function` returning a `keras.Model`."""

    name: Name
    arguments: dict[StrictStr, Scalar] = {}


class OptimizerConfig(Frozen):
    """A Keras optimizer by name, with its arguments; the schedule gives the learning rate."""

    name: StrictStr
    arguments: dict[StrictStr, Scalar] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name not in OPTIMIZERS:
            raise ValueError(unknown("optimizer", self.name, OPTIMIZERS))
        for key, value in self.arguments.items():
            if problem := argument_problem((self.name,), key, (value,)):
                raise ValueError(problem)
        return self


class TrainingConfig(Frozen):
    """How a model is trained, apart from the learning-rate schedule.

    Attributes:
        epochs: the budget of a trial; with `objective.at: cycle_end` a trial ends at its last
            whole cycle within it.
    """

    optimizer: OptimizerConfig = OptimizerConfig(name="sgd")
    batch_size: PositiveInt = 64
    epochs: PositiveInt
    loss: Name = "sparse_categorical_crossentropy"


class SearchSpace(Frozen):
    """What the study samples. `init_lr` stays below `max_lr` by construction."""

    init_lr: Dimension
    max_lr: Dimension
    step_size_factor: Dimension = Range(low=2, high=8)
    policy: Annotated[tuple[Policy, ...], Field(min_length=1, strict=False)] | Policy = POLICIES  # type: ignore[assignment]
    gamma: Dimension = 0.99994
    further: dict[StrictStr, Dimension] = {}

    @model_validator(mode="before")
    @classmethod
    def _gather_further(cls, value: Any) -> Any:
        if not isinstance(value, dict) or "further" in value:
            return value
        own = {key: value[key] for key in value if key in SCHEDULE_KEYS}
        rest = {key: value[key] for key in value if key not in SCHEDULE_KEYS}
        return {**own, "further": rest} if rest else own

    @property
    def dimensions(self) -> dict[str, Any]:
        """Every dimension under the name it has in the file, schedule first."""
        return {key: getattr(self, key) for key in SCHEDULE_KEYS} | dict(self.further)


class Objective(Frozen):
    """What makes a trial good: a metric, its direction, and when it is read.

    Attributes:
        at: `cycle_end`, the trough of the last whole cycle within the budget; `final`, the last
            epoch of the whole budget; `best`, the best epoch of the whole budget.
    """

    metric: Metric = "val_accuracy"
    direction: Direction = "maximize"
    at: At = "cycle_end"

    @model_validator(mode="before")
    @classmethod
    def _direction_of_metric(cls, value: Any) -> Any:
        if isinstance(value, dict) and "direction" not in value:
            minimize = str(value.get("metric", "")).endswith("loss")
            return {**value, "direction": "minimize" if minimize else "maximize"}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        natural = "minimize" if self.metric.endswith("loss") else "maximize"
        if self.direction != natural:
            raise ValueError(f"direction of {self.metric} must be {natural}, got {self.direction}")
        return self

    @property
    def sign(self) -> int:
        """+1 if larger is better, else -1."""
        return 1 if self.direction == "maximize" else -1


class StudyConfig(Frozen):
    """The Optuna study. `trials` is the total, `jobs` how many run at once (default: cores)."""

    name: StudyName | None = None
    trials: PositiveInt = 50
    sampler: Literal["tpe", "random", "qmc"] = "tpe"
    pruner: Literal["cycle_aware", "median", "none"] = "cycle_aware"
    seed: Seed = 42
    jobs: PositiveInt | None = None
    storage: Name | None = None


class BaselineConfig(Frozen):
    """The run without CLR: everything else as in training."""

    policy: Literal["constant"] = "constant"
    learning_rate: Annotated[Float, Field(gt=0)] | Annotated[StrictInt, Field(gt=0)] = 0.01


class Sweep(Frozen):
    """A sweep definition, validated as a whole."""

    name: StudyName
    description: StrictStr = ""
    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig
    search_space: SearchSpace
    objective: Objective = Objective()
    study: StudyConfig = StudyConfig()
    baseline: BaselineConfig = BaselineConfig()

    @property
    def study_name(self) -> str:
        return self.study.name or self.name


class ScheduleConfig(Frozen):
    """A learning-rate schedule with nothing left open.

    Attributes:
        step_size: half a cycle in optimizer steps; 0 for the constant policy.
        step_size_factor: half a cycle in epochs; 0 for the constant policy.
        gamma: decay of the amplitude per optimizer step; 1 where the policy has none.
    """

    policy: Policy | Literal["constant"]
    init_lr: Annotated[Number, Field(ge=0)]
    max_lr: Annotated[Number, Field(ge=0)]
    step_size_factor: Annotated[Number, Field(ge=0)]
    step_size: Annotated[StrictInt, Field(ge=0)]
    gamma: Annotated[Number, Field(gt=0, le=1)] = 1.0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.policy == "constant":
            if self.init_lr != self.max_lr:
                raise ValueError(
                    f"init_lr and max_lr of the constant policy must be equal, "
                    f"got {self.init_lr} and {self.max_lr}"
                )
        elif self.init_lr >= self.max_lr:
            raise ValueError(f"init_lr must be below max_lr, got {self.init_lr} and {self.max_lr}")
        elif self.step_size < 1:
            raise ValueError(f"step_size must be at least 1 step, got {self.step_size}")
        return self


class TrialConfig(Frozen):
    """All that decides a trial's numbers: the same configuration gives the same metrics.

    Attributes:
        steps: optimizer steps in all; the last epoch is cut short where a cycle ends in it.
        seed: of the weights, of dropout and of the order of the data.
        split_seed: of the validation part, one for all trials of a sweep.
    """

    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig
    schedule: ScheduleConfig
    objective: Objective
    steps: PositiveInt
    seed: Seed
    split_seed: Seed
