"""Labels and examples held against loss and model, before a step is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
from small_trials import few_images, small_config
from trained_trials import trained

from clr_sweep.common.errors import DataError, InputError
from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.training.compiling import data_facts
from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.models import Untold, build_model

SPARSE, ONE_HOT = "sparse_categorical_crossentropy", "categorical_crossentropy"
Change = Callable[[np.ndarray], np.ndarray]
PLACE = "place of the data"


def data_with(train: Change = lambda y: y, test: Change | None = None, **arrays: Any) -> Dataset:
    """The images with other labels in both parts, or in each."""
    found = dict(few_images().arrays()) | arrays
    changed = train(np.array(found["y_train"])), (test or train)(np.array(found["y_test"]))
    found["y_train"], found["y_test"] = (y.astype(np.result_type(*changed)) for y in changed)
    return in_memory("changed images", found, PLACE)


def with_label(label: Any, index: int) -> Change:
    """Another label at one place."""

    def change(labels: np.ndarray) -> np.ndarray:
        labels = labels.astype(np.result_type(labels, np.asarray(label).dtype, np.int16))
        labels[index] = label
        return labels

    return change


def hot(labels: np.ndarray) -> np.ndarray:
    return np.eye(10, dtype="float32")[labels]


def slightly_off(labels: np.ndarray) -> np.ndarray:
    """Parts that float32 makes a bit too large or too small."""
    return hot(labels) * np.float32(1.0000002) - np.float32(1e-7)


def binary(labels: np.ndarray) -> np.ndarray:
    return (labels > 4).astype("float32")


def refusal(
    folder: Path, data: Dataset, loss: str = SPARSE, model: str = "user_models:perceptron"
) -> tuple[str, ...]:
    """Train until it is refused: the problems, each without the place of the data."""
    with (
        mock.patch.object(TrainingLoop, "train", side_effect=AssertionError("it was trained")),
        pytest.raises(InputError) as caught,
    ):
        trained(small_config(loss=loss, model=model), data, folder)
    assert caught.value.source == PLACE
    return caught.value.problems


def trains(
    folder: Path, data: Dataset, loss: str = SPARSE, model: str = "user_models:perceptron"
) -> bool:
    """Whether an epoch is trained and evaluated, the test part too."""
    done = trained(small_config(loss=loss, model=model, epochs=1, at="final"), data, folder)
    tested = done.loop.evaluate_on(np.asarray(data.x_test), np.asarray(data.y_test))
    return done.result.state == "complete" and bool(np.isfinite(tested["loss"]))


def test_one_hot_labels_under_a_sparse_loss(tmp_path: Path) -> None:
    """The loss that takes them is named."""
    assert refusal(tmp_path, data_with(hot)) == (
        "y_train: must be class numbers, each in place of the outputs' last axis, of the shape "
        f"(n,), as training.loss {SPARSE} takes them with outputs of (n, 10), got (n, 10); labels "
        f"of one number for each class are taken by training.loss: {ONE_HOT}",
    )


@pytest.mark.parametrize("column", [False, True])
@pytest.mark.parametrize("loss", [ONE_HOT, "CategoricalCrossentropy", "categorical_hinge"])
def test_class_numbers_under_a_categorical_loss(tmp_path: Path, loss: str, column: bool) -> None:
    """So is the one that takes these."""
    data = data_with(lambda y: y[:, None] if column else y)
    (problem,) = refusal(tmp_path, data, loss)
    assert problem.startswith("y_train: must be numbers, one for each output, of the shape (n, 10)")
    got = "(n, 1)" if column else "(n,)"
    cure = f"class numbers are taken by training.loss: {SPARSE}"
    assert problem.endswith(f"got {got}; {cure}")


def test_negative_labels(tmp_path: Path) -> None:
    """In both parts; the first one's place and value are told, and how many there are."""
    data = data_with(with_label(-1, 7), with_label([-1, -3], [40, 50]))
    allowed = (
        f"must hold class numbers from 0 to 9, one for each output of the model, as training.loss "
        f"{SPARSE} takes them"
    )
    cure = "number the classes from 0 on, or leave these examples out"
    assert refusal(tmp_path, data, model="user_models:linear") == (
        f"y_train: {allowed}, got -1 at index 7, the first of 1 wrong among 320 examples; {cure}",
        f"y_test: {allowed}, got -1 at index 40, the first of 2 wrong among 100 examples; {cure}",
    )


