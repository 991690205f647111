"""A whole trial: its length, rates, scoring, divergence, and the folder it leaves."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any
from unittest import mock

import keras
import numpy as np
import pytest
from small_trials import (
    BATCH,
    STEPS_PER_EPOCH,
    VALIDATION,
    all_finite,
    comparable,
    few_images,
    planned_rates,
    small_config,
    strict_json,
)

from clr_sweep.engines.local import Done, LocalEngine, Message, local_engine
from clr_sweep.errors import InputError
from clr_sweep.optimizers import OPTIMIZERS
from clr_sweep.records import EpochReport, TrialResult
from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import Triangular2CyclicalLearningRate
from clr_sweep.training import trial
from clr_sweep.training.compiling import check_objective, compiled_model
from clr_sweep.training.datasets import hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop, epoch_order
from clr_sweep.training.requests import RUN_TRIAL, TrialJob
from clr_sweep.training.stored_dataset import Dataset, materialize
from clr_sweep.training.trial import train
from clr_sweep.trial_config import TrialConfig

# Keras 3.15 reads TensorFlow's variables by an __array__ that NumPy 2.4 wants changed.
pytestmark = pytest.mark.filterwarnings(
    "ignore:__array__ implementation doesn't accept a copy:DeprecationWarning"
)


@dataclasses.dataclass(frozen=True)
class Trained:
    """A trial that was trained in this process."""

    result: TrialResult
    loop: TrainingLoop
    folder: TrialFolder

    @property
    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Rate and loss of every step."""
        found = self.folder.curve()
        assert found is not None
        return found

    @property
    def reports(self) -> tuple[EpochReport, ...]:
        """The epochs."""
        return self.folder.reports()


def trained(config: TrialConfig, data: Dataset, path: Path, **arguments: Any) -> Trained:
    """Train a trial here."""
    folder = TrialFolder(path)
    loops: list[TrainingLoop] = []

    def kept(*given: Any) -> TrainingLoop:
        loops.append(TrainingLoop(*given))
        return loops[-1]

    with mock.patch.object(trial, "TrainingLoop", kept):
        result = train(config, data, folder, **arguments)
    return Trained(result, loops[0], folder)


# ---- the same again


def test_the_same_metrics_to_the_bit_wherever_it_runs(images: Dataset, tmp_path: Path) -> None:
    """Two processes side by side give the same weights, curve and metrics, dropout included."""
    data = materialize(images, tmp_path / "data")
    assert data.folder is not None
    config = small_config("exp_range", model="tutorial_cnn", gamma=0.99)
    results = {}
    with local_engine(2) as engine:
        for key in ("one", "other"):
            job = TrialJob(config, data.folder, tmp_path / key, ())
            engine.start(key, RUN_TRIAL, job, tmp_path / key / "log.txt")
        reports = answered(engine, results)
    assert comparable(results["one"]) == comparable(results["other"])
    folders = [TrialFolder(tmp_path / key) for key in ("one", "other")]
    for one, other in zip(*(folder.curve() or () for folder in folders), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    one, other = (keras.models.load_model(folder.model_file) for folder in folders)
    for found, expected in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)
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


