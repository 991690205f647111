"""One seed of a range test, really trained: what is recorded, and its edge where it is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from range_models import HELD_OUT, QUADRATIC_BATCH, ROWS, quadratic_data
from small_trials import BATCH, STEPS_PER_EPOCH, few_images, small_config, stored_in

from clr_sweep.common.errors import InputError
from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.lr_range_test.curve import read_curve
from clr_sweep.lr_range_test.divergence import divergence
from clr_sweep.lr_range_test.recording import record_curve
from clr_sweep.lr_range_test.rules import read
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import suggest
from clr_sweep.schedules.ramp import ramp
from clr_sweep.training.requests import EVALUATIONS, ModelIdentity, RangeTestJob

HERE = (Path(__file__).parents[1] / "training", Path(__file__).parent)


def job(folder: Path, test: RangeTestConfig, **settings: object) -> RangeTestJob:
    config = small_config("constant", **{"model": "range_models:stateful", **settings})  # type: ignore[arg-type]
    config = config.model_copy(
        update={"training": config.training.model_copy(update={"epochs": test.epochs})}
    )
    model = ModelIdentity(parameters=1, digest="0")
    return RangeTestJob(config, test, model, stored_in(Path()), folder / "seed.npz", HERE)


def quadratic_job(folder: Path, curvature: float, seed: int, **test: object) -> RangeTestJob:
    edge = 2 / curvature
    made = job(
        folder,
        RangeTestConfig(low=0.001 * edge, high=10 * edge, epochs=8, **test),  # type: ignore[arg-type]
        model="range_models:line",
        loss="mean_squared_error",
        metric="val_loss",
        seed=seed,
    )
    config = made.config.model_copy(
        update={
            "dataset": DatasetConfig(name="quadratic", validation=HELD_OUT),
            "training": made.config.training.model_copy(update={"batch_size": QUADRATIC_BATCH}),
        }
    )
    return replace(made, config=config)


@pytest.mark.heavy
@pytest.mark.parametrize("curvature", [0.2, 5.0])
def test_the_edge_of_a_real_training(tmp_path: Path, curvature: float) -> None:
    """Keras' SGD on a quadratic: 2 / curvature, within 20%; it ends soon after it diverged."""
    data, curves = quadratic_data(curvature), []
    for seed in range(3):
        curves.append(record_curve(quadratic_job(tmp_path, curvature, seed), data))
    steps = 8 * (ROWS - HELD_OUT) // QUADRATIC_BATCH
    assert {curve.planned for curve in curves} == {steps}
    found = suggest(curves, "quarter", "val_loss", -1)
    assert found.max == pytest.approx(1 / curvature, rel=0.2)
    for curve in curves:
        where = divergence(curve.losses, curve.rates, curve.planned)
        assert where is not None
        assert where.step < len(curve.losses) < steps


def test_what_is_recorded(tmp_path: Path) -> None:
    """The ramp of every step, in float32; the loss beside it; evaluations with their steps."""
    test = RangeTestConfig(low=1e-4, high=1.0, epochs=20)
    made = job(tmp_path, test)
    curve = record_curve(made, few_images())
    steps = 20 * STEPS_PER_EPOCH
    assert curve.planned == len(curve.losses) == len(curve.rates) == steps
    wanted = ramp(np.arange(steps), low=1e-4, high=1.0, steps=steps)
    np.testing.assert_allclose(curve.rates, wanted, rtol=2e-7)
    assert len(curve.evaluated) == EVALUATIONS + 1
    assert (curve.evaluated[0], curve.evaluated[-1]) == (0, steps)
    assert set(curve.metrics) == {"val_loss", "val_accuracy"}
    assert {len(values) for values in curve.metrics.values()} == {EVALUATIONS + 1}
    # It learns, and every batch has a loss of its own.
    assert curve.metrics["val_accuracy"].max() > curve.metrics["val_accuracy"][0] + 0.2
    assert len(np.unique(curve.losses)) > 0.9 * steps
    stored = read_curve(made.file, made.identity)
    assert stored is not None
    for name, values in curve.arrays().items():
        np.testing.assert_array_equal(stored.arrays()[name], values)
    assert read_curve(made.file, "another test") is None
    assert read_curve(tmp_path / "none.npz") is None