def test_labels_that_are_all_negative(tmp_path: Path) -> None:
    """They tell a model's function of no number of classes, which would be one below 1."""
    data = data_with(lambda y: -1 - y.astype(int))
    assert isinstance(data_facts(data)["classes"], Untold)
    problems = refusal(tmp_path, data, model="tutorial_cnn")
    assert [problem.split(":")[0] for problem in problems] == ["y_train", "y_test"]


@pytest.mark.parametrize("model", ["perceptron", "own_step", "built_late", "linear"])
def test_test_labels_beyond_the_classes(tmp_path: Path, model: str) -> None:
    """They are found before the search, not after it; whatever computes the training's steps."""
    (problem,) = refusal(tmp_path, data_with(test=with_label(11, 5)), model=f"user_models:{model}")
    assert problem == (
        f"y_test: must hold class numbers from 0 to 9, one for each output of the model, as "
        f"training.loss {SPARSE} takes them, got 11 at index 5, the first of 1 wrong among 100 "
        f"examples; number the classes from 0 on without gaps, leave these examples out, or give "
        f"the model 12 outputs (model.arguments.classes, where its function has that)"
    )


def test_training_labels_beyond_the_classes(tmp_path: Path) -> None:
    """Those of a model that has a number of outputs of its own; wherever in the file they are."""
    config = small_config(model="user_models:built_late")
    for index in (0, 319):
        data = data_with(with_label(10, index), lambda y: y)
        (problem,) = refusal(tmp_path / str(index), data, model=config.model.name)
        assert problem.startswith("y_train: must hold class numbers from 0 to 9")
        assert f"got 10 at index {index}, the first of 1 wrong among 320 examples" in problem


def test_float_labels_under_a_sparse_loss(tmp_path: Path) -> None:
    """Keras would cut off what stands behind the point; whole ones are class numbers."""
    problems = refusal(tmp_path / "half", data_with(lambda y: y + 0.5))
    assert [problem.split(":")[0] for problem in problems] == ["y_train", "y_test"]
    assert problems[0].endswith(
        "got 9.5 at index 0, the first of 320 wrong among 320 examples; number the classes; where "
        "the labels are amounts, write a loss such as training.loss: mean_squared_error"
    )
    assert trains(tmp_path / "whole", data_with(lambda y: y.astype("float64")))


def test_labels_that_are_no_number() -> None:
    """They are refused with the data set, before any model is there."""
    with pytest.raises(DataError, match=r"y_test: must hold finite numbers alone, got NaN"):
        data_with(lambda y: y.astype("float32"), with_label(np.nan, 3))


@pytest.mark.parametrize(
    ("loss", "change", "problem"),
    [
        ("mse", lambda y: y, "one for each output, of the shape (n, 10)"),
        ("mse", lambda y: hot(y)[:, :9], "got (n, 9)"),
        ("mse", lambda y: hot(y)[:, None], "got (n, 1, 10)"),
        (SPARSE, lambda y: hot(y)[:, :9], "of the shape (n,)"),
        ("circle", hot, "one for each example, of the shape (n,)"),
        ("ctc", lambda y: y, "end the model in outputs (n, moments, classes)"),
        ("binary_crossentropy", lambda y: 2 * hot(y), "must hold numbers from 0 to 1"),
        (ONE_HOT, lambda y: hot(y) - 0.5, "must hold numbers from 0 to 1"),
        ("hinge", lambda y: 0.5 * hot(y), "must hold 0 and 1, or -1 and 1"),
        ("squared_hinge", lambda y: hot(y) - np.eye(10)[0], "must hold 0 and 1, or -1 and 1"),
        ("poisson", lambda y: -hot(y), "must hold numbers of 0 or above"),
        ("MSLE", lambda y: -hot(y), "must hold numbers of 0 or above"),
    ],
)
def test_what_other_losses_do_not_take(
    tmp_path: Path, loss: str, change: Change, problem: str
) -> None:
    """Shapes that Keras would broadcast or refuse with a traceback; values without a meaning."""
    found = refusal(tmp_path, data_with(change), loss, "user_models:built_late")
    assert problem in found[0]


def one_output(input_shape: tuple[int, ...] = (28, 28)) -> keras.Model:
    """A model that ends in one number."""
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(hidden))


def two_outputs() -> keras.Model:
    """A model that ends in two places."""
    plain = one_output()
    return keras.Model(plain.inputs, [plain.outputs[0], plain.layers[2].output])


