"""What is said of a study of several outputs: in the unit of the metric behind the objective."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from compared_arms import OURS, THEIRS, compared, said_of, study_of
from drawn_figures import texts
from report_pages import part, rows
from written_sweeps import sweep

from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.results import figures, words
from clr_sweep.results.comparison import compare
from clr_sweep.results.comparison_report import comparison_markdown
from clr_sweep.results.html.page import study_page
from clr_sweep.results.report import markdown, trial_markdown
from clr_sweep.results.verdict_figure import verdict_figure
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudyRecord, StudySource, TrialRecord

TRAINING: dict[str, Any] = {
    "epochs": 16,
    "loss": {"outputs": {"age": "mse", "sex": "sparse_categorical_crossentropy"}},
    "metrics": {"age": ["mae"], "sex": ["accuracy", "mine:my_accuracy"]},
}
FINALS = {"CLR": OURS, "constant": THEIRS, "cosine": THEIRS[::-1], BASELINE: THEIRS - 0.2}


def source_of(metric: str) -> StudySource:
    """What a study of these outputs was made from."""
    objective = {"metric": metric, "direction": "maximize"}
    return StudySource(sweep({"training": TRAINING, "objective": objective}))


def compared_by(metric: str) -> StudyRecord:
    """The trainings of a comparison by a metric, with the margin that it has by default."""
    source = source_of(metric)
    margin = ComparisonConfig().margin_of(source.sweep.training.reported(metric))
    return compared(
        {name: list(found) for name, found in FINALS.items()},
        metric=metric, margin=margin, source=source,
    )  # fmt: skip


def searched(build: Any, metric: str) -> StudyRecord:
    """A study with its best trial and baseline, which measured both outputs."""

    def outputs(record: TrialRecord, level: float) -> TrialRecord:
        of_sex = {"sex_accuracy": level, "sex_my_accuracy": 100 * level}
        values = {**of_sex, "age_mae": 7 - level, "age_loss": 0.01, "sex_loss": 0.3, "loss": 0.31}
        told = {f"val_{name}": value for name, value in values.items()}
        return dataclasses.replace(
            record, value=told[metric], metrics=told | values,
            test_metrics={f"test_{name}": value for name, value in values.items()},
            reports=tuple(
                dataclasses.replace(report, metrics={
                    name: value * 10.0 ** (-n / 4) if "age" in name else value
                    for name, value in (told | values).items()
                })
                for n, report in enumerate(record.reports)
            ),
        )  # fmt: skip

    config = build.config(**{key: TRAINING[key] for key in ("loss", "metrics")}, metric="val_loss")
    objective = config.objective.model_copy(update={"metric": metric, "direction": "maximize"})
    config = config.model_copy(update={"objective": objective})
    return build.study(  # type: ignore[no-any-return]
        [outputs(build.trial(0, config=config), 0.93)],
        outputs(build.trial(None, config=config), 0.9),
        metric=metric, source=source_of(metric),
    )  # fmt: skip


def test_the_verdict_on_an_accuracy_of_an_output() -> None:
    """In points, on the test set, equivalent within half a point."""
    last = compared_by("val_sex_accuracy")
    said = said_of(last)
    assert ", over 10 seeds on the test set: equivalent to the tuned constant rate (" in (
        said.headline
    )
    assert " points)" in said.headline
    assert "are equivalent within 0.50 points of test accuracy of sex: " in said.answers[0]
    assert "Differences below 0.50 points of test accuracy of sex do not matter" in " ".join(
        said.notes
    )
    page = study_page(study_of(last))
    captions = [table.caption for table in part(page, "arms").tables]
    assert "The answers, in points" in captions
    assert "equivalent within 0.50 points" in dict(part(page, "asked").facts)["Comparison"]
    assert "test accuracy of sex" in rows(part(page, "arms").tables[0])[0]
    assert "points of test accuracy of sex" in comparison_markdown(last)
    drawn = verdict_figure(last)
    assert drawn.axes[0].get_xlabel() == "test accuracy of sex"
    assert " points (" in texts(drawn)


def test_the_verdict_on_ones_own_accuracy_of_an_output() -> None:
    """It may be in percent: no points, no margin, and what is measured is named."""
    last = compared_by("val_sex_my_accuracy")
    said = said_of(last)
    assert ", over 10 seeds by test my_accuracy of sex: " in said.headline
    assert "Nobody has said which differences of test my_accuracy of sex do not matter" in (
        " ".join(said.notes)
    )
    page = study_page(study_of(last))
    captions = [table.caption for table in part(page, "arms").tables]
    pages = (comparison_markdown(last), texts(verdict_figure(last)))
    for text in (said.headline, *said.answers, *captions, *pages):
        assert "points" not in text


def test_the_best_trial_against_the_baseline(build: Any) -> None:
    """By the objective, on the test set too, and each metric of each output in its own unit."""
    study = searched(build, "val_sex_accuracy")
    found = compare(study)
    assert (
        "reached validation accuracy of sex 0.9300, the baseline (triangular2, 0.0012 to 0.31) "
        "0.9000: +3.00 points; on the test set 0.9300 against 0.9000: +3.00 points."
    ) in found.verdict
    less = found.difference("val_age_mae")
    assert less is not None
    # Which is better is known of Keras' metrics, whichever output they are of.
    assert (less.direction, less.gain) == ("minimize", pytest.approx(0.03))
    own = found.difference("val_sex_my_accuracy")
    assert own is not None
    assert own.gain is None
    table = markdown(study)
    assert "| validation accuracy of sex &nbsp; | 0.9300 &nbsp; | 0.9000 &nbsp; | +3.00 points" in (
        table
    )
    assert "| validation mean absolute error of age &nbsp; | 6.0700" in table
    assert "test my_accuracy of sex" in trial_markdown(study.trials[0])


def test_the_best_trial_by_ones_own_accuracy(build: Any) -> None:
    """As much as it is, without a unit."""
    verdict = compare(searched(build, "val_sex_my_accuracy")).verdict
    assert "reached validation my_accuracy of sex 93.0000, the baseline" in verdict
    assert "90.0000: 3.0000 better; on the test set" in verdict
    assert "points" not in verdict


@pytest.mark.parametrize(
    ("metric", "scale"),
    [("val_age_mae", "log"), ("val_age_loss", "log"), ("val_age_gap", "linear")],
)
def test_errors_of_an_output_are_drawn_on_a_logarithm(build: Any, metric: str, scale: str) -> None:
    """Where they differ much, as those of a single output; of one's own it is not known."""
    study = searched(build, "val_sex_accuracy")
    [trial] = study.trials
    training = trial.config.training.model_copy(update={"metrics": {"age": ("mae", "mine:gap")}})
    objective = trial.config.objective.model_copy(update={"metric": metric})
    config = trial.config.model_copy(update={"training": training, "objective": objective})
    reports = tuple(
        dataclasses.replace(one, metrics={
            **one.metrics, "val_age_gap": one.metrics["val_age_mae"],
            "age_gap": one.metrics["age_mae"],
        })
        for one in trial.reports
    )  # fmt: skip
    drawn = figures.loss_figure(dataclasses.replace(trial, config=config, reports=reports))
    named = drawn.axes[1].get_ylabel().replace("\n", " ")
    assert named == words.quantity(training.reported(metric))
    assert named.endswith(" of age")
    assert drawn.axes[1].get_yscale() == scale
