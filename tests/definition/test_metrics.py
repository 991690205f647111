"""The table of Keras' metrics, held against Keras; and what a sweep file may name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from written_sweeps import sweep, written

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.metrics import (
    ALIASES,
    INCOMPLETE,
    KERAS,
    default_metrics,
    direction,
    objectives,
)
from clr_sweep.definition.sweep import Sweep

# Keras lists them by name too, but they measure no labels against outputs.
_NO_METRICS = {"Metric", "Mean", "Sum", "MeanMetricWrapper", "metric", "mean", "sum",
               "mean_metric_wrapper"}  # fmt: skip


def test_the_names_are_those_of_keras() -> None:
    """No name that Keras does not know, and none of Keras' that the table does not know."""
    from keras.src.metrics import ALL_OBJECTS_DICT

    ours = {*KERAS, *ALIASES, *INCOMPLETE} - {"acc"}  # which `compile` reads, not `get`
    assert ours == set(ALL_OBJECTS_DICT) - _NO_METRICS
    for alias, name in ALIASES.items():
        if alias != "acc":
            assert ALL_OBJECTS_DICT[alias] is ALL_OBJECTS_DICT[name]


@pytest.mark.parametrize("name", KERAS)
def test_the_directions_are_those_of_keras(name: str) -> None:
    """Keras' metrics know their direction; the four counts, which it gives none, by sense."""
    import keras

    own = getattr(keras.metrics.get(name), "_direction", None)
    keras_own = {"up": "maximize", "down": "minimize", None: None}[own]
    counts = {"true_positives": "maximize", "true_negatives": "maximize",
              "false_positives": "minimize", "false_negatives": "minimize"}  # fmt: skip
    assert direction(f"val_{name}") == direction(name) == (keras_own or counts[name])


@pytest.mark.parametrize("name", INCOMPLETE)
def test_what_is_incomplete_cannot_be_made_from_its_name(name: str) -> None:
    """Keras raises TypeError, after the start."""
    import keras

    with pytest.raises(TypeError):
        keras.metrics.get(name)


@pytest.mark.parametrize(
    ("loss", "metrics"),
    [
        ("sparse_categorical_crossentropy", ("accuracy",)),
        ("SparseCategoricalCrossentropy", ("accuracy",)),
        ("binary_crossentropy", ("accuracy",)),
        ("BCE", ("accuracy",)),
        ("categorical_hinge", ("accuracy",)),
        ("hinge", ()),  # -1 and 1, which Keras' accuracy does not read
        ("mean_squared_error", ()),
        ("mse", ()),
        ("huber", ()),
    ],
)
def test_accuracy_where_the_loss_classifies(loss: str, metrics: tuple[str, ...]) -> None:
    """By any of the names that Keras has for the loss."""
    assert default_metrics(loss) == metrics


def sweep_with(folder: Path, training: dict[str, Any], objective: dict[str, Any] | None) -> Any:
    """A sweep file with this training and objective, read."""
    changes: dict[str, Any] = {f"training.{key}": value for key, value in training.items()}
    return load_sweep(written(folder, changes | ({"objective": objective} if objective else {})))


def test_the_tutorials_sweep_is_as_it_was(tmp_path: Path) -> None:
    """Accuracy, and validation accuracy to be maximized."""
    made = sweep_with(tmp_path, {}, None)
    assert made.training.metrics == ("accuracy",)
    assert (made.objective.metric, made.objective.direction) == ("val_accuracy", "maximize")


@pytest.mark.parametrize(
    ("metrics", "metric", "wanted"),
    [
        (["mean_absolute_error", "auc"], "val_mean_absolute_error", "minimize"),
        (["MAE"], "val_MAE", "minimize"),
        (["auc"], "auc", "maximize"),
        ([], "val_loss", "minimize"),
        (["r2_score"], "val_r2_score", "maximize"),
    ],
)
def test_any_metric_may_be_the_objective(
    tmp_path: Path, metrics: list[str], metric: str, wanted: str
) -> None:
    """With the direction that Keras gives it."""
    made = sweep_with(tmp_path, {"metrics": metrics}, {"metric": metric})
    assert made.training.metrics == tuple(metrics)
    assert made.objective.direction == wanted
    other = "maximize" if wanted == "minimize" else "minimize"
    with pytest.raises(InputError, match=f"objective.direction: must be {wanted} for the metric"):
        sweep_with(tmp_path, {"metrics": metrics}, {"metric": metric, "direction": other})


