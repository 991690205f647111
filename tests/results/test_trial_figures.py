"""The figures of a trial hold what its record holds, in every state it can be in."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from drawn_figures import drawn, lr_figure, overlaps, render, texts

from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.training_config import CycledMomentum
from clr_sweep.results import figures


def test_learning_rate_figure_draws_every_step_of_a_short_curve(build: Any) -> None:
    """A curve of a few thousand steps is drawn as it is."""
    record = build.trial(config=build.config(factor=2, epochs=4))
    t = np.arange(record.config.steps)
    rates = build.rates(record.config, t)
    losses = build.batch_losses(record.config, len(t))
    figure = figures.learning_rate_figure(range(len(t)), rates.astype(np.float32), losses, record)
    [line] = drawn(figure, "rate")
    assert np.array_equal(line.get_xdata(), t)
    assert np.allclose(line.get_ydata(), rates, rtol=1e-6)
    [loss] = drawn(figure, "batch loss")
    assert np.array_equal(loss.get_ydata(), losses)


def test_learning_rate_figure_shows_a_cycled_momentum(build: Any) -> None:
    """In a panel of its own, under the name that the optimizer has for it."""
    cycled = CycledMomentum()
    for optimizer, argument in (("sgd", "momentum"), ("adam", "beta_1")):
        config = build.config(
            factor=2, epochs=4, cycle_momentum=cycled, optimizer=OptimizerConfig(name=optimizer)
        )
        record = build.trial(config=config)
        t = np.arange(config.steps)
        momenta = config.schedule.momentum(t, cycled)
        losses = build.batch_losses(config, len(t))
        rates = build.rates(config, t)
        figure = figures.learning_rate_figure(t, rates, losses, record, momenta)
        [line] = drawn(figure, "momentum")
        assert np.array_equal(line.get_ydata(), momenta)
        assert [ax.get_ylabel() for ax in figure.axes[:3]] == [
            "learning rate",
            argument,
            "batch loss",
        ]
        assert render(figure)
    assert not drawn(lr_figure(build, build.trial(37), 100), "momentum")


def test_learning_rate_figure_thins_a_long_curve_and_keeps_its_extremes(build: Any) -> None:
    """A hundred thousand steps: few points, every peak, every trough and both ends in place."""
    record = build.trial(config=build.config(policy="triangular", factor=2.5, epochs=115))
    steps = record.config.steps
    assert steps > 97_000
    figure = lr_figure(build, record, steps)
    [line] = drawn(figure, "rate")
    x = line.get_xdata()
    size = record.config.schedule.step_size
    assert len(x) < 5000
    assert (x[0], x[-1]) == (0, steps - 1)
    assert set(range(size, steps, 2 * size)) <= set(x.astype(int))
    assert len(drawn(figure, "trough")) == 2 * 23  # in both panels
    assert render(figure)


def test_learning_rate_figure_marks_troughs_and_the_end(build: Any) -> None:
    """Each whole cycle is marked where it ends, and the last rate is written."""
    record = build.trial(37)
    figure = lr_figure(build, record, record.config.steps)
    assert [line.get_xdata()[0] for line in drawn(figure, "trough")] == 2 * [6752, 13504]
    assert drawn(figure, "end")[0].get_xdata()[0] == 13503
    assert "half cycle 4 epochs = 3,376 steps" in texts(figure).lower()


def test_learning_rate_figure_shows_the_plan_beneath(build: Any) -> None:
    """The plan goes from the first step to the last one, past the step reached."""
    record = build.trial(5, "pruned", 6, policy="triangular", factor=5)
    done = record.reports[-1].step
    figure = lr_figure(build, record, done)
    [plan] = drawn(figure, "planned")
    assert (plan.get_xdata()[0], plan.get_xdata()[-1]) == (0, record.config.steps - 1)
    assert done < record.config.steps - 1
    assert np.array_equal(plan.get_ydata(), build.rates(record.config, plan.get_xdata()))
    assert "pruned after 6 epochs" in texts(figure)


def test_learning_rate_figure_without_losses_has_one_panel(build: Any) -> None:
    """Losses that are all unknown leave their panel out; NaN among others does not."""
    record = build.trial()
    t = np.arange(2000)
    rates = build.rates(record.config, t)
    without = figures.learning_rate_figure(t, rates, np.full(2000, np.nan), record)
    assert not drawn(without, "batch loss")
    some = np.where(t < 1500, 0.5, np.nan)
    figure = figures.learning_rate_figure(t, rates, some, record)
    [mean] = drawn(figure, "mean batch loss")
    assert set(mean.get_ydata()) == {0.5}
    assert 1480 < mean.get_xdata()[-1] < 1500 + 14


def test_learning_rate_figure_refuses_arrays_of_different_lengths(build: Any) -> None:
    """The message names the shapes found."""
    with pytest.raises(ValueError, match=r"equally long, got shapes \(3,\), \(2,\) and \(3,\)"):
        figures.learning_rate_figure([0, 1, 2], [0.1, 0.1], [1, 1, 1], build.trial())


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_learning_rate_figure_of_almost_nothing_renders(build: Any, steps: int) -> None:
    """A trial that ended before, at or just after its first step."""
    assert render(lr_figure(build, build.trial(3, "failed", 0), steps))


def test_loss_figure_draws_the_metrics_of_the_reports(build: Any) -> None:
    """Loss above accuracy, training and validation, by epoch, with the ends of cycles."""
    record = build.trial(37)
    figure = figures.loss_figure(record)
    for what, names in {
        "training": ("loss", "accuracy"), "validation": ("val_loss", "val_accuracy")
    }.items():  # fmt: skip
        for line, name in zip(drawn(figure, what), names, strict=True):
            assert line.get_xdata().tolist() == list(range(1, 17))
            assert line.get_ydata().tolist() == [r.metrics[name] for r in record.reports]
    assert [line.get_xdata()[0] for line in drawn(figure, "trough")] == [8, 16, 8, 16]
    assert overlaps(figure) == []


def test_loss_figure_puts_a_cut_last_epoch_where_it_ended(build: Any) -> None:
    """A cycle that ends within an epoch: the last point lies at that part of it."""
    record = build.trial(1, factor=2.25)
    figure = figures.loss_figure(record)
    assert drawn(figure, "validation")[0].get_xdata()[-1] == pytest.approx(13.5, abs=1e-3)


def test_loss_figure_marks_divergence(build: Any) -> None:
    """The step and the rate at which the loss stopped being a number."""
    record = build.trial(9, "diverged", 3, factor=2, max_lr=0.95)
    figure = figures.loss_figure(record)
    assert [line.get_xdata()[0] for line in drawn(figure, "divergence")] == [2652 / 844] * 2
    rate = f"{record.divergence.learning_rate:.3g}"
    assert f"diverged at step 2,652,\nrate {rate}" in texts(figure)


@pytest.mark.parametrize(
    ("state", "stop", "lines"),
    [("running", 1, 2), ("pruned", 3, 2), ("failed", 0, 0), ("diverged", 0, 0), ("running", 0, 0)],
)
def test_loss_figure_of_a_short_trial(build: Any, state: Any, stop: int, lines: int) -> None:
    """One epoch, some, or none: the figure is drawn, and says when there is nothing."""
    figure = figures.loss_figure(build.trial(3, state, stop))
    assert render(figure)
    assert len(drawn(figure, "validation")) == lines
    assert len(drawn(figure, "message")) == (0 if stop else 1)


def test_loss_figure_without_accuracies_shows_the_losses_alone(build: Any) -> None:
    """A model without an accuracy metric has one panel."""
    record = build.trial()
    reports = tuple(
        dataclasses.replace(r, metrics={"loss": 1.0 / r.epoch, "val_loss": 2.0 / r.epoch})
        for r in record.reports
    )
    figure = figures.loss_figure(dataclasses.replace(record, reports=reports))
    assert len(figure.axes) == 1
    assert len(drawn(figure, "validation")) == 1
