"""The Keras optimizers a sweep may name, and their arguments, known without importing Keras.

`tests/definition/test_optimizers.py` holds this table against the installed Keras' signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

from pydantic import Field, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.arguments import SWITCH, Argument, Real, value_problem
from clr_sweep.definition.named import Named
from clr_sweep.definition.problems import unknown

# Where Keras checks a value itself, these are its limits; a beta or a rho of 1 never forgets.
_UNIT, _DECAY, _LION_BETA = Real(high=1), Real(high=1, below=True), Real(high=1, above=True)
# Arguments of every Keras optimizer that a sweep does not take, each with the reason.
NOT_TAKEN = {
    "learning_rate": "is given by the schedule: set init_lr and max_lr in the search space instead",
    "gradient_accumulation_steps": (
        "is not taken: most steps of a cycle would then change no weight; give a larger batch_size"
    ),
    "ema_overwrite_frequency": (
        "is not taken: with use_ema the averages take the weights' place at a trial's end, as "
        "after fit"
    ),
    "loss_scale_factor": (
        "is not taken: neither float32 nor mixed_bfloat16 loses small gradients, leave it out"
    ),
    "name": "is not taken: it would change no number, leave it out",
}
# Those that it takes of every one.
_COMMON: dict[str, Argument] = {
    "weight_decay": Real(),
    "clipnorm": Real(),
    "clipvalue": Real(),
    "global_clipnorm": Real(),
    "use_ema": SWITCH,
    "ema_momentum": _UNIT,
}
_CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
_ADAM: dict[str, Argument] = {"beta_1": _DECAY, "beta_2": _DECAY, "epsilon": Real()}

OPTIMIZERS: dict[str, dict[str, Argument]] = {
    "sgd": {"momentum": _UNIT, "nesterov": SWITCH, **_COMMON},
    "rmsprop": {"rho": _DECAY, "momentum": _UNIT, "epsilon": Real(), "centered": SWITCH, **_COMMON},
    "adam": {**_ADAM, "amsgrad": SWITCH, **_COMMON},
    "adamw": {**_ADAM, "amsgrad": SWITCH, **_COMMON},
    "nadam": {**_ADAM, **_COMMON},
    "adamax": {**_ADAM, **_COMMON},
    "adagrad": {"initial_accumulator_value": Real(), "epsilon": Real(), **_COMMON},
    "adadelta": {"rho": _DECAY, "epsilon": Real(), **_COMMON},
    "lion": {"beta_1": _LION_BETA, "beta_2": _UNIT, **_COMMON},
}
KERAS_CLASSES = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "Nadam",
    "adamax": "Adamax", "adagrad": "Adagrad", "adadelta": "Adadelta", "lion": "Lion",
}  # fmt: skip


def momentum_argument(optimizer: str) -> str | None:
    """The argument that holds the optimizer's momentum: beta_1 in Adam's family, or None."""
    return next((key for key in ("beta_1", "momentum") if key in OPTIMIZERS[optimizer]), None)


def momentum_problem(optimizers: Sequence[str], given: Iterable[str]) -> str | None:
    """What is wrong with cycling the momentum of these optimizers, if anything.

    Args:
        given: the arguments of the optimizer that are set or searched.
    """
    for name in optimizers:
        argument = momentum_argument(name)
        if argument is None:
            fit = ", ".join(one for one in OPTIMIZERS if momentum_argument(one))
            return f"needs an optimizer with momentum or beta_1 ({fit}), got {name}"
        if argument in given:
            return (
                f"gives {argument} at every step, so {argument} cannot be given too: take it out "
                f"of the optimizer's arguments and of the search space"
            )
    return None


def argument_problem(optimizers: Sequence[str], key: str, values: Sequence[Any]) -> str | None:
    """What is wrong with giving `values` to the argument `key` of these optimizers, if anything."""
    if key in NOT_TAKEN:
        return NOT_TAKEN[key]
    for name in optimizers:
        arguments = OPTIMIZERS[name]
        if key not in arguments:
            return unknown(f"argument of the optimizer {name}", key, arguments)
        for value in values:
            if (text := value_problem(arguments[key], value, f"the optimizer {name}")) is not None:
                return text
    return None


def clipping_problem(keys: Sequence[str]) -> str | None:
    """What is wrong with giving these arguments together, if anything."""
    given = [key for key in _CLIPPING if key in keys]
    if len(given) < 2:
        return None
    return f"only one of {', '.join(_CLIPPING)} may be given, got {' and '.join(given)}"


def argument_problems(
    optimizer: str, arguments: Mapping[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """What is wrong with an optimizer's arguments: the keys to each, and a text."""
    for key, value in arguments.items():
        if problem := argument_problem((optimizer,), key, (value,)):
            yield (key,), problem
    if problem := clipping_problem(list(arguments)):
        yield (), problem


class OptimizerConfig(Named):
    """A Keras optimizer by name, with its arguments; the schedule gives the learning rate."""

    what = "an optimizer"
    name: StrictStr = Field(json_schema_extra={"enum": list(OPTIMIZERS)})

    @classmethod
    def known_arguments(cls, name: str) -> Mapping[str, Argument]:
        """See `Named`."""
        return OPTIMIZERS.get(name, {})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.name not in OPTIMIZERS:
            raise FieldProblemsError([(("name",), unknown("optimizer", self.name, OPTIMIZERS))])
        found = argument_problems(self.name, self.arguments)
        if problems := [(("arguments", *keys), text) for keys, text in found]:
            raise FieldProblemsError(problems)
        return self
