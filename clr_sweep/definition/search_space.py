"""What a study samples: the dimensions of its search space, by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.conditions import Conditions, condition_words
from clr_sweep.definition.dimensions import Dimension, Frozen, Range, describe
from clr_sweep.definition.fields import DEFAULT_POLICIES, Policies, Policy
from clr_sweep.definition.problems import Problem
from clr_sweep.schedules.policies import CYCLICAL

# Search-space keys that are always there; every other key is a further hyperparameter.
SCHEDULE_KEYS = ("init_lr", "max_lr", "step_size_factor", "policy", "gamma")
# Those that a range test can give.
RATES = ("init_lr", "max_lr")
# Under it a ratio is sampled, in place of init_lr.
RATIO = "init_lr_ratio"


class SearchSpace(Frozen):
    """What the study samples. `init_lr` stays below `max_lr` by construction.

    A policy without a cycle has no `init_lr` and no `step_size_factor`; `gamma` is that of the two
    exp_ranges.

    Keys beyond those below are further hyperparameters: `batch_size`, `optimizer`, an argument
    of the optimizer, or `model.` and an argument of the model's function.

    Attributes:
        when: with which values of others a further hyperparameter is there; the others always are.
        origin: `from` in the file: `range_test`, if init_lr and max_lr are left out and come from
            a range test, the sweep's first stage.
    """

    model_config = ConfigDict(extra="allow", serialize_by_alias=True)
    __pydantic_extra__: dict[str, Dimension] = Field(init=False)

    stands_for = ("from", "policy")
    origin: Literal["range_test"] | None = Field(default=None, alias="from")
    init_lr: Dimension | None = None
    max_lr: Dimension | None = None
    step_size_factor: Dimension = Range(low=2, high=8)
    policy: Policies = DEFAULT_POLICIES
    gamma: Dimension = 0.99994
    when: Conditions = {}

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

    def describe(self, name: str) -> str:
        """A dimension in words, with the condition under which it is sampled."""
        dimension = self.dimensions[name]
        words = describe(dimension, whole=in_whole_numbers(name, dimension))
        condition = condition_words(self.when.get(name, {}))
        return f"{words}, {condition}" if condition else words

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


def dimensions_of(space: Mapping[str, Any]) -> dict[str, Any]:
    """The dimensions that the section `search_space` of a file gives, by their names in it."""
    return {
        key: value
        for key, value in space.items()
        if value is not None and key not in ("from", "when")
    }


def rates_problems(space: Mapping[str, Any]) -> list[Problem]:
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
        f"must give {' and '.join(missing)} a value, or `from: range_test` instead of init_lr and "
        "max_lr: then a range test gives both"
    )
    return [((), text)] if missing else []


def in_whole_numbers(key: str, dimension: Any) -> bool:
    """Whether whole numbers are sampled from the dimension of this key.

    `{low: 0, high: 1}` means two batch sizes, but any momentum between 0 and 1.
    """
    counted = key in ("step_size_factor", "batch_size") or key.startswith("model.")
    return counted and isinstance(dimension, Range) and dimension.is_integer