def test_what_speaks_against_the_scale_is_kept(tmp_path: Path) -> None:
    """With the curve: whoever reads it has neither the model nor the data."""
    made = replace(quadratic_job(tmp_path, 2e6, 0), test=RangeTestConfig(epochs=1))
    curve = record_curve(made, quadratic_data(2e6))
    examples, labels = curve.scale
    assert examples.startswith("the examples are large, with values of up to 1,000 (column")
    assert labels.startswith("the labels are large, ")
    stored = read_curve(made.file, made.identity)
    assert stored is not None
    assert stored.scale == curve.scale
    assert record_curve(replace(made, looks_at_scale=False), quadratic_data(2e6)).scale == ()


def test_it_is_repeatable(tmp_path: Path) -> None:
    """The same job gives the same curve, to the bit; another seed another one."""
    test = RangeTestConfig(low=1e-3, high=1.0, epochs=2)
    first, again = (record_curve(job(tmp_path, test), few_images()) for _ in range(2))
    other = record_curve(job(tmp_path, test, seed=8), few_images())
    np.testing.assert_array_equal(first.losses, again.losses)
    np.testing.assert_array_equal(first.metrics["val_loss"], again.metrics["val_loss"])
    assert (first.losses != other.losses).any()


def test_a_loss_that_is_not_finite_ends_it(tmp_path: Path) -> None:
    """The rates up to it are kept, and the reading leaves it out."""
    test = RangeTestConfig(low=1e-2, high=1e30, epochs=4)
    made = job(tmp_path, test, model="user_models:perceptron", loss="categorical_crossentropy")
    data = few_images(one_hot=True)
    exploding = quadratic_job(tmp_path, 1.0, 0)
    exploding = replace(exploding, test=RangeTestConfig(low=1.0, high=1e30, epochs=1))
    curve = record_curve(exploding, quadratic_data(1.0))
    assert not np.isfinite(curve.losses[-1]) or curve.losses[-1] > 1e6
    assert len(curve.losses) < curve.planned
    assert np.isfinite(read(curve, "val_loss", -1).losses).all()
    assert made.config.training.batch_size == BATCH
    assert len(record_curve(made, data).losses) <= 4 * STEPS_PER_EPOCH


def test_a_metric_that_is_not_measured_is_refused(tmp_path: Path) -> None:
    """As in a trial: the message names those that are."""
    test = RangeTestConfig(low=1e-2, high=1.0, epochs=1)
    made = job(tmp_path, test, model="user_models:own_metrics")
    with pytest.raises(InputError, match=r"objective.metric: must be one that the model"):
        record_curve(made, few_images())


def test_training_config_is_what_the_test_trains(tmp_path: Path) -> None:
    """What decides the numbers is in the identity, what does not is not."""
    test = RangeTestConfig(low=1e-3, high=1.0, epochs=2)
    made = job(tmp_path, test)
    same = replace(made, test=test.model_copy(update={"rule": "valley", "seeds": 9}))
    assert same.identity == made.identity
    changed = TrainingConfig(**{**made.config.training.model_dump(), "batch_size": 16})  # type: ignore[arg-type]
    others = [
        replace(made, test=test.model_copy(update={"high": 2.0})),
        replace(made, data=stored_in(Path(), "e" * 64)),
        replace(made, model=ModelIdentity(parameters=2, digest="0")),
        replace(made, config=made.config.model_copy(update={"seed": 8})),
        replace(made, config=made.config.model_copy(update={"training": changed})),
    ]
    assert len({one.identity for one in [made, *others]}) == 6
