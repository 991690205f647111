"""The ten mistakes that other range tests made, each with a test that would see it here."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import yaml
from landscapes import classifier, quadratic, seeds
from range_models import HELD_OUT, QUADRATIC_BATCH, ROWS, quadratic_data
from range_records import complete_test
from small_trials import comparable, few_images, small_config
from test_recording import job, quadratic_job

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.recording import record_curve
from clr_sweep.lr_range_test.report import as_yaml, ranges_yaml
from clr_sweep.lr_range_test.rules import read
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import suggest
from clr_sweep.training.data.splits import epoch_order, hold_out
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.trial import train

CURVATURE = 2.0


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Curve:
    """A real training on a quadratic."""
    made = quadratic_job(tmp_path_factory.mktemp("quadratic"), CURVATURE, seed=3)
    return record_curve(made, quadratic_data(CURVATURE))


def replayed(rates: np.ndarray, shift: int = 0) -> np.ndarray:
    """The loss of each batch, worked out from the data, its order and the rates alone."""
    data = quadratic_data(CURVATURE)
    rows, _ = hold_out(ROWS, HELD_OUT, 3)
    x, y = (np.asarray(array, dtype=np.float64) for array in (data.x_train, data.y_train))
    steps, w, losses = math.ceil(len(rows) / QUADRATIC_BATCH), 1.0, []
    for step in range(len(rates) - shift):
        order = epoch_order(rows, 3, step // steps + 1)
        first = step % steps * QUADRATIC_BATCH
        batch = order[first : first + QUADRATIC_BATCH]
        gap = x[batch] * w - y[batch]
        losses.append(float((gap**2).mean()))
        w -= rates[step + shift] * 2 * float((x[batch] * gap).mean())
    return np.array(losses)


def test_1_the_loss_is_each_batchs_own(recorded: Curve) -> None:
    """Not a running mean over the epoch: the losses are those worked out by hand."""
    stable = recorded.rates < 0.9 * 2 / CURVATURE
    wanted = replayed(recorded.rates)
    np.testing.assert_allclose(recorded.losses[stable], wanted[stable], rtol=1e-3, atol=1e-6)
    means = np.cumsum(wanted) / np.arange(1, len(wanted) + 1)
    assert np.abs(recorded.losses - means)[stable].mean() > 0.05


def test_2_smoothing_has_no_lag() -> None:
    """The lowest smoothed loss is where the loss is lowest; an exponential mean's is decades on."""
    found, lagging = [], []
    for seed in range(5):
        curve = classifier(0.003, 0.1, 50.0, seed=seed, steps=600, batch_noise=0.1)
        reading = read(curve, "val_accuracy", +1)
        found.append(math.log10(reading.rates[np.argmin(reading.losses)] / 0.1))
        mean, smoothed = curve.losses[0], []
        for loss in curve.losses:
            mean = 0.98 * mean + 0.02 * loss
            smoothed.append(mean)
        lagging.append(math.log10(curve.rates[np.argmin(smoothed)] / 0.1))
    assert abs(np.median(found)) < 0.15
    assert np.median(lagging) > 0.4


def test_3_gradients_are_by_the_logarithm_of_the_rate() -> None:
    """On a log sweep the loss falls most by decade where it is half down; by rate, far below."""
    curve = classifier(0.01, 0.5, 50.0, batch_noise=0.005)
    reading = read(curve, "val_accuracy", +1)
    found = suggest([curve], "steepest", "val_accuracy", +1).max
    height = math.log(4.0) / 4  # where the logistic curve of `classifier` is steepest
    assert found == pytest.approx(0.01 * (0.5 / 0.01) ** height, rel=0.4)
    inner = slice(100, -100)
    by_rate = reading.rates[inner][np.argmin(np.gradient(reading.losses, reading.rates)[inner])]
    assert by_rate < found / 3


def test_4_each_loss_is_beside_the_rate_of_its_own_step(recorded: Curve) -> None:
    """Replayed with the next step's rate, the losses are others."""
    stable = recorded.rates[:-1] < 0.9 * 2 / CURVATURE
    own = np.abs(replayed(recorded.rates)[:-1] - recorded.losses[:-1])[stable].max()
    shifted = np.abs(replayed(recorded.rates, shift=1) - recorded.losses[:-1])[stable].max()
    assert own < 1e-3
    assert shifted > 5 * own