def test_the_direction_of_ones_own_is_asked_for(tmp_path: Path) -> None:
    """Whatever its name ends in; given, it is taken."""
    (tmp_path / "my_metrics.py").write_text("def top_loss(y_true, y_pred):\n    return y_pred\n")
    training = {"metrics": ["my_metrics:top_loss"]}
    with pytest.raises(InputError) as caught:
        sweep_with(tmp_path, training, {"metric": "val_top_loss"})
    assert str(caught.value) == (
        f"{tmp_path / 'sweep.yaml'}: objective: direction is required, maximize or minimize: "
        "val_top_loss is none of Keras' metrics, so which is better is not known"
    )
    for given in ("maximize", "minimize"):
        made = sweep_with(tmp_path, training, {"metric": "val_top_loss", "direction": given})
        assert made.objective.direction == given


@pytest.mark.parametrize(
    ("training", "objective", "message"),
    [
        ({"loss": "mse"}, None,
         "objective.metric: unknown metric 'val_accuracy' (known: val_loss, loss): with the loss "
         "mse, training.metrics says what is measured beside the loss"),
        ({}, {"metric": "val_acuracy"},
         "objective.metric: unknown metric 'val_acuracy' - did you mean 'val_accuracy'? (known: "
         "val_accuracy, val_loss, accuracy, loss): training.metrics says what"),
        ({"metrics": ["aucc"]}, None, "training.metrics: unknown metric 'aucc' - did you mean "
         "'auc'?"),
        ({"metrics": "accuracy"}, None, "training.metrics: must be a list of metrics"),
        ({"metrics": None}, None, "training.metrics: must be a list of metrics"),
        ({"metrics": [1]}, None, "training.metrics: must be a list of metrics"),
        ({"metrics": ["MeanIoU"]}, None, "training.metrics: MeanIoU needs arguments"),
        ({"metrics": ["loss"]}, None, "training.metrics: the loss is measured in any case"),
        ({"metrics": ["mse", "MSE"]}, None, "training.metrics: is the same metric as 'mse'"),
        ({"metrics": ["mse", "mse"]}, None, "training.metrics: must stand once, got 'mse' again"),
        ({"metrics": ["no_such_module:f"]}, None, "there is no module 'no_such_module'"),
        ({"metrics": ["a:b:c"]}, None, "training.metrics: must be module:name"),
        ({"metrics": ["my:accuracy"]}, None, "training.metrics: accuracy has a meaning of its"),
        ({"metrics": ["my:val_gap"]}, None, "training.metrics: val_gap has a meaning of its own"),
        ({"metrics": ["my:learning_rate"]}, None, "learning_rate has a meaning of its own"),
    ],
)  # fmt: skip
def test_what_is_refused(
    tmp_path: Path, training: dict[str, Any], objective: dict[str, Any] | None, message: str
) -> None:
    """In words, with the place, before anything is imported or trained."""
    with pytest.raises(InputError) as caught:
        sweep_with(tmp_path, training, objective)
    assert message in str(caught.value)
    assert "direction" not in str(caught.value)


def test_objectives_in_the_order_of_use() -> None:
    """The validation's first, each metric under the name it is reported by."""
    assert objectives(["my:gap", "auc"]) == [
        "val_gap", "val_auc", "val_loss", "gap", "auc", "loss"
    ]  # fmt: skip


@pytest.mark.parametrize(("loss", "metrics"), [("sparse_categorical_crossentropy", ("accuracy",)),
                                               ("mean_squared_error", ())])  # fmt: skip
def test_definitions_of_earlier_versions_are_read(loss: str, metrics: tuple[str, ...]) -> None:
    """They name no metrics, and a regression might have had an accuracy as its objective."""
    stored = sweep({"training.loss": loss}).model_dump(mode="json")
    del stored["training"]["metrics"]
    made = Sweep.model_validate_json(json.dumps(stored))
    assert made.training.metrics == metrics
    assert made.objective.metric == "val_accuracy"
