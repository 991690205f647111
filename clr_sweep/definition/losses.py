"""Keras' losses by all the names that it has for them, known without importing Keras.

`tests/definition/test_loss_names.py` holds them, and their arguments, against the installed Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from clr_sweep.common.nearest import hint
from clr_sweep.definition.arguments import SWITCH, Argument, Real, value_problem
from clr_sweep.definition.named import Named
from clr_sweep.definition.own_functions import function_arguments, function_problems
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.pair_functions import pair_problem
from clr_sweep.definition.problems import Problem, shown, unknown

_FUNCTIONS = (
    "sparse_categorical_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_hinge", "binary_crossentropy", "binary_focal_crossentropy", "mean_squared_error",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_logarithmic_error",
    "huber", "log_cosh", "cosine_similarity", "kl_divergence", "poisson", "hinge", "squared_hinge",
    "dice", "tversky", "circle", "ctc",
)  # fmt: skip
_CLASS_NAMES = {"kl_divergence": "KLDivergence", "ctc": "CTC"}
_SHORT = {
    "bce": "binary_crossentropy",
    "mse": "mean_squared_error",
    "mae": "mean_absolute_error",
    "mape": "mean_absolute_percentage_error",
    "msle": "mean_squared_logarithmic_error",
    "kld": "kl_divergence",
}

CLASS_OF: Mapping[str, str] = {
    name: _CLASS_NAMES.get(name, "".join(part.capitalize() for part in name.split("_")))
    for name in _FUNCTIONS
}
"""The class that takes the arguments of a loss, by the function that computes it."""

FUNCTION_OF: Mapping[str, str] = {
    **{name: name for name in _FUNCTIONS},
    **{class_name: name for name, class_name in CLASS_OF.items()},
    **_SHORT,
    **{short.upper(): name for short, name in _SHORT.items()},
}
"""The function that computes a loss, by its own name, its class's, and abbreviations."""

_LOGITS: dict[str, Argument] = {"from_logits": SWITCH}
_SMOOTHED: dict[str, Argument] = {**_LOGITS, "label_smoothing": Real(high=1, below=True)}
ARGUMENTS: Mapping[str, Mapping[str, Argument]] = {
    **{name: {} for name in _FUNCTIONS},
    "sparse_categorical_crossentropy": _LOGITS,
    "categorical_crossentropy": _SMOOTHED,
    "categorical_focal_crossentropy": {"alpha": Real(), "gamma": Real(), **_SMOOTHED},
    "binary_crossentropy": _SMOOTHED,
    "binary_focal_crossentropy": {
        "apply_class_balancing": SWITCH, "alpha": Real(high=1), "gamma": Real(), **_SMOOTHED,
    },
    "huber": {"delta": Real(above=True)},
    "tversky": {"alpha": Real(), "beta": Real()},
    "circle": {"gamma": Real(above=True), "margin": Real(high=1), "remove_diagonal": SWITCH},
}  # fmt: skip
"""What each takes, by the function that computes it."""

_OWN_LOSS = "write a loss of your own and name it as module:name"
NOT_TAKEN = {
    "reduction": (
        "is not taken: an epoch's loss is the mean over its examples; for another weight of theirs "
        f"{_OWN_LOSS}"
    ),
    "ignore_class": f"is not taken: labels that are no class would count as wrong in the metrics; "
    f"leave these examples out, or {_OWN_LOSS}",
    "axis": f"is not taken: the classes are the last axis of the outputs; else {_OWN_LOSS}",
    "dtype": "is not taken: losses are computed in float32 whatever the precision, leave it out",
    "name": "is not taken: it would change no number, leave it out",
}
"""Arguments of Keras' losses that a sweep does not take, each with the reason."""


class LossConfig(Named):
    """What the training makes small: a loss of Keras' by name, or one of the user's own.

    Attributes:
        name: of Keras' loss, or `module:name`: a function of (y_true, y_pred), or a class that
            derives from `keras.losses.Loss`.
        arguments: of Keras' class, of the function after these two, or of the class.
    """

    what = "a loss"

    @classmethod
    def known_arguments(cls, name: str) -> Mapping[str, Argument]:
        """See `Named`."""
        return ARGUMENTS.get(FUNCTION_OF.get(name, ""), {})

    @classmethod
    def of_others(cls, name: str, argument: str) -> str:
        """See `WithArguments`."""
        having = [one for one, known in ARGUMENTS.items() if argument in known and one != name]
        if not having:
            return ""
        beside = f", and not of {name}" if name else ""
        return f" - it is an argument of the losses {', '.join(having)}{beside}"

    def is_known(self) -> bool:
        """See `WithArguments`."""
        return self.is_own or not any(loss_problems(self, ()))


def loss_problem(written: str) -> str | None:
    """What is wrong with a loss's name as it is written, if anything."""
    if written in FUNCTION_OF or OWN.fullmatch(written):
        return None
    text = (
        "must be the name of a Keras loss, such as sparse_categorical_crossentropy or "
        f"mean_squared_error, or module:name of your own, got {shown(written)}"
    )
    return text + hint(written, FUNCTION_OF)


def loss_problems(loss: LossConfig, folders: Sequence[Path]) -> Iterator[Problem]:
    """What is wrong with a loss, found without importing anything: the keys to it, and a text.

    Args:
        folders: in which a module of the user's is looked for.
    """
    if (wrong := loss_problem(loss.name)) is not None:
        yield (), wrong
    elif loss.is_own:
        yield from _own_problems(loss, folders)
    else:
        known = LossConfig.known_arguments(loss.name)
        for key, value in loss.arguments.items():
            if (text := _argument_problem(loss.name, known, key, value)) is not None:
                yield ("arguments", key), text


def _argument_problem(loss: str, known: Mapping[str, Argument], key: str, value: Any) -> str | None:
    if key in NOT_TAKEN:
        return NOT_TAKEN[key]
    if key not in known:
        if not known:
            return f"is not taken: the loss {loss} has no arguments, leave it out"
        return unknown(f"argument of the loss {loss}", key, known)
    return value_problem(known[key], value, f"the loss {loss}")


def _own_problems(loss: LossConfig, folders: Sequence[Path]) -> Iterator[Problem]:
    yield from (((), text) for text in function_problems(loss.name, folders))
    if (wrong := pair_problem(loss.name, folders, takes_more=True)) is not None:
        yield (), wrong
        return
    names, required = function_arguments(loss.name, folders)
    further = None if names is None else names[2:]  # the labels and the outputs are Keras' to give
    for key in loss.arguments:
        if further is not None and key not in further:
            text = "is not taken: the function takes labels and outputs alone, leave it out"
            known = unknown(f"argument of the loss {loss.name}", key, further) if further else text
            yield ("arguments", key), known
    for key in required[2:]:
        if key not in loss.arguments:
            yield ("arguments", key), f"is required by {loss.name}: give it a value here"
