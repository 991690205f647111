"""The sweep definition: a frozen and validated record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import Field, StrictBool, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.comparison import ComparisonConfig, trials_problems
from clr_sweep.definition.data_names import DataOptions, option_problems
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.definition.fields import (
    AUTO,
    TEST,
    AboveZero,
    AcyclicPolicy,
    At,
    ExamplesPart,
    HeldOut,
    ImageSize,
    InMemory,
    LoggedArguments,
    Metric,
    Name,
    PositiveInt,
    StudyName,
)
from clr_sweep.definition.image_options import ColorMode, ImageOptions, Interpolation
from clr_sweep.definition.metrics import Direction, direction, sign_of
from clr_sweep.definition.outputs import outputs_of, reported, with_direction
from clr_sweep.definition.own_training import (
    function_needs,
    schema_with_function,
    with_own_training,
)
from clr_sweep.definition.problems import Problem
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.sections import Section, of_section
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.definition.validation import validation
from clr_sweep.lr_range_test.settings import RangeTestConfig

ON_TEST_SET = (
    "Validation is on the test set: no data are left that took no part in the choice, so nothing "
    "can be judged by these values."
)
"""What is said of every result of such a sweep."""


class DatasetConfig(Section):
    """Where the examples come from, and which of them score a trial.

    Attributes:
        name: `fashion_mnist`, a `.npz` file, `module:function`, `sklearn:NAME`, `images:FOLDER`
            or `tfds:NAME`.
        validation: examples held out of the training data: a number, or a part in (0, 1); or
            `test`: none is held out, and the test set is what validation is done on.
        examples: that an epoch of `training.function` has, where the data are the function's own;
            None: the data set's are counted.
        test: what is held out as the test set of data that have none; None: a fifth.
        in_memory: whether each training holds all examples in memory, or reads them from their
            files as it needs them, to the same numbers; `auto`: as long as they are small.
        image_size, color_mode, interpolation, crop_to_aspect_ratio, pad_to_aspect_ratio: of
            images alone, see `ImageOptions`.
    """

    stands_for = ("name",)
    name: Name
    validation: HeldOut = 0.1
    folder: Annotated[StrictStr, Field(min_length=1)] | None = None
    examples: PositiveInt | None = None
    test: ExamplesPart | None = None
    in_memory: InMemory = AUTO
    image_size: ImageSize | None = None
    color_mode: ColorMode | None = None
    interpolation: Interpolation | None = None
    crop_to_aspect_ratio: StrictBool | None = None
    pad_to_aspect_ratio: StrictBool | None = None

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        if "name" in values:
            read = cls.model_construct(**values)
            for keys, text in option_problems(read.name, read.options):
                if keys or "image_size" in values:  # one that cannot be read is there all the same
                    yield keys, text

    @property
    def options(self) -> DataOptions:
        """What is said of the data set beside its name."""
        images = ImageOptions(
            self.image_size,
            self.color_mode,
            self.interpolation,
            self.crop_to_aspect_ratio,
            self.pad_to_aspect_ratio,
        )
        folder = Path(self.folder) if self.folder else None
        return DataOptions(folder, self.test, self.in_memory, images)

    @property
    def on_test_set(self) -> bool:
        """Whether validation is on the test set: then nothing is left that no choice has seen."""
        return self.validation == TEST

    def held_out(self, examples: int) -> int:
        """How many of the training examples are held out; it may be all of them, or none."""
        part = self.validation
        if isinstance(part, str) or self.examples is not None:
            return 0
        return part if isinstance(part, int) else int(part * examples + 0.5)


class ModelConfig(Frozen):
    """A model by name: `tutorial_cnn`, or `module:function` returning a `keras.Model`."""

    stands_for = ("name",)
    name: Name
    arguments: LoggedArguments = {}


class Objective(Section):
    """What makes a trial good: a metric, its direction, and when it is read.

    Attributes:
        at: `cycle_end`, the trough of the last whole cycle within the budget; `final`, the last
            epoch of the whole budget; `best`, the best of the troughs up to that of `cycle_end`.
    """

    other_words = {"name": "metric"}
    stands_for = ("at", "direction", "metric")
    metric: Metric = "val_accuracy"
    direction: Direction = "maximize"
    at: At = "cycle_end"

    @classmethod
    def filled(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the direction that makes its metric better, where that is known."""
        metric = written.get("metric", cls.model_fields["metric"].default)
        natural = direction(metric) if isinstance(metric, str) else None
        return written if natural is None else {"direction": natural, **written}

    @model_validator(mode="before")
    @classmethod
    def _direction_is_known(cls, value: Any) -> Any:
        metric = value.get("metric") if isinstance(value, dict) else None
        if not isinstance(metric, str) or "direction" in cls.filled(value):
            return value
        text = (
            f"direction is required, maximize or minimize: {metric} is none of Keras' metrics, so "
            "which is better is not known"
        )
        _, others = validation(cls, {**value, "direction": "maximize"})
        raise FieldProblemsError([((), text), *others])

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        if "metric" in values:
            yield from _direction_problems(values, direction(values["metric"]))

    @property
    def sign(self) -> int:
        """+1 if larger is better, else -1."""
        return sign_of(self.direction)


