"""How a trial is scored, and how it ends early: at a trough without gain, or pruned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from compiled_models import assert_same_bits
from small_trials import STEPS_PER_EPOCH, small_config
from trained_trials import evaluated, trained

from clr_sweep.definition.final_rate import final_rates
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.reports import EpochReport


def test_the_value_is_the_last_epochs(images: Dataset, tmp_path: Path) -> None:
    """At the end of a cycle the last metrics count, whatever was better before."""
    done = trained(small_config(metric="val_loss", epochs=4), images, tmp_path)
    assert done.result.value == done.reports[-1].metrics["val_loss"]
    assert dict(done.result.metrics) == dict(done.reports[-1].metrics)
    assert done.folder.result() == done.result
    assert done.folder.config() == small_config(metric="val_loss", epochs=4)


def test_a_fractional_factor_ends_at_its_last_cycles_end(images: Dataset, tmp_path: Path) -> None:
    """19/16 x 8 steps are 9.5: eight cycles in 19 epochs, and at their end the rate is `check`'s.

    With 10 steps the eighth would not fit, and the trial would end with the seventh.
    """
    config = small_config(factor=19 / 16, epochs=19)
    done = trained(config, images, tmp_path)
    assert (config.schedule.step_size, done.result.steps, done.result.epochs) == (9, 144, 18)
    rates = done.curve[0]
    at_peaks = np.flatnonzero(rates == np.float32(config.schedule.max_lr))
    assert list(at_peaks) == [9 + 18 * cycle for cycle in range(8)]
    plan = plan_trial(19 / 16, STEPS_PER_EPOCH, 19, "cycle_end")
    space = SearchSpace(init_lr=0.01, max_lr=0.2, step_size_factor=19 / 16, policy=("triangular",))
    said = final_rates(space, plan)["triangular"]
    assert float(done.loop.model.optimizer.learning_rate) == np.float32(said)


@pytest.mark.parametrize("metric", ["val_loss", "val_accuracy"])
def test_at_best_keeps_the_best_trough(images: Dataset, tmp_path: Path, metric: str) -> None:
    """Value, metrics and the saved model are those of the best trough, here not the last.

    A better epoch between two troughs does not count: another trial has none at its phase.
    """
    config = small_config(metric=metric, at="best", epochs=10, max_lr=1.5, factor=1.25)
    done = trained(config, images, tmp_path)
    values = [report.metrics[metric] for report in done.reports]
    pick = min if metric == "val_loss" else max
    best = pick((2, 4, 7, 9), key=lambda index: values[index])
    assert best < len(values) - 1, "the last trough is the best one: this test shows nothing"
    assert pick(values) != values[best], "the best epoch is a trough: this test shows nothing"
    assert done.result.value == values[best]
    assert dict(done.result.metrics) == dict(done.reports[best].metrics)
    assert done.result.epochs == len(values) == 10

    saved = keras.models.load_model(done.folder.model_file)
    found = evaluated(saved, images, config)
    assert found[metric.removeprefix("val_")] == values[best]
    # The test set is evaluated with the same weights.
    assert_same_bits(done.loop.model.get_weights(), saved.get_weights())


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
