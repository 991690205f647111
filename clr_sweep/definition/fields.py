"""The values that single fields of a sweep file may have, each with its own message."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    StrictInt,
    StrictStr,
    WithJsonSchema,
)

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import Scalar, expected, is_number
from clr_sweep.definition.metrics import metric_problems
from clr_sweep.definition.mlflow_names import name_problem
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.problems import shown
from clr_sweep.definition.storage_urls import PATTERN as STORAGE_PATTERN
from clr_sweep.definition.storage_urls import storage_problem

Policy = Literal[
    "triangular", "triangular2", "exp_range", "exp_range_bounds",
    "constant", "linear", "cosine", "one_cycle",
]  # fmt: skip
AcyclicPolicy = Literal["constant", "linear", "cosine", "one_cycle"]
At = Literal["cycle_end", "final", "best"]
READ_AT: dict[At, str] = {
    "cycle_end": "at the end of a trial's last whole cycle",
    "final": "in the last epoch",
    "best": "at the best of a trial's troughs",
}
"""When the objective is read, in words."""
SamplerName = Literal["tpe", "random", "qmc"]
PrunerName = Literal[
    "cycle_aware", "phase_median", "phase_percentile", "phase_halving", "median", "none"
]

Precision = Literal["float32", "mixed_bfloat16"]

POLICIES: tuple[Policy, ...] = get_args(Policy)
DEFAULT_POLICIES: tuple[Policy, ...] = ("triangular", "triangular2", "exp_range")
PositiveInt = Annotated[StrictInt, Field(ge=1)]
# A bound that no sweep comes near, so that a slip of the finger is refused and not begun.
MOST = 1_000_000
Count = Annotated[StrictInt, Field(ge=1, le=MOST)]
Seed = Annotated[StrictInt, Field(ge=0, lt=2**32)]
Name = Annotated[StrictStr, Field(min_length=1, max_length=200)]


def _metric_name(value: str) -> str:
    if (problem := name_problem(value, "a metric")) is not None:
        raise FieldProblemsError([((), problem)])
    return value


# By the names under which they are reported: which of them there are, `training.metrics` says.
Metric = Annotated[Name, AfterValidator(_metric_name)]
StudyName = Annotated[StrictStr, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


def _number(holds: Callable[[Any], bool], text: str) -> PlainValidator:
    """Takes finite numbers that `holds` is true of, as they are; `text` says which."""

    def check(value: Any) -> Any:
        if not is_number(value) or not holds(value):
            raise expected(text)
        return value

    return PlainValidator(check)


def _logged(arguments: Any) -> Any:
    problems = [((key,), text) for key in arguments if (text := name_problem(key, "an argument"))]
    if problems:
        raise FieldProblemsError(problems)
    return arguments


# Each is a parameter of a trial's run in MLflow.
LoggedArguments = Annotated[dict[StrictStr, Scalar], AfterValidator(_logged)]


def _metrics(value: Any) -> Any:
    if isinstance(value, Mapping):  # of several outputs, by their names
        return {name: _listed_metrics(listed, (str(name),)) for name, listed in value.items()}
    return _listed_metrics(value, ())


def _listed_metrics(value: Any, keys: tuple[str, ...]) -> Any:
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) for one in value):
        wanted = "a list of metrics, such as [accuracy] or [mean_absolute_error]; [] is none"
        if keys:
            raise FieldProblemsError([(keys, f"must be {wanted}, got {shown(value)}")])
        raise expected(wanted)
    problems = [((*keys, str(index)), text) for index, text in metric_problems(value)]
    if problems:
        raise FieldProblemsError(problems)
    return tuple(value)


def _policies(value: Any) -> Any:
    listed = value if isinstance(value, (list, tuple)) else (value,)
    known = all(isinstance(one, str) and one in POLICIES for one in listed)
    if not known or not listed or len(set(listed)) < len(listed):
        names = f"{', '.join(POLICIES[:-1])} and {POLICIES[-1]}"
        raise expected(f"one of {names}, or a list of some of them", POLICIES)
    return value if isinstance(value, str) else tuple(value)


def _url(value: str) -> str:
    if (problem := storage_problem(value)) is not None:
        raise FieldProblemsError([((), problem)])
    return value


StorageUrl = Annotated[
    StrictStr,
    Field(max_length=500, json_schema_extra={"pattern": STORAGE_PATTERN}),
    AfterValidator(_url),
]
TEST: Literal["test"] = "test"  # validation on the test set


def _is_part(value: int | float) -> bool:
    return value >= 1 if isinstance(value, int) else 0 < value < 1


def _held_out(value: Any) -> Any:
    if not (is_number(value) and _is_part(value)) and value != TEST:
        raise expected(
            "a number of examples, 1 or more, or a part of them between 0 and 1; or test: on the "
            "test set",
            (TEST,),
        )
    return value


_PART_SCHEMA: list[dict[str, Any]] = [
    {"type": "integer", "minimum": 1},
    {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
]
HeldOut = Annotated[
    int | float | Literal["test"],
    PlainValidator(_held_out),
    WithJsonSchema({"anyOf": [*_PART_SCHEMA, {"const": TEST}]}),
]
ExamplesPart = Annotated[
    int | float,
    _number(_is_part, "a number of examples, 1 or more, or a part of them between 0 and 1"),
    WithJsonSchema({"anyOf": _PART_SCHEMA}),
]
AUTO: Literal["auto"] = "auto"  # in memory where there is room


def _in_memory(value: Any) -> Any:
    if not isinstance(value, bool) and value != AUTO:
        raise expected("auto, true or false", (AUTO,))
    return value


InMemory = Annotated[
    bool | Literal["auto"],
    PlainValidator(_in_memory),
    WithJsonSchema({"enum": [AUTO, True, False]}),
]


def _image_size(value: Any) -> tuple[int, int]:
    listed = value if isinstance(value, (list, tuple)) else ()
    whole = [one for one in listed if isinstance(one, int) and not isinstance(one, bool)]
    if len(listed) != 2 or len(whole) != 2 or min(whole) < 1:
        raise expected("[height, width], two whole numbers of pixels, such as [64, 64]")
    return whole[0], whole[1]


_PIXELS = {"type": "integer", "minimum": 1}
ImageSize = Annotated[
    tuple[int, int],
    BeforeValidator(_image_size),
    WithJsonSchema({"type": "array", "items": _PIXELS, "minItems": 2, "maxItems": 2}),
]
_POLICY_SCHEMA = {"enum": list(POLICIES)}
Policies = Annotated[
    Policy | tuple[Policy, ...],
    BeforeValidator(_policies),
    WithJsonSchema({"anyOf": [
        _POLICY_SCHEMA,
        {"type": "array", "items": _POLICY_SCHEMA, "minItems": 1, "uniqueItems": True},
    ]}),
]  # fmt: skip
AboveZero = Annotated[
    int | float,
    _number(lambda value: value > 0, "a finite number above 0"),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
_METRICS_SCHEMA = {"type": "array", "items": {"type": "string", "minLength": 1}}
# Of one output a list; of several a list of each, by its name.
Metrics = Annotated[
    tuple[Name, ...] | dict[Name, tuple[Name, ...]],
    BeforeValidator(_metrics),
    WithJsonSchema({"anyOf": [
        _METRICS_SCHEMA, {"type": "object", "additionalProperties": _METRICS_SCHEMA},
    ]}),
]  # fmt: skip


def _class_weight(value: Any) -> Any:
    if value == "balanced":
        return value
    if not isinstance(value, Mapping) or not value:
        wanted = "a weight for each class, such as {0: 1.0, 1: 5.0}, or balanced"
        raise expected(wanted, ("balanced",))
    read = {str(number): weight for number, weight in value.items()}
    problems = [
        ((number,), f"must be {wanted}, got {shown(got)}")
        for number, weight in read.items()
        for holds, wanted, got in (
            (_CLASS.fullmatch(number), "the number of a class, 0 or more", number),
            (is_number(weight) and weight >= 0, "a weight of 0 or more", weight),
        )
        if not holds
    ]
    if problems:
        raise FieldProblemsError(problems)
    return {number: float(weight) for number, weight in read.items()}


def _own(value: str) -> str:
    if OWN.fullmatch(value) is None:
        raise expected("module:function, as in my_code:my_function")
    return value


OwnName = Annotated[
    StrictStr, Field(max_length=200, json_schema_extra={"pattern": ":"}), AfterValidator(_own)
]
_CLASS = re.compile("0|[1-9][0-9]{0,9}")
# By the numbers of classes as texts, as JSON has them.
ClassWeight = Annotated[
    dict[str, float] | Literal["balanced"],
    PlainValidator(_class_weight),
    WithJsonSchema({"anyOf": [
        {"const": "balanced"},
        {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
    ]}),
]  # fmt: skip
BelowOne = Annotated[
    int | float,
    _number(lambda value: 0 <= value < 1, "a number from 0 to below 1"),
    WithJsonSchema({"type": "number", "minimum": 0, "exclusiveMaximum": 1}),
]
AtLeastZero = Annotated[
    int | float,
    _number(lambda value: value >= 0, "a finite number, 0 or more"),
    WithJsonSchema({"type": "number", "minimum": 0}),
]
