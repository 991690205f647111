"""Models by name, and functions of the user's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.training.models import build_model, check_model_name, tutorial_cnn

FACTS = {"input_shape": (28, 28), "classes": 10}
USER_CODE = """
import keras

CALLS = []
NUMBER = 3


def _model(units):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])


def takes_nothing():
    return _model(1)


def takes_classes(classes, units=1):
    CALLS.append((classes, units))
    return _model(classes)


def requires_units(classes, *, units, **others):
    CALLS.append(units)
    return _model(units)


def takes_anything(**arguments):
    CALLS.append(arguments)
    return _model(1)


def returns_none():
    _model(1)


def returns_compiled_text():
    return "a model"


def raises():
    _inner()


def _inner():
    raise ValueError("units must be positive")

"""


def build(name: str, folder: Path, facts: Any = FACTS, **arguments: Any) -> keras.Model:
    """A model of the user's, from a module made for this test."""
    (folder / f"code_of_{folder.name}.py").write_text(USER_CODE)
    config = ModelConfig(name=f"code_of_{folder.name}:{name}", arguments=arguments)
    return build_model(config, facts, [folder])


def calls(folder: Path) -> list[Any]:
    """The arguments that the module's functions were called with."""
    import sys

    return list(sys.modules[f"code_of_{folder.name}"].CALLS)


@pytest.mark.parametrize("shape", [(28, 28), (28, 28, 1)])
def test_the_tutorials_network(shape: tuple[int, ...]) -> None:
    """18,762 parameters with and without an axis for the channel, and the layers in order."""
    model = build_model(ModelConfig(name="tutorial_cnn"), FACTS | {"input_shape": shape}, [])
    assert model.count_params() == 18_762
    assert model.input_shape == (None, *shape)
    assert model.output_shape == (None, 10)
    kinds = [type(layer).__name__ for layer in model.layers if type(layer).__name__ != "Reshape"]
    assert kinds == [
        "Rescaling", "Conv2D", "MaxPooling2D", "Conv2D", "MaxPooling2D", "SpatialDropout2D",
        "GlobalAveragePooling2D", "Dense", "Dense",
    ]  # fmt: skip


def test_both_shapes_are_the_same_network() -> None:
    """The same weights give the same probabilities for images with and without the axis."""
    flat, deep = tutorial_cnn((28, 28)), tutorial_cnn((28, 28, 1))
    deep.set_weights(flat.get_weights())
    images = np.random.default_rng(1).integers(0, 256, (4, 28, 28)).astype("uint8")
    found = flat.predict(images, verbose=0)
    np.testing.assert_array_equal(found, deep.predict(images[..., None], verbose=0))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)


def test_the_network_adapts_to_the_data() -> None:
    """Colour images of another size, and another number of classes."""
    facts = {"input_shape": (32, 32, 3), "classes": 7}
    model = build_model(ModelConfig(name="tutorial_cnn"), facts, [])
    assert model.output_shape == (None, 7)


def test_arguments_of_the_configuration() -> None:
    """They reach the function, and where the data says otherwise they win."""
    config = ModelConfig(name="tutorial_cnn", arguments={"dropout": 0.45, "classes": 12})
    model = build_model(config, FACTS, [])
    (dropout,) = [layer for layer in model.layers if "Dropout" in type(layer).__name__]
    assert dropout.rate == 0.45
    assert model.output_shape == (None, 12)


def test_dropout_of_whole_maps_or_of_single_values() -> None:
    """The tutorial drops maps, keras.io's mixup example values: the same weights otherwise."""
    models = [tutorial_cnn(spatial=spatial) for spatial in (True, False)]
    assert [model.count_params() for model in models] == [18762, 18762]
    assert [model.layers[5].__class__.__name__ for model in models] == [
        "SpatialDropout2D",
        "Dropout",
    ]


