"""A sweep whose trials a function of the user's own trains: what it fills in, what it refuses.

With `training.function` the function takes the place of the model and of our loop. So the model's
arguments are the function's, and the data may be the function's too: then `dataset.examples` says
how many an epoch has, from which the steps of a cycle follow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from clr_sweep.definition.problems import Problem
from clr_sweep.definition.sections import section

OF_FUNCTION = "the function's own"
"""What stands in a definition for the loss of such a training, which nobody else knows."""

_UNUSED = {
    ("model", "name"): "the function builds its model",
    ("training", "loss"): "the function has its own loss",
    ("training", "metrics"): "what the function reports is what is measured",
    ("training", "class_weight"): "the function weighs its examples",
    ("training", "sample_weight"): "the function weighs its examples",
    ("training", "precision"): "the function chooses it",
    ("training", "cycle_momentum"): "the steps are the function's own",
    ("training", "early_stopping"): "it is our loop's; study.pruner ends trials of a function too",
}
_UNUSED_WITH_OWN_DATA = {
    ("dataset", "validation"): "the function holds out its own",
}


def with_own_training(content: Any) -> Any:
    """A definition as it is written, with the names that its function stands for filled in."""
    function = _function(content)
    if function is None:
        return content
    filled = dict(content)
    if isinstance(model := content.get("model", {}), Mapping):
        filled["model"] = {"name": function, **model}
    if _has_own_data(data := section(content, "dataset")):
        filled["dataset"] = {"name": function, **data}
    return filled


def own_training_problems(content: Mapping[str, Any]) -> Iterator[Problem]:
    """What of a sweep file has no effect with `training.function`, or none without it."""
    data, function = section(content, "dataset"), _function(content)
    has_own_data = _has_own_data(data)
    if function is None:
        if has_own_data:
            text = "is for training.function alone: other data are counted, so leave it out"
            yield ("dataset", "examples"), text
        if section(content, "training").get("evaluate") is not None:
            yield ("training", "evaluate"), "is for training.function alone: leave it out"
        return
    if has_own_data and "name" in data:
        text = "has no effect beside dataset.name, whose examples are counted: leave one out"
        yield ("dataset", "examples"), text
    unused = _UNUSED | (_UNUSED_WITH_OWN_DATA if has_own_data else {})
    for (of, key), why in unused.items():
        if section(content, of).get(key) is not None:
            yield (of, key), f"has no effect with training.function, {why}: leave it out"
    if content.get("range_test") is not None:
        yield ("range_test",), "has no effect with training.function: leave it out"


def function_needs(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What a sweep asks for that a function cannot give.

    Args:
        values: by dotted key, those that could be read.
    """
    if values.get("objective.at") == "best":
        text = (
            "must be cycle_end or final with training.function, whose weights at an earlier "
            "trough are not kept, got 'best'"
        )
        yield ("objective", "at"), text
    if values.get("search_space.from") is not None:
        text = (
            "must be left out with training.function: the range test is made of single steps, "
            "which are the function's own: give init_lr and max_lr"
        )
        yield ("search_space", "from"), text
    is_compared = any(key.startswith("comparison.") for key in values)
    if is_compared and values.get("training.evaluate", "unread") is None:
        text = (
            "needs training.evaluate, as module:function: the finals of a comparison are judged "
            "on a test set"
        )
        yield ("comparison",), text


def schema_with_function(schema: dict[str, Any], kinds: dict[str, Any]) -> None:
    """Let the JSON schema of a sweep file have a function in the place of model and data's name.

    Args:
        schema: of a sweep, with all its definitions.
        kinds: the definitions by name.
    """
    schema["required"].remove("model")
    for kind in ("DatasetConfig", "ModelConfig"):
        kinds[kind].pop("required")
    function = {"training": {"required": ["function"]}}
    named = {"required": ["name"]}
    schema["anyOf"] = [
        {"required": ["model"], "properties": {"model": named, "dataset": named}},
        {"properties": {**function, "dataset": named}},
        {"properties": {**function, "dataset": {"required": ["examples"]}}},
    ]


def _function(content: Any) -> str | None:
    function = section(content, "training").get("function")
    return function if isinstance(function, str) else None


def _has_own_data(dataset: Mapping[str, Any]) -> bool:
    return dataset.get("examples") is not None
