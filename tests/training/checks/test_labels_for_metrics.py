"""Metrics that the labels do not fit are refused; those that pass give a number under Keras."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_trials import few_images, small_config
from trained_trials import trained

from clr_sweep.common.errors import InputError
from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.metrics import KERAS
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.training.checks.labels_for_loss import held
from clr_sweep.training.checks.labels_for_metrics import batch_check, metric_problems
from clr_sweep.training.checks.naming import Naming
from clr_sweep.training.data.materialized import Dataset, in_memory
from clr_sweep.training.loop import TrainingLoop

_RNG = np.random.default_rng(4)
_X = _RNG.normal(size=(40, 3)).astype("float32")
_NUMBERS = np.arange(40) % 4
# Labels, the model's last layer, and the loss.
KINDS: dict[str, tuple[Any, int, str, str]] = {
    "classes": (_NUMBERS, 4, "softmax", "sparse_categorical_crossentropy"),
    "one_hot": (np.eye(4, dtype="float32")[_NUMBERS], 4, "softmax", "categorical_crossentropy"),
    "binary": (_NUMBERS % 2, 1, "sigmoid", "binary_crossentropy"),
    "signs": ((_NUMBERS % 2 * 2 - 1)[:, None], 1, "tanh", "hinge"),
    "amounts": (_RNG.normal(size=40).astype("float32"), 1, "linear", "mean_squared_error"),
    "vectors": (_RNG.normal(size=(40, 2)).astype("float32"), 2, "linear", "mean_squared_error"),
}
# Of these a number for each class.
_OF_EACH_CLASS = {"f1_score", "f_beta_score"}


def data(kind: str) -> Dataset:
    """Forty examples with labels of this kind; the test part is the last eight."""
    y = KINDS[kind][0]
    arrays = {"x_train": _X[:32], "y_train": y[:32], "x_test": _X[32:], "y_test": y[32:]}
    return in_memory(kind, arrays, "here")


NAMING = Naming("training.loss", "training.metrics")


def problems(kind: str, metric: str) -> list[str]:
    """What speaks against a metric for labels of this kind."""
    found = data(kind)
    return list(
        metric_problems(
            (metric,),
            held(found, None),
            (2, *found.y_train.shape[1:]),
            (2, KINDS[kind][1]),
            NAMING,
        )
    )


def accepted(kind: str) -> list[str]:
    """The metrics that are not refused for labels of this kind."""
    return [name for name in KERAS if not problems(kind, name)]


def test_which_metrics_take_which_labels() -> None:
    """By what they mean: classes by number, by place, yes and no, and amounts."""
    assert accepted("classes") == [
        "accuracy", "sparse_categorical_accuracy", "sparse_top_k_categorical_accuracy",
        "sparse_categorical_crossentropy",
    ]  # fmt: skip
    one_hot, binary = set(accepted("one_hot")), set(accepted("binary"))
    assert {"accuracy", "categorical_accuracy", "auc", "precision"} <= one_hot
    assert not {"sparse_categorical_accuracy", "top"} & one_hot
    assert {"accuracy", "binary_accuracy", "auc", "recall"} <= binary
    assert not {"categorical_accuracy", "categorical_crossentropy", "hinge", "f1_score"} & binary
    for kind in ("amounts", "vectors"):
        found = set(accepted(kind))
        assert {"mean_absolute_error", "r2_score"} <= found
        assert not {name for name in found if "accuracy" in name or "entropy" in name}
        assert not found & {"auc", "precision", "hinge", "poisson", "f1_score"}
    assert {"hinge", "squared_hinge", "mean_absolute_error"} <= set(accepted("signs"))
    assert not {"accuracy", "auc"} & set(accepted("signs"))


@pytest.mark.heavy
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_accepted_gives_a_number(kind: str) -> None:
    """All of them in one model, trained for a step and evaluated, as a trial does."""
    found, (_, units, activation, loss) = data(kind), KINDS[kind]
    names = [name for name in accepted(kind) if name not in _OF_EACH_CLASS or units == 1]
    training = TrainingConfig(epochs=1, loss=LossConfig(name=loss), metrics=tuple(names))
    keras.utils.set_random_seed(1)
    layers = [keras.Input((3,)), keras.layers.Dense(units, activation=activation)]
    model = keras.Sequential(layers)
    model.compile("sgd", loss, metrics=names, jit_compile=False)
    loop = TrainingLoop(model, found.x_train, found.y_train, 8, check=batch_check(training, found))
    assert set(loop.metrics) == {"loss", *names}
    loop.train(np.arange(32, dtype="int32"), 0, 2)
    measured = loop.evaluate(np.arange(32, dtype="int32"))
    assert all(np.isfinite(value) for value in measured.values()), measured
    if found.y_train.ndim == 1 and units == 1:
        # A missing axis is taken for one of length 1, not for one to be repeated along.
        columns = loop.evaluate_on(found.x_train, found.y_train[:, None])
        assert columns == pytest.approx(measured, rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "metric", "message"),
    [
        ("classes", "categorical_accuracy",
         "y_train: must be numbers, one for each output, of the shape (n, 4), as training.metrics "
         "categorical_accuracy takes them with outputs of (n, 4), got (n,); leave "
         "categorical_accuracy out of training.metrics, or name one that takes such labels, as "
         "sparse_categorical_accuracy does"),
        ("classes", "auc", "leave auc out of training.metrics, or name one that takes such labels, "
                           "as sparse_categorical_accuracy does"),
        ("amounts", "accuracy", "as mean_absolute_error does"),
        ("vectors", "accuracy", "as mean_absolute_error does"),
        ("one_hot", "sparse_categorical_accuracy", "as categorical_accuracy does"),
        ("one_hot", "hinge", None),
        ("signs", "auc", "as mean_absolute_error does"),
    ],
)  # fmt: skip
def test_the_cure_is_a_metric_that_fits(kind: str, metric: str, message: str | None) -> None:
    """The sentence names the metric, what it takes, what the labels are, and one that fits."""
    texts = problems(kind, metric)
    assert [message is not None and message in text for text in texts] == [True] * bool(message)
    assert not any("training.loss" in text for text in texts)


def test_probabilities_are_no_yes_and_no() -> None:
    """0.3 would count as a yes: refused, in the test part too, with its place."""
    found = data("binary")
    soft = np.array(found.y_test, dtype="float32")
    soft[5] = 0.3
    arrays = {"x_train": found.x_train, "y_train": found.y_train.astype("float32"),
              "x_test": found.x_test, "y_test": soft}  # fmt: skip
    soft = in_memory("soft", arrays, "here")
    [text] = metric_problems(("auc",), held(soft, None), (2,), (2, 1), NAMING)
    assert text.startswith("y_test: must hold 0 and 1, as training.metrics auc takes them, got 0.3")
    assert " at index 5; leave auc out" in text


def test_a_trial_is_refused_before_its_first_step(tmp_path: Path) -> None:
    """Whatever the loss; ones own metrics are left alone."""
    own = "own_metric_models:confidence"
    with pytest.raises(InputError, match=r"training\.metrics auc takes") as caught:
        trained(small_config(metrics=["accuracy", own, "auc"]), few_images(), tmp_path)
    assert "categorical" in str(caught.value)
    assert not (tmp_path / "epochs.jsonl").exists()