def test_unknown_arguments() -> None:
    """All of them at once, each with the nearest one and all that are known."""
    config = ModelConfig(name="tutorial_cnn", arguments={"drop_out": 0.1, "depth": 3})
    with pytest.raises(InputError) as caught:
        build_model(config, FACTS, [])
    known = "(known: input_shape, classes, dropout, spatial)"
    assert caught.value.problems == (
        f"model.arguments: unknown argument 'drop_out' - did you mean 'dropout'? {known}",
        f"model.arguments: unknown argument 'depth' {known}",
    )
    assert str(caught.value).startswith("tutorial_cnn: model.arguments: ")


def test_facts_go_where_they_are_taken(tmp_path: Path) -> None:
    """A function gets of the data's facts those that it has an argument for."""
    assert build("takes_nothing", tmp_path).count_params() == 3
    assert build("takes_classes", tmp_path, units=4).output_shape == (None, 10)
    build("takes_anything", tmp_path, depth=2, rate=0.5)
    assert calls(tmp_path) == [(10, 4), {"depth": 2, "rate": 0.5}]


def test_unknown_arguments_of_a_function(tmp_path: Path) -> None:
    """Also those that the user's function does not take."""
    with pytest.raises(InputError, match=r"unknown argument 'unit' - did you mean 'units'\?"):
        build("takes_classes", tmp_path, unit=4)
    assert calls(tmp_path) == []


def test_an_argument_without_a_value(tmp_path: Path) -> None:
    """It is asked for in a sentence, where the source alone did not tell it too."""
    with pytest.raises(InputError) as caught:
        build("requires_units", tmp_path)
    assert str(caught.value).startswith("model.arguments.units: is required by code_of_")
    assert "and the baseline needs a value: give it one here" in str(caught.value)
    assert calls(tmp_path) == []
    assert build("requires_units", tmp_path, units=3).output_shape == (None, 3)


@pytest.mark.parametrize(
    ("name", "found"), [("returns_none", "NoneType"), ("returns_compiled_text", "str")]
)
def test_no_model(tmp_path: Path, name: str, found: str) -> None:
    """What is no model is refused with its type."""
    with pytest.raises(InputError) as caught:
        build(name, tmp_path)
    assert str(caught.value).endswith(f":{name} must return a keras.Model, got a {found}")
    assert str(caught.value).startswith("model.name: ")


def test_a_function_that_raises(tmp_path: Path) -> None:
    """The message is the user's own traceback, from the user's first frame on."""
    with pytest.raises(TrialFailedError) as caught:
        build("raises", tmp_path)
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("building the model code_of_")
    assert lines[1] == "Traceback (most recent call last):"
    assert "in raises" in str(caught.value)
    assert lines[-1] == "ValueError: units must be positive"
    assert "imports.py" not in str(caught.value)


def test_what_is_not_there(tmp_path: Path) -> None:
    """No such function, a name that is no function, no such module."""
    for name, message in (
        ("nothing", "must be a function, got no such name"),
        ("NUMBER", "must be a function, got a int"),
    ):
        with pytest.raises(InputError, match=message):
            build(name, tmp_path)
    with pytest.raises(InputError, match="there is no module 'not_there_at_all'"):
        build_model(ModelConfig(name="not_there_at_all:f"), FACTS, [tmp_path])


def test_names_are_checked_without_importing(tmp_path: Path) -> None:
    """A misspelt name, a module that is not there; a module that is there is not run."""
    assert check_model_name("tutorial_cnn", []) == []
    (problem,) = check_model_name("tutorial_cn", [])
    assert problem == (
        "unknown model 'tutorial_cn' - did you mean 'tutorial_cnn'? (known: tutorial_cnn), "
        "or 'module:function' of your own"
    )
    (problem,) = check_model_name("not_there_at_all:f", [tmp_path])
    assert problem.startswith("there is no module 'not_there_at_all' (looked in ")
    (tmp_path / "would_raise.py").write_text("raise RuntimeError('it was run')\ndef f(): ...")
    assert check_model_name("would_raise:f", [tmp_path]) == []
