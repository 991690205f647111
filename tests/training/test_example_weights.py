"""Examples that count more than others: as under `fit`, in the loss of the training alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import example_weighing
import numpy as np
import pytest
from fitted_trials import assert_equals_fit
from interrupted_trials import assert_same_trial
from interrupted_trials import trained as interrupted
from small_trials import few_images, small_config
from trained_trials import trained

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.example_weights import by_class, by_function, example_weights
from clr_sweep.training.folder import TrialFolder

pytestmark = pytest.mark.usefixtures("deterministic_ops", "as_written")

OWN = "example_weighing"
WEIGHTS = {str(number): 0.5 + number for number in range(10)}


def weighted(class_weight: Any = None, sample_weight: Any = None, **others: Any) -> TrialConfig:
    """A trial whose classes, or examples, have these weights."""
    config = small_config(**others)
    weights = {"class_weight": class_weight, "sample_weight": sample_weight}
    return config.model_copy(update={"training": config.training.model_copy(update=weights)})


@pytest.mark.parametrize("one_hot", [False, True])
def test_class_weights_equal_fit(one_hot: bool, tmp_path: Path) -> None:
    """Weights, slots, and the metrics of every epoch; validation weighs all examples alike."""
    data = few_images(one_hot=one_hot)
    loss = "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"
    config = weighted(WEIGHTS, loss=loss)
    done = trained(config, data, tmp_path)
    by_number = {int(number): weight for number, weight in WEIGHTS.items()}
    assert_equals_fit(done, data, config, class_weight=by_number)
    with pytest.raises(AssertionError):
        assert_equals_fit(done, data, config)


@pytest.mark.heavy
def test_sample_weights_equal_fit(images: Dataset, tmp_path: Path) -> None:
    """Those of a function of the user's; validation weighs all examples alike."""
    config = weighted(sample_weight=f"{OWN}:by_brightness")
    done = trained(config, images, tmp_path)
    weights = example_weighing.by_brightness(images.x_train, images.y_train).astype("float32")
    assert_equals_fit(done, images, config, weights=weights)
    with pytest.raises(AssertionError):
        assert_equals_fit(done, images, config)


def test_an_interrupted_trial_ends_with_the_same(images: Dataset, tmp_path: Path) -> None:
    """The weights follow from the data, so they are the same when it goes on."""
    config = weighted("balanced")
    interrupted(config, images, tmp_path / "whole")
    interrupted(config, images, tmp_path / "stopped", stop_after=1)
    assert interrupted(config, images, tmp_path / "stopped") == [1, 2]
    assert_same_trial(TrialFolder(tmp_path / "stopped"), TrialFolder(tmp_path / "whole"))


def test_balanced_classes_weigh_the_same() -> None:
    """Of the examples that are trained on: those held out do not count."""
    labels = np.array([0, 0, 0, 1, 2, 2, 1, 1])
    found = by_class("balanced", labels, np.arange(6))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found[:6], np.array([2, 2, 2, 6, 3, 3]) / 3, rtol=1e-6)
    for number in range(3):
        assert found[:6][labels[:6] == number].sum() == pytest.approx(2)


def test_a_class_that_is_not_named_counts_one() -> None:
    """As under `fit`, of labels in a column and of a number for each class."""
    labels = np.array([2, 0, 1, 0])
    for shaped in (labels, labels[:, None], labels.astype("float64"), np.eye(3)[labels]):
        found = by_class({"0": 0.25, "2": 3}, shaped, np.arange(4))
        assert found.tolist() == [3, 0.25, 1, 0.25]


@pytest.mark.parametrize(
    ("labels", "weights", "message"),
    [
        ([0, 1, 1], {"0": 2, "7": 3}, "training.class_weight.7: is no class of the examples that "
         "are trained on (there are 0, 1): leave it out"),
        ([0.5, 1.0, 1.0], "balanced", "training.class_weight: needs labels that tell one class of "
         "each example, its number or a number for each class, got amounts: leave it out"),
        (np.zeros((3, 2, 2)), {"0": 1}, "training.class_weight: needs labels that tell one class "
         "of each example, its number or a number for each class, got labels of the shape (2, 2): "
         "leave it out"),
    ],
)  # fmt: skip
def test_labels_that_tell_no_such_class(labels: Any, weights: Any, message: str) -> None:
    """What would have no effect, or another one, is refused."""
    with pytest.raises(InputError) as caught:
        by_class(weights, np.asarray(labels), np.arange(3))
    assert list(caught.value.problems) == [message]


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nothing", InputError, "training.sample_weight: .*got no such name"),
        ("one_for_all", InputError, r"must return a number for each of the 320 training examples, "
         r"an array of the shape \(320,\), got the shape \(\) of float64"),
        ("negative", InputError, "finite and 0 or more, got -1.0 at index 2, the first of 318 wr"),
        ("broken", TrialFailedError, "weighing the examples by example_weighing:broken raised an"),
    ],
)  # fmt: skip
def test_what_returns_no_weights(
    images: Dataset, name: str, error: type[Exception], message: str
) -> None:
    """Refused with what is asked for, before a step is taken."""
    with pytest.raises(error, match=message):
        by_function(f"{OWN}:{name}", images, ())


@pytest.mark.parametrize(
    ("weights", "key"),
    [
        ({"class_weight": {str(number): 0 for number in range(10)}}, "class_weight"),
        ({"sample_weight": f"{OWN}:the_last_alone"}, "sample_weight"),
    ],
)
def test_weights_under_which_nothing_is_learnt(
    images: Dataset, weights: dict[str, Any], key: str
) -> None:
    """Where no example that is trained on counts; those that are held out do not help."""
    training = weighted(**weights).training
    message = rf"training\.{key}: must leave an example a weight above 0, got 0 for all 319 that"
    with pytest.raises(InputError, match=message):
        example_weights(training, images, np.arange(319), ())
    most = {str(number): 0 for number in range(9)}
    found = example_weights(weighted(class_weight=most).training, images, np.arange(319), ())
    assert found is not None
    assert set(found.tolist()) == {0, 1}
