"""The table of optimizers against the Keras that is installed."""

from __future__ import annotations

import inspect
import math
from typing import Any

import keras
import pytest

from clr_sweep.definition.arguments import SWITCH, Real, as_keras_takes_them
from clr_sweep.definition.optimizers import (
    KERAS_CLASSES,
    NOT_TAKEN,
    OPTIMIZERS,
    argument_problem,
    argument_problems,
    clipping_problem,
)

ARGUMENTS = [
    (name, argument, kind) for name, table in OPTIMIZERS.items() for argument, kind in table.items()
]
REALS = [(name, argument, kind) for name, argument, kind in ARGUMENTS if isinstance(kind, Real)]


def keras_class(name: str) -> Any:
    return getattr(keras.optimizers, KERAS_CLASSES[name])


def test_names_and_classes_are_of_the_same_optimizers() -> None:
    """Every optimizer has its class in Keras, and every class its arguments."""
    assert KERAS_CLASSES.keys() == OPTIMIZERS.keys()
    for name in OPTIMIZERS:
        assert issubclass(keras_class(name), keras.optimizers.Optimizer)
        if name != "lamb":  # which Keras' table of names does not have
            assert keras.optimizers.get(name).__class__ is keras_class(name)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_arguments_are_those_of_the_signature(name: str) -> None:
    """The table has every argument of the installed Keras but those left out on purpose."""
    parameters = inspect.signature(keras_class(name).__init__).parameters.values()
    there = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD} - {"self"}
    assert set(OPTIMIZERS[name]) == there - set(NOT_TAKEN)
    assert there >= set(NOT_TAKEN)


@pytest.mark.parametrize(("name", "argument", "kind"), ARGUMENTS)
def test_types_and_limits_hold_the_default(name: str, argument: str, kind: Any) -> None:
    """An argument is a switch where Keras' default is one, else a number within its limits."""
    default = inspect.signature(keras_class(name).__init__).parameters[argument].default
    assert (kind == SWITCH) == isinstance(default, bool)
    if isinstance(kind, Real) and default is not None:
        assert kind.holds(default)


@pytest.mark.parametrize(("name", "argument", "kind"), REALS)
def test_keras_takes_what_the_table_takes(name: str, argument: str, kind: Real) -> None:
    """Keras builds the optimizer with the limits themselves, written as whole numbers too."""
    low = math.nextafter(kind.low, 1) if kind.above else max(kind.low, -10.0)
    high = 10.0 if kind.high == math.inf else kind.high
    high = math.nextafter(high, 0) if kind.below else high
    for value in {low, high, *(int(v) for v in (low, high) if v == int(v) and kind.holds(v))}:
        assert argument_problem([name], argument, [value]) is None
        arguments = as_keras_takes_them(OPTIMIZERS[name], {argument: value, "use_ema": True})
        assert getattr(keras_class(name)(**arguments), argument) == value


@pytest.mark.parametrize(
    ("name", "argument", "value"),
    [("sgd", "momentum", 1.5), ("sgd", "momentum", -0.1), ("lion", "beta_1", 0.0)],
)
def test_what_keras_refuses_is_refused_before(name: str, argument: str, value: float) -> None:
    """A value that Keras would refuse in the first trial is refused before it."""
    with pytest.raises(ValueError, match=argument):
        keras_class(name)(**{argument: value})
    problem = argument_problem([name], argument, [value])
    assert problem is not None
    assert problem.endswith(f"for the optimizer {name}, got {value}")


def test_whole_numbers_are_made_real_where_keras_wants_them() -> None:
    """Keras refuses momentum=0; a switch and an unknown argument stay as they are."""
    with pytest.raises(ValueError, match="float"):
        keras.optimizers.SGD(momentum=0)
    made = as_keras_takes_them(
        OPTIMIZERS["sgd"], {"momentum": 0, "nesterov": True, "other": 1, "clipnorm": "x"}
    )
    assert repr(made) == "{'momentum': 0.0, 'nesterov': True, 'other': 1, 'clipnorm': 'x'}"
    assert as_keras_takes_them({}, {"momentum": 0}) == {"momentum": 0}
    assert as_keras_takes_them(OPTIMIZERS["sgd"], [1]) == [1]


def test_clipping_is_of_one_kind() -> None:
    """Keras takes one way of clipping; so does the table, and names those given."""
    with pytest.raises(ValueError, match="clip"):
        keras.optimizers.SGD(clipnorm=1.0, clipvalue=1.0)
    assert clipping_problem(["clipnorm", "momentum"]) is None
    problem = clipping_problem(["clipvalue", "momentum", "clipnorm"])
    assert problem is not None
    assert problem.endswith("may be given, got clipnorm and clipvalue")


@pytest.mark.parametrize(
    ("names", "argument", "values", "message"),
    [
        (["sgd"], "momentum", [0.9, "a"], "must be a number, got 'a'"),
        (["sgd"], "momentum", [True], "must be a number, got true"),
        (["sgd"], "nesterov", [1], "must be true or false, got 1"),
        (["sgd"], "weight_decay", [-1], "must be at least 0 for the optimizer sgd, got -1"),
        (["adam"], "beta_1", [1], "must be at least 0 and below 1 for the optimizer adam, got 1"),
        (["lion"], "beta_1", [0], "must be above 0 and at most 1 for the optimizer lion, got 0"),
        (["sgd", "adam"], "momentum", [0.9], "unknown argument of the optimizer adam 'momentum'"),
        (["sgd"], "learning_rate", [0.1], "is given by the schedule"),
        (["sgd"], "gradient_accumulation_steps", [4], "is not taken: most steps of a cycle would"),
        (["adam"], "ema_overwrite_frequency", [100], "is not taken: with use_ema the averages"),
        (["adam"], "loss_scale_factor", [2.0], "is not taken: neither float32 nor mixed_bfloat16"),
    ],
)
def test_messages(names: list[str], argument: str, values: list[Any], message: str) -> None:
    """What is wrong is said with the limits and the optimizer that they are of."""
    problem = argument_problem(names, argument, values)
    assert problem is not None
    assert problem.startswith(message)


def test_all_problems_of_the_arguments() -> None:
    """Every wrong argument is named, not the first alone."""
    found = dict(argument_problems("sgd", {"momentum": 2, "nestrov": True, "clipnorm": 1}))
    assert list(found) == [("momentum",), ("nestrov",)]
    assert "did you mean 'nesterov'?" in found["nestrov",]
