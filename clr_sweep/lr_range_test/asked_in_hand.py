"""What a call asks of a model in hand, and what is wrong with it, whatever the data are."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import keras

BOTH_WEIGHTS = (
    "cannot stand beside sample_weight, as under `fit`: leave one out, or multiply the weights of "
    "the examples by those of their classes"
)


@dataclass(frozen=True)
class Asked:
    """What a call has given, as it was given.

    Attributes:
        settings: those of `RangeTestConfig` that are not None.
    """

    settings: Mapping[str, Any]
    x: Any = None
    y: Any = None
    sample_weight: Any = None
    class_weight: Mapping[int, float] | None = None
    validation_data: Any = None
    batch_size: int = 32
    metric: str | None = None
    seed: int = 0


def call_problems(model: keras.Model, asked: Asked) -> Iterator[str]:
    """What is wrong with the model, and with all that was given beside data and settings."""
    yield from _model_problems(model)
    for name, lowest in (("batch_size", 1), ("seed", 0)):
        value = getattr(asked, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < lowest:
            yield f"{name}: must be a whole number, {lowest} at least, got {value!r}"
    if asked.metric is not None and not isinstance(asked.metric, str):
        yield f"metric: must be the name of a metric, got {asked.metric!r}"
    yield from _class_weight_problems(asked)


def _model_problems(model: keras.Model) -> Iterator[str]:
    if not model.compiled:
        yield (
            "model: must be compiled, with the optimizer whose rate is sought: "
            'model.compile("sgd", loss=...)'
        )
        return
    others = [
        name
        for name, value in vars(model).items()
        if isinstance(value, keras.optimizers.Optimizer) and value is not model.optimizer
    ]
    if others:
        yield (
            f"model: must have one optimizer, got {', '.join(sorted(others))} beside it: which "
            "rate is to rise? A model with a part of it, and one of them, can be tested"
        )


def _class_weight_problems(asked: Asked) -> Iterator[str]:
    weights = asked.class_weight
    if weights is None:
        return
    if not isinstance(weights, Mapping):
        yield (
            "class_weight: must be a dict of weights by the number of the class, {0: 1.0, 1: 2.0}, "
            f"got a {type(weights).__name__}"
        )
        return
    if asked.sample_weight is not None:
        yield f"class_weight: {BOTH_WEIGHTS}"
    if isinstance(asked.y, list | tuple | dict) and keras.tree.is_nested(asked.y):
        arrays = keras.tree.flatten(asked.y)
        if any(hasattr(one, "shape") and one.shape for one in arrays):
            yield (
                "class_weight: is for a model of one output, as under `fit`: give sample_weight, "
                f"got {len(arrays)} arrays of labels"
            )
    for number, weight in weights.items():
        # Another key is that of no label: `fit` passes it over without a word.
        if isinstance(number, bool) or not isinstance(number, Integral):
            yield f"class_weight: must have numbers of classes as its keys, got {number!r}"
        elif not isinstance(weight, Real) or not math.isfinite(weight) or weight < 0:
            yield f"class_weight: must be 0 or more for each class, got {weight!r} for {number}"