def test_the_seed_decides(images: Dataset, tmp_path: Path) -> None:
    """Another seed is another trial; the same one is the same again in the same process."""
    found = [
        comparable(trained(small_config(seed=seed), images, tmp_path / str(n)).result)
        for n, seed in enumerate((1, 1, 2))
    ]
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("chunk", [1, 3])
def test_how_often_it_looks_changes_nothing(
    images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """The steps between two looks at the losses decide no number."""
    whole = trained(small_config(factor=1.25, epochs=3), images, tmp_path / "whole")
    monkeypatch.setattr(trial, "CHUNK", chunk)
    cut = trained(small_config(factor=1.25, epochs=3), images, tmp_path / "cut")
    assert comparable(cut.result) == comparable(whole.result)
    for one, other in zip(cut.curve, whole.curve, strict=True):
        np.testing.assert_array_equal(one, other, strict=True)
    assert [r.points for r in cut.reports] == [r.points for r in whole.reports]


# ---- length and rates


def test_it_ends_at_the_trough_within_an_epoch(images: Dataset, tmp_path: Path) -> None:
    """A cycle of 20 steps ends in the third epoch of 8: that epoch is cut short there."""
    config = small_config(factor=1.25, epochs=3)
    assert (config.schedule.step_size, config.steps) == (10, 20)
    done = trained(config, images, tmp_path)
    assert (done.result.state, done.result.steps, done.result.epochs) == ("complete", 20, 3)
    assert [report.step for report in done.reports] == [8, 16, 20]
    assert [report.epoch for report in done.reports] == [1, 2, 3]
    rates, losses = done.curve
    assert len(rates) == len(losses) == 20
    assert done.loop.model.optimizer.iterations.numpy() == 20
    assert rates[0] == np.float32(config.schedule.init_lr)
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


def test_the_epochs_metrics_are_those_of_its_steps(images: Dataset, tmp_path: Path) -> None:
    """An epoch's loss is the mean over its examples, the batches' losses weighted by size."""
    done = trained(small_config(), images, tmp_path)
    sizes = np.full(STEPS_PER_EPOCH, BATCH)
    sizes[-1] = len(images.x_train) - VALIDATION - BATCH * (STEPS_PER_EPOCH - 1)
    _, losses = done.curve
    for report in done.reports:
        of_epoch = losses[report.step - STEPS_PER_EPOCH : report.step]
        expected = float(np.average(of_epoch, weights=sizes))
        assert report.metrics["loss"] == pytest.approx(expected, rel=1e-5)
        assert set(report.metrics) == {"loss", "accuracy", "val_loss", "val_accuracy"}


def test_validation_is_held_out_of_training(images: Dataset, tmp_path: Path) -> None:
    """The reported val_ metrics are Keras' own over the rows held out by the split's seed."""
    config = small_config()
    done = trained(config, images, tmp_path)
    rows, held_out = hold_out(len(images.x_train), VALIDATION, config.split_seed)
    assert not set(rows) & set(held_out)
    expected = done.loop.model.evaluate(
        images.x_train[held_out], images.y_train[held_out], batch_size=1000, verbose=0,
        return_dict=True,
    )  # fmt: skip
    found = done.reports[-1].metrics
    assert {name: found[f"val_{name}"] for name in expected} == expected


# ---- how it is scored


def test_the_value_is_the_last_epochs(images: Dataset, tmp_path: Path) -> None:
    """At the end of a cycle the last metrics count, whatever was better before."""
    done = trained(small_config(metric="val_loss", epochs=4), images, tmp_path)
    assert done.result.value == done.reports[-1].metrics["val_loss"]
    assert dict(done.result.metrics) == dict(done.reports[-1].metrics)
    assert done.folder.result() == done.result
    assert done.folder.config() == small_config(metric="val_loss", epochs=4)


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_at_best_keeps_the_best_trough(images: Dataset, tmp_path: Path, metric: str) -> None:
    """Value, metrics and the saved model are those of the best trough, here not the last.

    A better epoch between two troughs does not count: another trial has none at its phase.
    """
    config = small_config(
        "triangular", metric=metric, at="best", epochs=10, max_lr=1.5, factor=1.25
    )
    done = trained(config, images, tmp_path)
    values = [report.metrics[metric] for report in done.reports]
    pick = min if metric == "val_loss" else max
    best = pick((2, 4, 7, 9), key=lambda index: values[index])
    assert best < len(values) - 1, "the last trough is the best one: this test shows nothing"
    assert pick(values) != values[best], "the best epoch is a trough: this test shows nothing"
    assert done.result.value == values[best]
    assert dict(done.result.metrics) == dict(done.reports[best].metrics)
    assert done.result.epochs == len(values) == 10

    _, held_out = hold_out(len(images.x_train), VALIDATION, config.split_seed)
    saved = keras.models.load_model(done.folder.model_file)
    found = saved.evaluate(
        images.x_train[held_out], images.y_train[held_out], batch_size=1000, verbose=0,
        return_dict=True,
    )  # fmt: skip
    assert found[metric.removeprefix("val_")] == values[best]
    # The test set is evaluated with the same weights.
    for one, other in zip(done.loop.model.get_weights(), saved.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_at_best_without_cycles_keeps_the_best_epoch(images: Dataset, tmp_path: Path) -> None:
    """A constant rate has no phases: all its epochs are comparable."""
    config = small_config("constant", metric="val_loss", at="best", epochs=6, init_lr=0.8)
    done = trained(config, images, tmp_path)
    values = [report.metrics["val_loss"] for report in done.reports]
    assert min(values) < values[-1], "the last epoch is the best one: this test shows nothing"
    assert done.result.value == min(values)


# ---- early stopping

STALLING: dict[str, Any] = {"metric": "val_loss", "epochs": 8, "max_lr": 0.8, "seed": 3}


@pytest.mark.parametrize("at", ["cycle_end", "best", "final"])
def test_it_ends_early_at_a_trough_alone(images: Dataset, tmp_path: Path, at: str) -> None:
    """Its troughs (2, 4, 6, 8) get no better after the first: with patience 2 it ends at 6."""
    config = small_config(**STALLING, at=at, early_stopping={"patience": 2})
    heard: list[int] = []

    def prune_at_its_end(report: EpochReport) -> bool:
        heard.append(report.epoch)
        return report.epoch < 6

    done = trained(config, images, tmp_path, on_epoch=prune_at_its_end)
    values = [report.metrics["val_loss"] for report in done.reports]
    assert min(values[3], values[5]) > values[1], "it gets better: this test shows nothing"
    assert heard == [1, 2, 3, 4, 5, 6]
    result = done.result
    assert (result.state, result.epochs, result.steps) == ("complete", 6, 48)
    assert result.value == (values[1] if at == "best" else values[5])
    assert result.reason == (
        "stopped early after epoch 6: val_loss has not improved at the last 2 troughs"
    )
    assert len(done.curve[0]) == 48


@pytest.mark.parametrize(
    ("policy", "rule"),
    [
        ("triangular", {"patience": 4}),  # more than the troughs after the first
        ("triangular", {"patience": 3}),  # the last trough ends it anyway
        ("constant", {"patience": 1, "min_delta": 100}),  # no troughs
    ],
)
def test_it_goes_on_to_its_end(
    images: Dataset, tmp_path: Path, policy: str, rule: dict[str, Any]
) -> None:
    """The budget is used, and no reason is given."""
    done = trained(small_config(policy, **STALLING, early_stopping=rule), images, tmp_path)
    assert (done.result.state, done.result.epochs, done.result.reason) == ("complete", 8, None)


def test_a_gain_below_min_delta_is_none(images: Dataset, tmp_path: Path) -> None:
    """A trial that learns is ended at its second trough if no gain is enough."""
    learning: dict[str, Any] = {"epochs": 8, "metric": "val_loss", "max_lr": 0.05}
    rule = {"patience": 1, "min_delta": 10}
    done = trained(small_config(**learning, early_stopping=rule), images, tmp_path / "a")
    values = [report.metrics["val_loss"] for report in done.reports]
    assert values[3] < values[1], "it does not learn: this test shows nothing"
    assert done.result.epochs == 4
    assert done.result.reason is not None
    assert "val_loss has not improved by more than 10 at the last trough" in done.result.reason
    free = trained(small_config(**learning, early_stopping={"patience": 1}), images, tmp_path / "b")
    assert free.result.epochs > 4


# ---- pruning


def test_pruning(images: Dataset, tmp_path: Path) -> None:
    """False from on_epoch ends the trial after that epoch; it has no value, but all its files."""
    heard: list[EpochReport] = []

    def prune_second(report: EpochReport) -> bool:
        heard.append(report)
        return report.epoch < 2

    done = trained(small_config(epochs=4), images, tmp_path, on_epoch=prune_second)
    result = done.result
    assert (result.state, result.epochs, result.steps, result.value) == ("pruned", 2, 16, None)
    assert result.reason is not None
    assert "after epoch 2" in result.reason
    assert tuple(heard) == done.reports
    assert dict(result.metrics) == dict(heard[-1].metrics)
    assert len(done.curve[0]) == 16
    assert done.folder.model_file.exists()


def test_the_last_epoch_cannot_be_pruned(images: Dataset, tmp_path: Path) -> None:
    """A trial that has run to its end is complete, whatever the answer."""
    done = trained(small_config(), images, tmp_path, on_epoch=lambda report: report.epoch < 2)
    assert (done.result.state, done.result.epochs) == ("complete", 2)
    assert done.result.value is not None


def test_times_are_counted(images: Dataset, tmp_path: Path) -> None:
    """A trial's CPU and wall time are the sums over its epochs."""
    done = trained(small_config(), images, tmp_path)
    for name in ("cpu_seconds", "wall_seconds"):
        parts = [getattr(report, name) for report in done.reports]
        assert all(part > 0 for part in parts)
        assert getattr(done.result, name) == pytest.approx(sum(parts))


# ---- divergence


def no_nan_in_json(folder: TrialFolder) -> None:
    """Every JSON file of the folder is strict JSON."""
    texts = [file.read_text() for file in folder.path.glob("*.json")]
    assert len(texts) == 2
    for text in (*texts, *(folder.path / "epochs.jsonl").read_text().splitlines()):
        strict_json(text)


@pytest.mark.parametrize("chunk", [2, 200])
@pytest.mark.parametrize("policy", ["triangular", "exp_range"])
def test_divergence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    policy: str,
    chunk: int,
) -> None:
    """It ends at the very step whose loss is not finite, with that step's rate and phase."""
    monkeypatch.setattr(trial, "CHUNK", chunk)
    images = few_images(one_hot=True)
    config = small_config(
        policy, model="user_models:linear", loss="mean_squared_error", init_lr=1e-4, max_lr=10.0,
        factor=1.25, epochs=5, gamma=0.999,
    )  # fmt: skip
    step = first_bad_step(config, images)
    done = trained(config, images, tmp_path)
    result, divergence = done.result, done.result.divergence
    assert (result.state, result.value, result.steps) == ("diverged", None, step + 1)
    assert divergence is not None
    assert divergence.step == step
    assert divergence.epoch == result.epochs == step // STEPS_PER_EPOCH + 1
    assert divergence.learning_rate == planned_rates(config)[step]
    assert divergence.phase == (step % 20) / 20
    assert result.reason is not None
    assert f"step {step} (epoch {divergence.epoch})" in result.reason

    rates, losses = done.curve
    assert len(rates) == len(losses) == step + 1
    assert np.isfinite(losses[:-1]).all()
    assert not np.isfinite(losses[-1])
    last = done.reports[-1].points[-1]
    assert (last.step, last.batch_loss) == (step, None)
    assert all_finite(result.metrics)
    assert all(all_finite(report.metrics) for report in done.reports)
    no_nan_in_json(done.folder)
    assert done.folder.result() == result


def first_bad_step(config: TrialConfig, images: Dataset) -> int:
    """The first step whose loss is not finite, found one step at a time."""
    keras.utils.set_random_seed(config.seed)
    loop = TrainingLoop(compiled_model(config, images, ()), images.x_train, images.y_train, BATCH)
    rows, _ = hold_out(len(images.x_train), VALIDATION, config.split_seed)
    for step in range(config.steps):
        epoch, index = divmod(step, STEPS_PER_EPOCH)
        _, losses = loop.train(epoch_order(rows, config.seed, epoch + 1), index, index + 1)
        if not math.isfinite(losses[0]):
            assert step > STEPS_PER_EPOCH, "it diverges at once: this test shows little"
            return step
    raise AssertionError("it does not diverge: this test shows nothing")


def test_divergence_that_only_validation_shows(images: Dataset, tmp_path: Path) -> None:
    """The last update destroys the weights: no training step follows that could show it."""
    config = small_config("constant", init_lr=1e38).model_copy(update={"steps": 1})
    done = trained(config, images, tmp_path)
    result, divergence = done.result, done.result.divergence
    assert np.isfinite(done.curve[1]).all()
    assert (result.state, result.value, result.steps) == ("diverged", None, 1)
    assert divergence is not None
    assert (divergence.step, divergence.epoch, divergence.phase) == (0, 1, 0.0)
    assert "val_loss" not in result.metrics
    assert math.isfinite(result.metrics["loss"])
    no_nan_in_json(done.folder)


# ---- models, optimizers, labels


@pytest.mark.parametrize("optimizer", list(OPTIMIZERS))
def test_every_optimizer_trains_with_a_cycle(
    images: Dataset, tmp_path: Path, optimizer: str
) -> None:
    """Each optimizer a sweep may name takes the schedule and learns: the loss falls."""
    arguments = {"momentum": 0.5} if optimizer == "sgd" else {"weight_decay": 1e-4}
    high = {"adadelta": 20.0, "sgd": 0.2}.get(optimizer, 0.02)
    config = small_config(
        optimizer=optimizer, optimizer_arguments=arguments, init_lr=1e-3, max_lr=high, epochs=4
    )
    done = trained(config, images, tmp_path)
    planned = planned_rates(config)
    np.testing.assert_array_equal(done.curve[0], planned, strict=True)
    assert done.result.state == "complete"
    assert done.reports[-1].metrics["loss"] < 0.9 * done.reports[0].metrics["loss"]


def test_one_hot_labels(tmp_path: Path) -> None:
    """categorical_crossentropy on one-hot labels is the same training as on numbers."""
    whole = trained(small_config(), few_images(), tmp_path / "whole")
    one_hot = trained(
        small_config(loss="categorical_crossentropy"), few_images(one_hot=True), tmp_path / "hot"
    )
    np.testing.assert_allclose(one_hot.curve[1], whole.curve[1], rtol=1e-4)
    assert one_hot.result.value == pytest.approx(whole.result.value, abs=0.03)


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
