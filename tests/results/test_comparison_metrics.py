"""The verdict on what is no accuracy of several classes: a regression, metrics of one's own."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from compared_trials import gain, measured

from clr_sweep.results.comparison import compare
from clr_sweep.results.report import markdown, summary, trial_markdown
from clr_sweep.training.records import StudyRecord, TrialRecord


def regression(build: Any, ours: float, theirs: float) -> StudyRecord:
    """A study of a regression, by its loss, with the mean absolute error beside it."""
    trial, baseline = (
        measured(
            build, number, "val_loss", "minimize", metrics=["mean_absolute_error"],
            val_loss=loss, test_loss=2 * loss, loss=loss,
            val_mean_absolute_error=loss**0.5, test_mean_absolute_error=loss**0.5 + 0.01,
        )
        for number, loss in ((0, ours), (None, theirs))
    )  # fmt: skip
    return build.study(  # type: ignore[no-any-return]
        [trial], baseline, metric="val_loss", direction="minimize", test_examples=119
    )


def test_a_regression_speaks_of_its_loss(build: Any) -> None:
    """In the loss's own unit and direction, on the test set too; nothing of an accuracy."""
    study = regression(build, 0.0213, 0.0314)
    found = compare(study)
    assert (
        "reached validation loss 0.0213, the baseline (constant 0.01) 0.0314: 0.0101 better; on "
        "the test set 0.0426 against 0.0628: 0.0202 better. One run each" in found.verdict
    )
    assert [d.metric.name for d in found.differences] == [
        "val_loss", "val_mean_absolute_error", "test_loss", "test_mean_absolute_error", "loss"
    ]  # fmt: skip
    for text in (markdown(study), summary(study), trial_markdown(study.trials[0])):
        assert "accuracy" not in text
        assert "points" not in text
    assert "| validation mean absolute error &nbsp; | 0.1459" in markdown(study)
    assert "binomial" not in found.verdict


@pytest.mark.parametrize(
    ("ours", "theirs", "says"),
    [
        (2.123e-6, 2.123e-6, "validation loss 2.123e-6, the baseline (constant 0.01) 2.123e-6: the "
                             "same"),
        (2.1231e-6, 2.1232e-6, "2.1231e-6, the baseline (constant 0.01) 2.1232e-6: 1e-10 better"),
        (3e-4, 2e-4, "0.0003, the baseline (constant 0.01) 0.0002: 0.0001 worse"),
        (21034.5, 22034.5, "21034.5, the baseline (constant 0.01) 22034.5: 1000.0 better"),
        (0.50000001, 0.5, "0.50000001, the baseline (constant 0.01) 0.50000000: 1e-8 worse"),
    ],
)  # fmt: skip
def test_values_of_any_size_are_told_apart(
    build: Any, ours: float, theirs: float, says: str
) -> None:
    """Never 0.0000 against 0.0000: digits as needed, and equal values are said to be equal."""
    assert says in compare(regression(build, ours, theirs)).verdict


def test_a_metric_of_ones_own_in_the_direction_that_was_given(build: Any) -> None:
    """Whatever its name ends in; another one's gain is not guessed."""
    for direction, says in (("maximize", "0.2000 better"), ("minimize", "0.2000 worse")):
        trial, baseline = (
            measured(
                build, number, "val_top_loss", direction, metrics=["my:top_loss", "my:gap"],
                val_top_loss=value, test_top_loss=value, val_gap=value,
            )
            for number, value in ((0, 0.7), (None, 0.5))
        )  # fmt: skip
        study = build.study([trial], baseline, metric="val_top_loss", direction=direction)
        found = compare(study)
        assert f"validation top_loss 0.7000, the baseline (constant 0.01) 0.5000: {says}; on the "
        assert found.verdict.count(says) == 2
        assert gain(found, "val_gap") is None
        assert "| validation gap &nbsp; | 0.7000 &nbsp; | 0.5000 &nbsp; | +0.2000 &nbsp; |" in (
            markdown(study)
        )


def test_binary_classification(build: Any) -> None:
    """Accuracies in points, by whatever name Keras has for them."""
    trial, baseline = (
        measured(
            build, number, "val_binary_accuracy", "maximize", of="binary_crossentropy",
            metrics=["binary_accuracy", "auc"], val_binary_accuracy=value, val_auc=value,
            test_binary_accuracy=value - 0.01, test_auc=value,
        )
        for number, value in ((0, 0.9), (None, 0.8))
    )  # fmt: skip
    study = build.study([trial], baseline, metric="val_binary_accuracy")
    verdict = compare(study).verdict
    assert (
        "validation binary accuracy 0.9000, the baseline (constant 0.01) 0.8000: +10.00" in verdict
    )
    assert "on the test set 0.8900 against 0.7900: +10.00 points" in verdict
    assert "| test AUC &nbsp; | 0.9000 &nbsp; | 0.8000 &nbsp; | +0.1000" in markdown(study)


def test_a_study_of_an_earlier_version_shows_what_it_measured(build: Any) -> None:
    """Accuracy was compiled into every model: it is in the table, after what was asked for."""

    def old(record: TrialRecord) -> TrialRecord:
        return dataclasses.replace(record, metrics={**record.metrics, "val_accuracy": 0.0})

    study = regression(build, 0.1, 0.2)
    assert study.baseline is not None
    study = dataclasses.replace(study, trials=(old(study.trials[0]),), baseline=old(study.baseline))
    assert "accuracy" not in compare(study).verdict
    assert "| validation accuracy &nbsp; | 0.0000 &nbsp; | 0.0000 &nbsp; | equal" in markdown(study)
