"""The Keras optimizers a sweep may name, and their arguments, known without importing Keras.

`tests/definition/test_optimizers.py` holds this table against the installed Keras' signatures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any, Self

from pydantic import Field, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.arguments import PATTERN, SWITCH, WHOLE, Argument, Real, value_problem
from clr_sweep.definition.fields import LoggedArguments
from clr_sweep.definition.named import Named
from clr_sweep.definition.own_functions import function_arguments, function_problems
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.problems import Problem, shown, unknown

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
CLIPPING = ("clipnorm", "clipvalue", "global_clipnorm")
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
    "lamb": {**_ADAM, **_COMMON},
    "ftrl": {
        "learning_rate_power": Real(low=-inf, high=0), "initial_accumulator_value": Real(),
        "l1_regularization_strength": Real(), "l2_regularization_strength": Real(),
        "l2_shrinkage_regularization_strength": Real(), "beta": Real(), **_COMMON,
    },
    "muon": {
        "momentum": _UNIT, "nesterov": SWITCH, "ns_steps": WHOLE, "rms_rate": Real(above=True),
        "exclude_layers": PATTERN, "exclude_embeddings": SWITCH, "adam_lr_ratio": Real(),
        "adam_beta_1": _DECAY, "adam_beta_2": _DECAY, "adam_weight_decay": Real(),
        "epsilon": Real(), "muon_a": Real(low=-inf), "muon_b": Real(low=-inf),
        "muon_c": Real(low=-inf), **_COMMON,
    },
}  # fmt: skip
KERAS_CLASSES = {
    "sgd": "SGD", "rmsprop": "RMSprop", "adam": "Adam", "adamw": "AdamW", "nadam": "Nadam",
    "adamax": "Adamax", "adagrad": "Adagrad", "adadelta": "Adadelta", "lion": "Lion",
    "lamb": "Lamb", "ftrl": "Ftrl", "muon": "Muon",
}  # fmt: skip
# Keras' others, each with the reason why a sweep does not train with it.
_OWN_WAY = "an optimizer of your own, module:name, may be made of it"
_NOT_TRAINED_WITH = {
    "adafactor": (
        f"takes no rate above 1/sqrt(step), whatever the schedule says, so peaks would be cut off "
        f"in silence: {_OWN_WAY}"
    ),
    "schedulefreeadamw": "is made to train without a schedule of the learning rate: use adamw",
    "multioptimizer": f"needs optimizers as arguments, which a file does not hold: {_OWN_WAY}",
    "lossscaleoptimizer": (
        "is put around an optimizer by Keras where losses are scaled: name the optimizer itself"
    ),
}


def momentum_argument(optimizer: str) -> str | None:
    """The argument that holds the optimizer's momentum: beta_1 in Adam's family, or None."""
    if optimizer == "muon":
        return None  # its matrices have a momentum, its other weights a beta: no single one
    known = OPTIMIZERS.get(optimizer, {})
    return next((key for key in ("beta_1", "momentum") if key in known), None)


def optimizer_problem(name: str) -> str | None:
    """What is wrong with the name of one of Keras' optimizers, if anything."""
    if name in OPTIMIZERS:
        return None
    if (reason := _NOT_TRAINED_WITH.get(name.replace("_", "").lower())) is not None:
        return f"cannot be {name}: it {reason}"
    return unknown("optimizer", name, OPTIMIZERS)


def of_other_optimizers(name: str, argument: str) -> str:
    """What is said of an argument that others than this one have; empty if none has.

    Args:
        name: of the optimizer; empty where none is named.
    """
    having = [one for one, known in OPTIMIZERS.items() if argument in known and one != name]
    if not having:
        return ""
    text = f" - it is an argument of {', '.join(having)}"
    if not name:
        return text
    momentum = momentum_argument(name) if argument in ("momentum", "beta_1") else None
    beside = "" if momentum is None else f", which has {momentum!r} in its place"
    return f"{text}, and not of {name}{beside}"


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
        if OWN.fullmatch(name):
            continue  # what it takes, its module knows
        arguments = OPTIMIZERS[name]
        if key not in arguments:
            return _unknown_argument(name, key)
        for value in values:
            if (text := value_problem(arguments[key], value, f"the optimizer {name}")) is not None:
                return text
    return None


def _unknown_argument(name: str, key: str) -> str:
    # What others have comes before what is merely near: of adam's `ema_momentum` is no `momentum`.
    what, known = f"argument of the optimizer {name}", OPTIMIZERS[name]
    text = of_other_optimizers(name, key)
    if not text:
        return unknown(what, key, known)
    return f"unknown {what} {shown(key)}{text} (known: {', '.join(known)})"


def clipping_problem(keys: Sequence[str]) -> str | None:
    """What is wrong with giving these arguments together, if anything."""
    given = [key for key in CLIPPING if key in keys]
    if len(given) < 2:
        return None
    return f"only one of {', '.join(CLIPPING)} may be given, got {' and '.join(given)}"


def argument_problems(optimizer: str, arguments: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with an optimizer's arguments: the keys to each, and a text."""
    for key, value in arguments.items():
        if problem := argument_problem((optimizer,), key, (value,)):
            yield (key,), problem
    if problem := clipping_problem(list(arguments)):
        yield (), problem


def own_optimizer_problems(
    optimizer: OptimizerConfig, folders: Sequence[Path]
) -> Iterator[Problem]:
    """What is wrong with an optimizer of the user's own, found without importing it.

    Args:
        folders: in which its module is looked for.

    Yields:
        The keys to a problem, and a text.
    """
    if not optimizer.is_own:
        return
    yield from (((), text) for text in function_problems(optimizer.name, folders))
    names, required = function_arguments(optimizer.name, folders)
    if names is not None and "learning_rate" not in names:
        yield (), f"must take the argument learning_rate, which {optimizer.name} does not"
    for key in optimizer.arguments:
        if names is not None and key not in names:
            yield ("arguments", key), unknown(f"argument of {optimizer.name}", key, names)
    for key in required:
        if key not in optimizer.arguments and key != "learning_rate":
            yield ("arguments", key), f"is required by {optimizer.name}: give it a value here"


class OptimizerConfig(Named):
    """An optimizer with its arguments; the schedule gives the learning rate.

    Attributes:
        name: of Keras' optimizer; or `module:name`: a class that derives from
            `keras.optimizers.Optimizer`, or a function that returns such an optimizer, called
            with the argument `learning_rate`.
    """

    what = "an optimizer"
    name: StrictStr = Field(
        json_schema_extra={"anyOf": [{"enum": list(OPTIMIZERS)}, {"pattern": ":"}]}
    )

    arguments: LoggedArguments = {}

    @classmethod
    def known_arguments(cls, name: str) -> Mapping[str, Argument]:
        """See `Named`."""
        return OPTIMIZERS.get(name, {})

    @classmethod
    def of_others(cls, name: str, argument: str) -> str:
        """See `WithArguments`."""
        return of_other_optimizers(name, argument)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.is_own and (text := optimizer_problem(self.name)) is not None:
            own = ", or module:name of your own" if text.startswith("unknown") else ""
            raise FieldProblemsError([(("name",), text + own)])
        found = argument_problems(self.name, self.arguments)
        if problems := [(("arguments", *keys), text) for keys, text in found]:
            raise FieldProblemsError(problems)
        return self
