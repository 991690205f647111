"""Figures of what is no classification: its own objective and metrics, in their own unit."""

from __future__ import annotations

import dataclasses
from typing import Any

from drawn_figures import overlaps, render, texts

from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.sweep import Objective
from clr_sweep.results import figures, words
from clr_sweep.training.records import TrialRecord


def of_a_regression(record: TrialRecord) -> TrialRecord:
    """The record as one that measures a loss and a mean absolute error alone, of 1e-6."""
    training = record.config.training.model_copy(
        update={
            "loss": LossConfig(name="mean_squared_error"),
            "metrics": ("mean_absolute_error",),
        }
    )
    objective = Objective(metric="val_loss", direction="minimize")
    config = record.config.model_copy(update={"training": training, "objective": objective})
    reports = tuple(
        dataclasses.replace(report, metrics={
            f"{where}{name}": 1e-6 * report.metrics["loss"]
            for where in ("", "val_") for name in ("loss", "mean_absolute_error")
        })
        for report in record.reports
    )  # fmt: skip
    last = dict(reports[-1].metrics)
    return dataclasses.replace(
        record, config=config, reports=reports, metrics=last, value=last["val_loss"]
    )


def test_the_losses_of_a_regression_stand_beside_its_own_metric(build: Any) -> None:
    """No accuracy; the title in the loss's own unit, not 0.0000."""
    record = of_a_regression(build.trial(3))
    drawn = figures.loss_figure(record)
    labels = [ax.get_ylabel().replace("\n", " ") for ax in drawn.axes]
    assert labels == ["loss", "mean absolute error"]
    assert record.value is not None
    title = next(text.get_text() for text in drawn.texts if text.get_gid() == "title")
    assert title == f"Trial 3: validation loss {words.value(record.value)}"
    assert "e-7" in title


def test_the_comparison_of_a_regression(build: Any) -> None:
    """The loss, which is the objective, the metric beside it, and the rates."""
    study = build.study(
        [of_a_regression(build.trial(0))], of_a_regression(build.baseline()),
        metric="val_loss", direction="minimize",
    )  # fmt: skip
    drawn = figures.comparison_figure(study)
    labels = [ax.get_ylabel().replace("\n", " ") for ax in drawn.axes]
    assert labels == ["validation loss", "validation mean absolute error", "learning rate"]
    render(drawn)
    assert not overlaps(drawn)
    assert "accuracy" not in texts(drawn)
