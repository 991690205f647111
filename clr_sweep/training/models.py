"""Models by name: the tutorial's CNN, or a function of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.own_functions import (
    called,
    function_problems,
    import_function,
    no_value,
    own_name,
)
from clr_sweep.definition.problems import unknown
from clr_sweep.definition.sweep import ModelConfig

if TYPE_CHECKING:
    import keras


def tutorial_cnn(
    input_shape: tuple[int, ...] = (28, 28, 1),
    classes: int = 10,
    dropout: float = 0.2,
    spatial: bool = True,
) -> keras.Model:
    """The CNN of TensorFlow Addons' CLR tutorial: 18,762 parameters on Fashion-MNIST.

    Takes images as stored, pixels from 0 to 255, and scales them itself.

    Args:
        input_shape: height, width and channels of an image; without channels, as in Keras' own
            files, it is taken for one.
        classes: number of classes; the output is a probability for each.
        dropout: part of the feature maps that is dropped.
        spatial: whole maps are dropped, as in the tutorial; else single values, as in the same
            network of keras.io's mixup example.
    """
    import keras
    from keras import layers

    add_channel = [layers.Reshape((*input_shape, 1))] if len(input_shape) == 2 else []
    return keras.Sequential(
        [
            keras.Input(input_shape),
            *add_channel,
            layers.Rescaling(1.0 / 255),
            layers.Conv2D(16, (5, 5), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.Conv2D(32, (5, 5), activation="relu"),
            layers.MaxPooling2D((2, 2)),
            layers.SpatialDropout2D(dropout) if spatial else layers.Dropout(dropout),
            layers.GlobalAveragePooling2D(),
            layers.Dense(128, activation="relu"),
            # In float32 in mixed precision too: bfloat16 knows two digits of a probability.
            layers.Dense(classes, activation="softmax", dtype="float32"),
        ],
        name="tutorial_cnn",
    )


MODELS: dict[str, Callable[..., Any]] = {"tutorial_cnn": tutorial_cnn}
FACTS = ("input_shape", "classes")
"""The arguments of a model's function that the data gives."""


class Untold(str):
    """In the place of a fact that the data do not tell: why not, and what to do."""


def check_model_name(name: str, search_path: Sequence[Path]) -> list[str]:
    """What is wrong with a model's name, found without importing anything heavy."""
    if name in MODELS:
        return []
    if ":" not in name:
        if (meant := own_name(name, search_path)) is not None:
            return [f"unknown model {name!r} - did you mean {meant!r}?"]
        return [unknown("model", name, MODELS) + ", or 'module:function' of your own"]
    return function_problems(name, search_path)


def build_model(
    config: ModelConfig, facts: Mapping[str, Any], search_path: Sequence[Path]
) -> keras.Model:
    """Build the model, uncompiled.

    Args:
        config: its name, and arguments for its function.
        facts: what the data says (`input_shape`, `classes`): handed to the function if it has
            an argument of that name that the configuration leaves open. Of an `Untold` one the
            function's default holds.

    Raises:
        InputError: the function does not take these arguments, needs others or a number of
            classes that the data do not tell, or returns no Keras model.
        TrialFailedError: the function raised an exception; with its traceback.
    """
    import keras

    function = MODELS.get(config.name) or import_function(config.name, search_path)[0]
    parameters = inspect.signature(function).parameters
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    if wrong := [key for key in config.arguments if key not in parameters and not takes_any]:
        raise InputError(
            [f"model.arguments: {unknown('argument', key, parameters)}" for key in wrong],
            config.name,
        )
    told = {key: value for key, value in facts.items() if not isinstance(value, Untold)}
    arguments = {key: value for key, value in told.items() if key in parameters}
    missing = [
        key
        for key, parameter in parameters.items()
        if parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)
        and parameter.default is parameter.empty
        and key not in arguments | config.arguments
    ]
    for key in missing:
        if isinstance(why := facts.get(key), Untold):
            text = f"is required by {config.name}, and the labels do not tell it: {why}"
            raise InputError(f"model.arguments.{key}: {text}")
    if missing:
        raise InputError([f"model.arguments.{key}: {no_value(config.name)}" for key in missing])
    model = called(
        f"building the model {config.name}", lambda: function(**(arguments | config.arguments))
    )
    if not isinstance(model, keras.Model):
        raise InputError(
            f"model.name: {config.name} must return a keras.Model, got a {type(model).__name__}"
        )
    return model