@pytest.mark.heavy
def test_5_nothing_leaks_into_a_later_training(tmp_path: Path) -> None:
    """Weights, slots, counters, batch normalisation, seed generators, data order: to the bit.

    The sweep runs each in a process of its own; not even within one process does it matter.
    """
    here, test = (Path(__file__).parent,), RangeTestConfig(low=1e-3, high=10.0, epochs=3)
    config = small_config(model="range_models:stateful", optimizer="adam")
    curves = []
    for name in ("before", "after"):
        folder = TrialFolder(tmp_path / name)
        result = train(config, few_images(), folder, here)
        curves.append((comparable(result), folder.curve()))
        record_curve(job(tmp_path, test, optimizer="adam"), few_images())
    assert curves[0][0] == curves[1][0]
    np.testing.assert_array_equal(curves[0][1], curves[1][1])


def test_6_several_seeds_enough_steps_and_no_nan() -> None:
    """Three seeds by default; few steps are told; the start's loss and NaN decide nothing."""
    assert RangeTestConfig().seeds == 3
    assert RangeTestConfig().epochs > 1
    few = suggest(seeds(3, steps=240), "smith", "val_accuracy", +1)
    assert any("fewer than 100 steps" in text for text in few.warnings)
    edges = [read(quadratic(1.0, start=w), "val_score", +1).edge for w in (0.5, 5.0, 50.0)]
    np.testing.assert_allclose(edges, 2.0, rtol=0.2)
    curve = classifier()
    losses = np.where(curve.rates > 0.9, np.nan, curve.losses)
    spoilt = suggest([replace(curve, losses=losses)] * 3, "smith", "val_accuracy", +1)
    assert np.isfinite([spoilt.base, spoilt.max, *spoilt.init_lr, *spoilt.max_lr]).all()


def test_7_a_pair_with_its_spread() -> None:
    """Whatever the rule: two bounds, and those of each seed."""
    for rule in ("smith", "quarter", "steepest", "valley", "minimum"):
        found = suggest(seeds(4), rule, "val_accuracy", +1)
        assert found.base < found.max
        assert len(found.pairs) == 4
        assert (rule == "smith") <= (len(set(found.pairs)) > 1)


@pytest.mark.parametrize(
    "changes",
    [
        {"batch_size": 16},
        {"optimizer": {"name": "adam"}},
        {"optimizer": {"name": "sgd", "arguments": {"momentum": 0.9}}},
        {"optimizer": {"name": "sgd", "arguments": {"weight_decay": 1e-3}}},
    ],
)
def test_8_bounds_are_not_reused_for_another_training(tmp_path: Path, changes: dict) -> None:
    """Another batch size, optimizer, momentum or weight decay: none of the old curves counts."""
    made = job(tmp_path, RangeTestConfig(low=1e-3, high=1.0, epochs=1))
    training = made.config.training
    other = type(training).model_validate({**training.model_dump(), **changes})
    changed = replace(made, config=made.config.model_copy(update={"training": other}))
    assert changed.identity != made.identity


def test_9_the_result_can_be_used_by_programs(tmp_path: Path) -> None:
    """Not a plot alone: YAML with every number, and ranges that a sweep file takes."""
    record = complete_test(tmp_path, seeds(2))
    found = record.suggestion
    numbers = yaml.safe_load(as_yaml(record, {"data_digest": "d"}))
    assert (numbers["base"], numbers["max"]) == (found.base, found.max)
    assert [seed["stability_edge"] for seed in numbers["seeds"]] == list(found.edges)
    ranges = yaml.safe_load(ranges_yaml(record))["search_space"]
    assert ranges == numbers["search_space"]
    assert (ranges["init_lr"]["low"], ranges["init_lr"]["high"]) == found.init_lr


def test_10_the_validation_metric_decides() -> None:
    """With the same training losses, another validation accuracy gives another pair."""
    early, late = classifier(0.005, 0.05, 1.0), classifier(0.05, 0.5, 1.0)
    mixed = replace(early, metrics=late.metrics)
    pairs = [suggest([curve], "smith", "val_accuracy", +1).pairs for curve in (early, late, mixed)]
    assert pairs[2] == pairs[1] != pairs[0]