def two_inputs() -> keras.Model:
    """A model that begins in two places."""
    plain, other = one_output(), keras.Input((28, 28))
    return keras.Model([plain.inputs[0], other], plain.outputs[0])


class Halves(keras.Model):
    """A model that gives outputs for every second example alone."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = one_output()

    def call(self, inputs: Any) -> Any:
        return self.whole(inputs[::2])


class OwnComputeLoss(keras.Model):
    """The compiled loss is not used, whatever the labels are."""

    def compute_loss(
        self,
        x: Any = None,  # noqa: ARG002
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,  # noqa: ARG002
        training: bool = True,  # noqa: ARG002
    ) -> Any:
        return keras.ops.mean(keras.ops.square(keras.ops.cast(y[:, :1], "float32") - y_pred))


class OwnLabels(keras.Model):
    """The labels of the data are made into others before the compiled loss sees them."""

    def train_step(self, data: Any) -> Any:
        return super().train_step((data[0], keras.ops.argmax(data[1], axis=-1)))

    def test_step(self, data: Any) -> Any:
        return super().test_step((data[0], keras.ops.argmax(data[1], axis=-1)))


def own_compute_loss() -> keras.Model:
    plain = one_output()
    return OwnComputeLoss(plain.inputs, plain.outputs)


def own_labels() -> keras.Model:
    plain = build_model(ModelConfig(name="user_models:perceptron"), {}, [])
    return OwnLabels(plain.inputs, plain.outputs)


HERE = __name__


@pytest.mark.parametrize(
    ("model", "loss", "change"),
    [
        (f"{HERE}:own_compute_loss", "hinge", hot),
        (f"{HERE}:own_labels", SPARSE, hot),
        (f"{HERE}:one_output", "binary_crossentropy", binary),
        (f"{HERE}:one_output", "mse", lambda y: binary(y)[:, None]),
        (f"{HERE}:one_output", "hinge", lambda y: 2 * binary(y) - 1),
        (f"{HERE}:one_output", "hinge", binary),
        (f"{HERE}:one_output", "mae", lambda y: -2.5 * y),
        ("user_models:own_loss", ONE_HOT, lambda y: y),
        ("user_models:perceptron", ONE_HOT, slightly_off),
    ],
)
def test_what_is_left_alone(tmp_path: Path, model: str, loss: str, change: Change) -> None:
    """A loss or a step of the model's own, labels that it changes first, all that Keras takes."""
    assert trains(tmp_path, data_with(change), loss, model)


@pytest.mark.parametrize(
    ("model", "loss", "change", "problem"),
    [
        ("one_output", SPARSE, binary, "it needs an output for each class; end the model in one"),
        ("one_output", ONE_HOT, binary, "write training.loss: binary_crossentropy"),
        (
            "one_output", "binary_crossentropy", lambda y: y,
            "got 9 at index 0, the first of 250 wrong among 320 examples; class numbers are taken "
            f"by training.loss: {SPARSE}, from a model with an output for each class",
        ),
        ("two_outputs", "mse", binary, "y_train: is one array of labels, and the model has 2 outp"),
        ("Halves", "mse", binary, "the model's outputs have the shape (1, 1)"),
    ],
)  # fmt: skip
def test_models_that_do_not_go_with_the_labels(
    tmp_path: Path, model: str, loss: str, change: Change, problem: str
) -> None:
    """One output for classes, several outputs, outputs for other examples."""
    (found, *_) = refusal(tmp_path, data_with(change), loss, f"{HERE}:{model}")
    assert problem in found


def test_examples_that_the_model_does_not_take(tmp_path: Path) -> None:
    """Another size, and a model with several inputs."""
    small = {key: few_images().arrays()[key][:, :20] for key in ("x_train", "x_test")}
    (problem,) = refusal(tmp_path, data_with(**small), model="user_models:own_metrics")
    assert problem.startswith(
        "x_train: must have the shape (n, 28, 28) that the model takes, got (n, 20, 28); build the"
    )
    (problem,) = refusal(tmp_path, data_with(), model=f"{HERE}:two_inputs")
    assert problem.startswith("x_train: is one array of examples, and the model has 2 inputs")


def test_an_axis_of_length_one_is_no_other_shape(tmp_path: Path) -> None:
    """Keras adds it, or takes it away."""
    deep = {key: few_images().arrays()[key][..., None] for key in ("x_train", "x_test")}
    assert trains(tmp_path, data_with(binary, **deep), "mse", f"{HERE}:one_output_of_28")


def one_output_of_28() -> keras.Model:
    return one_output((28, 28))
