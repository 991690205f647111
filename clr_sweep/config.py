"""The sweep definition: a frozen and validated record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StrictBool,
    StrictInt,
    StrictStr,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from clr_sweep.dimensions import (
    Dimension,
    Frozen,
    Range,
    Scalar,
    expected,
)
from clr_sweep.errors import FieldProblemsError
from clr_sweep.fields import (
    DEFAULT_POLICIES,
    AboveZero,
    AcyclicPolicy,
    At,
    AtLeastZero,
    BelowOne,
    Count,
    Direction,
    HeldOut,
    Metric,
    Name,
    Policies,
    Policy,
    Pruner,
    Seed,
    StorageUrl,
    StudyName,
)
from clr_sweep.optimizers import (
    OPTIMIZERS,
    argument_problems,
    as_keras_takes_them,
    momentum_problem,
)
from clr_sweep.range_test.config import RangeTestConfig
from clr_sweep.schedules.policies import CYCLICAL
from clr_sweep.wording import unknown

# Search-space keys that are always there; every other key is a further hyperparameter.
SCHEDULE_KEYS = ("init_lr", "max_lr", "step_size_factor", "policy", "gamma")
# Those that a range test can give.
RATES = ("init_lr", "max_lr")


class DatasetConfig(Frozen):
    """Where the images come from, and the part held out of the training data.

    Attributes:
        name: `fashion_mnist`, a `.npz` file, or `module:function`.
        validation: examples held out of the training data: a number, or a part in (0, 1).
        folder: where to look for the files first.
    """

    name: Name
    validation: HeldOut = 0.1
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

    name: StrictStr = Field(json_schema_extra={"enum": list(OPTIMIZERS)})
    arguments: dict[StrictStr, Scalar] = {}

    @model_validator(mode="before")
    @classmethod
    def _as_mapping(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"name": value}
        if not isinstance(value, (dict, OptimizerConfig)):
            raise expected("the name of an optimizer, or a mapping of name and arguments")
        if isinstance(value, OptimizerConfig) or "arguments" not in value:
            return value
        arguments = as_keras_takes_them(value.get("name"), value["arguments"])
        return {**value, "arguments": arguments}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name not in OPTIMIZERS:
            raise FieldProblemsError([(("name",), unknown("optimizer", self.name, OPTIMIZERS))])
        found = argument_problems(self.name, self.arguments)
        if problems := [(("arguments", *keys), text) for keys, text in found]:
            raise FieldProblemsError(problems)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        mapping = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"enum": list(OPTIMIZERS)}, mapping], "title": mapping.pop("title")}


class CycledMomentum(Frozen):
    """Bounds of a momentum (or beta_1) that falls while the learning rate rises, and back."""

    low: BelowOne = 0.85
    high: BelowOne = 0.95

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            text = f"must be above low ({self.low:g}), got {self.high:g}"
            raise FieldProblemsError([(("high",), text)])
        return self


class EarlyStopping(Frozen):
    """When a trial ends before its budget: judged from trough to trough, never between.

    Attributes:
        patience: so many troughs in a row without an improvement end the trial.
        min_delta: what counts as none: a gain in the objective's metric of no more than this.
    """

    patience: Count
    min_delta: AtLeastZero = 0.0


class TrainingConfig(Frozen):
    """How a model is trained, apart from the learning-rate schedule.

    Attributes:
        epochs: the budget of a trial; but for `objective.at: final` a trial ends at its last
            whole cycle within it.
        cycle_momentum: None: the optimizer's momentum is the same at every step.
        early_stopping: None: trials use their budget. Policies without cycles always do.
    """

    optimizer: OptimizerConfig = OptimizerConfig(name="sgd")
    batch_size: Count = 64
    epochs: Count
    loss: Name = "sparse_categorical_crossentropy"
    cycle_momentum: CycledMomentum | None = None
    early_stopping: EarlyStopping | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.cycle_momentum is not None:
            optimizer = self.optimizer
            if text := momentum_problem((optimizer.name,), optimizer.arguments):
                raise FieldProblemsError([(("cycle_momentum",), text)])
        return self


class SearchSpace(Frozen):
    """What the study samples. `init_lr` stays below `max_lr` by construction.

    A policy without a cycle has no `init_lr` and no `step_size_factor`; `gamma` is that of the two
    exp_ranges.

    Keys beyond those below are further hyperparameters: `batch_size`, `optimizer`, an argument
    of the optimizer, or `model.` and an argument of the model's function.

    Attributes:
        origin: `from` in the file: `range_test`, if init_lr and max_lr are left out and come from
            a range test, the sweep's first stage.
    """

    model_config = ConfigDict(extra="allow", serialize_by_alias=True)
    __pydantic_extra__: dict[str, Dimension] = Field(init=False)

    origin: Literal["range_test"] | None = Field(default=None, alias="from")
    init_lr: Dimension | None = None
    max_lr: Dimension | None = None
    step_size_factor: Dimension = Range(low=2, high=8)
    policy: Policies = DEFAULT_POLICIES
    gamma: Dimension = 0.99994

    @model_validator(mode="after")
    def _check(self) -> Self:
        rates = {key: getattr(self, key) for key in RATES}
        if problems := rates_problems({"from": self.origin, **rates}):
            raise FieldProblemsError(problems)
        return self

    @property
    def awaits_range_test(self) -> bool:
        """Whether init_lr and max_lr are still to come, from a range test."""
        return self.init_lr is None

    @property
    def cyclical_policies(self) -> tuple[Policy, ...]:
        """The policies with cycles that may be sampled."""
        return tuple(name for name in self._policies if name in CYCLICAL)

    @property
    def acyclic_policies(self) -> tuple[Policy, ...]:
        """The policies without cycles that may be sampled: their trials take the whole budget."""
        return tuple(name for name in self._policies if name not in CYCLICAL)

    @property
    def _policies(self) -> tuple[Policy, ...]:
        return self.policy if isinstance(self.policy, tuple) else (self.policy,)

    @property
    def further(self) -> dict[str, Any]:
        """The dimensions of the further hyperparameters."""
        return dict(self.model_extra or {})

    @property
    def dimensions(self) -> dict[str, Any]:
        """Every dimension under the name it has in the file, schedule first.

        Without init_lr and max_lr while these await the range test.
        """
        known = {key: getattr(self, key) for key in SCHEDULE_KEYS}
        return {key: value for key, value in known.items() if value is not None} | self.further

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """As `space_checks` has it: numbers alone, and a ratio for init_lr alone."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        of_range, of_ratio, of_choice, of_value = schema["additionalProperties"]["oneOf"]
        schema["additionalProperties"] = {"oneOf": [of_range, of_choice, of_value]}
        for key in ("init_lr", "max_lr", "step_size_factor", "gamma"):
            ratio = [of_ratio] if key == "init_lr" else []
            numbers = [{**of_choice, "items": {"type": "number"}}, {"type": "number"}]
            schema["properties"][key] = {"oneOf": [of_range, *ratio, *numbers]}
        given, absent = {"type": ["object", "array", "number"]}, {"type": "null"}
        for key in RATES:
            schema["properties"][key]["oneOf"].append(absent)
        schema["properties"]["from"] = {"enum": ["range_test", None]}
        in_file = {"from": absent, **dict.fromkeys(RATES, given)}
        tested = {"from": {"const": "range_test"}, **dict.fromkeys(RATES, absent)}
        schema["anyOf"] = [
            {"required": list(RATES), "properties": in_file},
            {"required": ["from"], "properties": tested},
        ]
        return schema


