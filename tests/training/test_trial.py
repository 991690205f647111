"""A whole trial: its length, its rates, what is trained, and the folder it leaves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compiled_models import assert_same_bits
from small_trials import (
    BATCH,
    STEPS_PER_EPOCH,
    VALIDATION,
    comparable,
    few_images,
    planned_rates,
    small_config,
    stored_in,
)
from trained_trials import Trained, evaluated, trained

from clr_sweep.common.errors import InputError
from clr_sweep.definition.optimizers import OPTIMIZERS
from clr_sweep.engines.base import Done, Message
from clr_sweep.engines.local.engine import LocalEngine
from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import Triangular2CyclicalLearningRate
from clr_sweep.training import inspection
from clr_sweep.training.compiling import check_objective
from clr_sweep.training.data.materialized import Dataset, materialize
from clr_sweep.training.data.splits import hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport
from clr_sweep.training.requests import RUN_TRIAL, TrialJob

UNEVEN = small_config(factor=1.25, epochs=3)


@pytest.fixture(scope="module")
def plain(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A trial of two epochs, to be looked at."""
    return trained(small_config(), images, tmp_path_factory.mktemp("plain"))


@pytest.fixture(scope="module")
def uneven(images: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """A trial whose one cycle of 20 steps ends in the third epoch of 8."""
    return trained(UNEVEN, images, tmp_path_factory.mktemp("uneven"))


# ---- the same again


@pytest.mark.heavy
def test_the_same_metrics_to_the_bit_wherever_it_runs(
    engine: LocalEngine, images: Dataset, tmp_path: Path
) -> None:
    """Two processes side by side give the same weights, curve and metrics, dropout included."""
    data = materialize(images, tmp_path / "data")
    assert data.folder is not None
    config = small_config("exp_range", model="tutorial_cnn", gamma=0.99)
    results = {}
    for key in ("one", "other"):
        job = TrialJob(config, stored_in(data.folder), tmp_path / key, ())
        engine.start(key, RUN_TRIAL, job, tmp_path / key / "log.txt")
    reports = answered(engine, results)
    assert comparable(results["one"]) == comparable(results["other"])
    folders = [TrialFolder(tmp_path / key) for key in ("one", "other")]
    assert_same_bits(*(folder.curve() or () for folder in folders))
    assert_same_bits(
        *(keras.models.load_model(folder.model_file).get_weights() for folder in folders)
    )
    # What was reported on the way is what stands in the folder.
    for key, folder in zip(("one", "other"), folders, strict=True):
        assert tuple(reports[key]) == folder.reports()


def answered(engine: LocalEngine, results: dict[str, Any]) -> dict[str, list[EpochReport]]:
    """Let all trials go on to their ends; the epochs that they reported."""
    reports: dict[str, list[EpochReport]] = {}
    while engine.running:
        for event in engine.wait(600):
            if isinstance(event, Message):
                reports.setdefault(str(event.key), []).append(event.value)
                engine.answer(event.key, True)
            else:
                assert isinstance(event, Done), event
                results[str(event.key)] = event.value
    return reports


def test_the_seed_decides(images: Dataset, plain: Trained, tmp_path: Path) -> None:
    """Another seed is another trial; the same one is the same again in the same process."""
    again, other = (
        comparable(trained(small_config(seed=seed), images, tmp_path / str(seed)).result)
        for seed in (7, 2)
    )
    assert comparable(plain.result) == again != other


@pytest.mark.parametrize("chunk", [1, 3])
def test_how_often_it_looks_changes_nothing(
    images: Dataset, uneven: Trained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """The steps between two looks at the losses decide no number."""
    monkeypatch.setattr(inspection, "CHUNK", chunk)
    cut = trained(UNEVEN, images, tmp_path)
    assert comparable(cut.result) == comparable(uneven.result)
    assert_same_bits(cut.curve, uneven.curve)
    assert [r.points for r in cut.reports] == [r.points for r in uneven.reports]


# ---- length and rates


def test_it_ends_at_the_trough_within_an_epoch(uneven: Trained) -> None:
    """A cycle of 20 steps ends in the third epoch of 8: that epoch is cut short there."""
    assert (UNEVEN.schedule.step_size, UNEVEN.steps) == (10, 20)
    done = uneven
    assert (done.result.state, done.result.steps, done.result.epochs) == ("complete", 20, 3)
    assert [report.step for report in done.reports] == [8, 16, 20]
    assert [report.epoch for report in done.reports] == [1, 2, 3]
    rates, losses = done.curve
    assert len(rates) == len(losses) == 20
    assert done.loop.model.optimizer.iterations.numpy() == 20
    assert rates[0] == np.float32(UNEVEN.schedule.init_lr)
    assert rates.argmax() == 10
    # One step before the trough, which the finished optimizer stands at.
    assert rates[-1] == rates[1]
    np.testing.assert_allclose(done.loop.model.optimizer.learning_rate, 0.01, rtol=1e-6)


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_planned_and_actual_rates(images: Dataset, tmp_path: Path, policy: str) -> None:
    """The rate of every step of a trial is the planned one, in the file and in the reports."""
    config = small_config(policy, factor=1.1, epochs=6, gamma=0.99, max_lr=0.4)
    done = trained(config, images, tmp_path)
    rates, losses = done.curve
    planned = planned_rates(config)
    np.testing.assert_array_equal(rates, planned, strict=True)
    assert done.result.learning_rate_deviation == 0.0
    points = [point for report in done.reports for point in report.points]
    assert [point.step for point in points] == sorted({point.step for point in points})
    for point in points:
        assert point.learning_rate == rates[point.step]
        assert point.batch_loss == losses[point.step]
    assert points[-1].step == config.steps - 1
    size = config.schedule.step_size
    expected = [point.step // (2 * size) + 1 if size else None for point in points]
    assert [point.cycle for point in points] == expected
    assert size == 0 or expected[-1] == 2


@pytest.mark.parametrize("rate", [0.1, 0.3])
def test_a_rate_that_is_not_the_planned_one_is_told(
    images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rate: float
) -> None:
    """A schedule that gives another rate than it is called after deviates by the difference."""
    monkeypatch.setattr("clr_sweep.training.compiling.schedule", lambda _: rate)
    config = small_config("constant", init_lr=0.1, epochs=1)
    done = trained(config, images, tmp_path)
    assert done.result.learning_rate_deviation == pytest.approx(rate - 0.1, abs=1e-7)
    assert done.folder.result() == done.result


def test_the_epochs_metrics_are_those_of_its_steps(images: Dataset, plain: Trained) -> None:
    """An epoch's loss is the mean over its examples, the batches' losses weighted by size."""
    sizes = np.full(STEPS_PER_EPOCH, BATCH)
    sizes[-1] = len(images.x_train) - VALIDATION - BATCH * (STEPS_PER_EPOCH - 1)
    _, losses = plain.curve
    for report in plain.reports:
        of_epoch = losses[report.step - STEPS_PER_EPOCH : report.step]
        expected = float(np.average(of_epoch, weights=sizes))
        assert report.metrics["loss"] == pytest.approx(expected, rel=1e-5)
        assert set(report.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_validation_is_held_out_of_training(images: Dataset, plain: Trained) -> None:
    """The reported val_ metrics are Keras' own over the rows held out by the split's seed."""
    rows, held_out = hold_out(len(images.x_train), VALIDATION, small_config().split_seed)
    assert not set(rows) & set(held_out)
    expected = evaluated(plain.loop.model, images, small_config())
    found = plain.reports[-1].metrics
    assert {name: found[f"val_{name}"] for name in expected} == expected


def test_times_are_counted(plain: Trained) -> None:
    """A trial's CPU and wall time are the sums over its epochs."""
    for name in ("cpu_seconds", "wall_seconds"):
        parts = [getattr(report, name) for report in plain.reports]
        assert all(part > 0 for part in parts)
        assert getattr(plain.result, name) == pytest.approx(sum(parts))


# ---- models, optimizers, labels


@pytest.mark.parametrize(
    "optimizer",
    [
        name if name in ("sgd", "adam") else pytest.param(name, marks=pytest.mark.heavy)
        for name in OPTIMIZERS
    ],
)
def test_every_optimizer_trains_with_a_cycle(
    images: Dataset, tmp_path: Path, optimizer: str
) -> None:
    """Each optimizer a sweep may name takes the schedule and learns: the loss falls."""
    arguments = {"momentum": 0.5} if optimizer == "sgd" else {"weight_decay": 1e-4}
    high = {"adadelta": 20.0, "sgd": 0.2, "ftrl": 0.5}.get(optimizer, 0.02)
    config = small_config(
        optimizer=optimizer, optimizer_arguments=arguments, init_lr=1e-3, max_lr=high, epochs=4
    )
    done = trained(config, images, tmp_path)
    planned = planned_rates(config)
    np.testing.assert_array_equal(done.curve[0], planned, strict=True)
    assert done.result.state == "complete"
    assert done.reports[-1].metrics["loss"] < 0.9 * done.reports[0].metrics["loss"]


def test_one_hot_labels(tmp_path: Path, plain: Trained) -> None:
    """categorical_crossentropy on one-hot labels is the same training as on numbers."""
    one_hot = trained(
        small_config(loss="categorical_crossentropy"), few_images(one_hot=True), tmp_path
    )
    np.testing.assert_allclose(one_hot.curve[1], plain.curve[1], rtol=1e-4)
    assert one_hot.result.value == pytest.approx(plain.result.value, abs=0.03)


def test_an_objective_that_the_model_does_not_measure(images: Dataset, tmp_path: Path) -> None:
    """A model with metrics of its own: refused by name, not a trial without a value."""
    expected = (
        "objective.metric: must be one that the model user_models:own_metrics measures "
        "(loss, each with val_ too), got 'val_accuracy'"
    )
    config = small_config(model="user_models:own_metrics")
    with pytest.raises(InputError) as caught:
        trained(config, images, tmp_path / "a")
    assert str(caught.value) == expected
    by_loss = small_config(model="user_models:own_metrics", metric="val_loss")
    done = trained(by_loss, images, tmp_path / "b")
    assert done.result.value == done.reports[-1].metrics["val_loss"]
    check_objective(config, ["loss", "accuracy"])


def test_a_model_with_steps_of_its_own(images: Dataset, tmp_path: Path) -> None:
    """Doubled gradients in a user's train_step are doubled in a trial."""
    own = trained(small_config(model="user_models:own_step"), images, tmp_path / "own")
    plain = trained(small_config(init_lr=0.02, max_lr=0.4), images, tmp_path / "plain")
    np.testing.assert_allclose(own.curve[1], plain.curve[1], rtol=1e-4)
    np.testing.assert_array_equal(own.curve[0] * np.float32(2), plain.curve[0])


def test_the_saved_model(images: Dataset, tmp_path: Path) -> None:
    """It loads in safe mode, predicts the same, and stands where its training ended."""
    config = small_config("triangular2", model="tutorial_cnn")
    done = trained(config, images, tmp_path)
    loaded = keras.models.load_model(done.folder.model_file, safe_mode=True)
    x = images.x_test[:20]
    np.testing.assert_array_equal(
        loaded.predict(x, verbose=0), done.loop.model.predict(x, verbose=0), strict=True
    )
    assert loaded.optimizer.iterations.numpy() == config.steps
    made = loaded.optimizer._learning_rate
    assert isinstance(made, Triangular2CyclicalLearningRate)
    assert made.get_config()["step_size"] == config.schedule.step_size