class BaselineConfig(Frozen):
    """The run without CLR: everything else as in training.

    Attributes:
        learning_rate: the highest rate of the policy.
    """

    other_words = {"name": "policy"}
    stands_for = ("policy", "learning_rate")
    policy: AcyclicPolicy = "constant"
    learning_rate: AboveZero = 0.01


def _direction_problems(
    objective: Mapping[str, Any], natural: Direction | None
) -> Iterator[Problem]:
    """What is wrong with the direction, where this one makes the metric better, if known."""
    given = objective.get("direction", natural)
    if natural is not None and given != natural:
        text = f"must be {natural} for the metric {objective['metric']}, got {given!r}"
        yield ("direction",), text


class Sweep(Frozen):
    """A sweep definition, validated as a whole.

    Attributes:
        comparison: None: `run` ends with the search, and `compare` takes the defaults.
    """

    other_words = {
        **dict.fromkeys(("parameters", "hyperparameters", "space"), "search_space"),
        "data": "dataset",
        "network": "model",
        "mlflow": "tracking",
    }
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

    @model_validator(mode="before")
    @classmethod
    def _of_function(cls, value: Any) -> Any:
        return with_direction(with_own_training(value))

    @classmethod
    def model_json_schema(cls, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """As pydantic has it, and with a function in the place of the model."""
        schema = super().model_json_schema(*args, **kwargs)
        schema_with_function(schema, schema["$defs"])
        return schema

    @model_validator(mode="after")
    def _check(self) -> Self:
        values = {
            f"{section}.{key}": value
            for section, record in self
            if isinstance(record, Frozen)
            for key, value in record.by_key().items()
        }
        if problems := list(self.across_sections(values)):
            raise FieldProblemsError(problems)
        return self

    @classmethod
    def across_sections(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """What is wrong with values of several sections taken together.

        Args:
            values: by dotted key (`study.trials`), those that could be read: see `Section`.
        """
        compared, trials = of_section(values, "comparison"), values.get("study.trials")
        if {"rivals", "trials"} <= compared.keys() and trials is not None:
            for keys, text in trials_problems(ComparisonConfig.model_construct(**compared), trials):
                yield ("comparison", *keys), text
        count = values.get("study.trials_per_gpu", 1)
        if values.get("engine.name") == "ray" and count > 1:
            text = f"has no effect on the engine ray, got {count}: write engine.gpus: {1 / count:g}"
            yield ("study", "trials_per_gpu"), text
        if values.get("training.function") is not None:
            yield from function_needs(values)
        metric = values.get("objective.metric")
        loss, metrics = values.get("training.loss"), values.get("training.metrics")
        if metric is not None and loss is not None and metrics is not None:
            natural = reported(metric, outputs_of(loss, metrics)).direction
            objective = of_section(values, "objective")
            for keys, text in _direction_problems(objective, natural):
                yield ("objective", *keys), text

    @property
    def study_name(self) -> str:
        return self.study.name or self.name