def rates_problems(space: Mapping[str, Any]) -> list[tuple[tuple[str, ...], str]]:
    """What is wrong with where init_lr and max_lr come from: the file, or a range test.

    Args:
        space: `from`, init_lr and max_lr, None where one is not given; one that could not be read
            is left out.
    """
    if "from" not in space:
        return []
    if space["from"] is not None:
        text = "must be left out with `from: range_test`, which gives it"
        return [((key,), text) for key in RATES if space.get(key) is not None]
    missing = [key for key in RATES if key in space and space[key] is None]
    text = (
        f"must give {' and '.join(missing)}, or `from: range_test` instead of init_lr and max_lr: "
        "then a range test gives both"
    )
    return [((), text)] if missing else []


def in_whole_numbers(key: str, dimension: Any) -> bool:
    """Whether whole numbers are sampled from the dimension of this key.

    `{low: 0, high: 1}` means two batch sizes, but any momentum between 0 and 1.
    """
    counted = key in ("step_size_factor", "batch_size") or key.startswith("model.")
    return counted and isinstance(dimension, Range) and dimension.is_integer


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
            return {**value, "direction": _natural_direction(value.get("metric"))}
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        natural = _natural_direction(self.metric)
        if self.direction != natural:
            text = f"must be {natural} for the metric {self.metric}, got {self.direction!r}"
            raise FieldProblemsError([(("direction",), text)])
        return self

    @property
    def sign(self) -> int:
        """+1 if larger is better, else -1."""
        return 1 if self.direction == "maximize" else -1


def _natural_direction(metric: Any) -> Direction:
    return "minimize" if str(metric).endswith("loss") else "maximize"


class StudyConfig(Frozen):
    """The Optuna study.

    Attributes:
        trials: the total, those of earlier starts included.
        jobs: trials at once; None: as many as cores.
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
    range_test: RangeTestConfig = RangeTestConfig()

    @property
    def study_name(self) -> str:
        return self.study.name or self.name
