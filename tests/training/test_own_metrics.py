"""Metrics that a sweep names: Keras' and the user's own, measured and handed on as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from own_metric_models import READY
from small_trials import few_images, small_config
from trained_trials import trained

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.training.compiling import compiled_metrics
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.step_metrics import scalars

OWN = "own_metric_models"


def test_what_is_named_is_what_is_measured(images: Dataset, tmp_path: Path) -> None:
    """A function, a class and a metric that is made already; no accuracy that nobody named."""
    names = [f"{OWN}:confidence", f"{OWN}:MeanTop", f"{OWN}:READY", "sparse_categorical_accuracy"]
    config = small_config(metrics=names, metric="val_confidence", direction="minimize")
    done = trained(config, images, tmp_path)
    last = done.reports[-1].metrics
    wanted = {"loss", "confidence", "MeanTop", "READY", "sparse_categorical_accuracy"}
    assert set(last) == wanted | {f"val_{name}" for name in wanted}
    examples = len(images.x_train)
    _, rows = hold_out(examples, config.dataset.held_out(examples), config.split_seed)
    x = images.x_train[rows]
    by_hand = np.max(done.loop.model.predict(x, verbose=0), axis=-1).mean()
    for name in ("val_confidence", "val_MeanTop", "val_READY"):
        assert last[name] == pytest.approx(float(by_hand), rel=1e-5)
    assert done.result.value == last["val_confidence"]


def test_a_metric_of_the_users_own_has_counters_of_its_own() -> None:
    """A metric that the module holds ready is not shared by two trainings in one process."""
    one, other = (compiled_metrics([f"{OWN}:READY"], ())[0] for _ in range(2))
    assert one is not other
    assert READY not in (one, other)
    assert READY.name == "another"


def test_no_accuracy_where_nothing_is_classified(tmp_path: Path) -> None:
    """Least squares on one-hot labels: the loss alone."""
    config = small_config(
        model="user_models:linear", loss="mean_squared_error", metric="val_loss", max_lr=0.02
    )
    done = trained(config, few_images(one_hot=True), tmp_path)
    assert set(done.reports[-1].metrics) == {"loss", "val_loss"}
    assert done.result.value == done.reports[-1].metrics["val_loss"]


def test_a_metric_that_is_no_number(images: Dataset, tmp_path: Path) -> None:
    """Named, with its shape and the cure, before a step is taken; the cure works."""
    config = small_config(metrics=["accuracy", f"{OWN}:PerClass"])
    with pytest.raises(InputError) as caught:
        trained(config, images, tmp_path / "a")
    text = str(caught.value)
    assert text.startswith("training.metrics: PerClass gives 10 numbers, of the shape (10,), ")
    assert "average='macro'" in text
    assert not (tmp_path / "a" / "epochs.jsonl").exists()
    cured = small_config(metrics=["accuracy", f"{OWN}:MacroF1"])
    assert 0 <= trained(cured, images, tmp_path / "b").reports[-1].metrics["val_MacroF1"] <= 1


def test_keras_own_f1_score_by_name(tmp_path: Path) -> None:
    """Its default gives a number for each class too."""
    config = small_config(loss="categorical_crossentropy", metrics=["accuracy", "f1_score"])
    with pytest.raises(InputError, match=r"training\.metrics: f1_score gives 10 numbers"):
        trained(config, few_images(one_hot=True), tmp_path)


def test_one_number_in_an_array_is_a_number() -> None:
    """As F1Score gives it for a single output."""
    assert scalars({"f1_score": np.array([0.25]), "loss": 1.5}) == {"f1_score": 0.25, "loss": 1.5}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NoMetric", "must be a keras.metrics.Metric, or a function of"),
        ("NUMBER", "must be a function, got a int"),
        ("nothing", "got no such name"),
    ],
)
def test_a_name_that_is_no_metric(name: str, message: str) -> None:
    """Refused as what it is, with its place in the sweep file."""
    with pytest.raises(InputError, match=r"^training\.metrics: ") as caught:
        compiled_metrics([f"{OWN}:{name}"], ())
    assert message in str(caught.value)


def test_an_objective_that_is_no_finite_number(images: Dataset, tmp_path: Path) -> None:
    """The trial fails and says which metric it was; it does not end without a value."""
    config = small_config(
        metrics=[f"{OWN}:undefined"], metric="val_undefined", direction="minimize"
    )
    with pytest.raises(TrialFailedError, match="val_undefined, the objective, is no finite number"):
        trained(config, images, tmp_path)
