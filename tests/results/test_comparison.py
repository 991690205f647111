"""The verdict says what was seen and no more."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from clr_sweep.records import StudyRecord, TrialRecord
from clr_sweep.results.comparison import DETECTABLE, SEED_SD, compare, seed_noise


def with_accuracy(record: TrialRecord, validation: float, test: float | None) -> TrialRecord:
    """The record with these accuracies."""
    return dataclasses.replace(
        record,
        value=validation,
        metrics={**record.metrics, "val_accuracy": validation},
        test_metrics={} if test is None else {"test_accuracy": test, "test_loss": 0.4},
    )


def pair(build: Any, ours: tuple[float, float | None], theirs: tuple[float, float | None]) -> Any:
    """A study of one complete trial and a baseline with (validation, test) accuracies."""
    return build.study(
        [with_accuracy(build.trial(0), *ours)], with_accuracy(build.baseline(), *theirs)
    )


def test_differences_are_those_of_the_records(big_study: StudyRecord) -> None:
    """Validation and test accuracy in points, each recomputed from the records."""
    found = compare(big_study)
    best, baseline = big_study.best, big_study.baseline
    assert best is not None
    assert baseline is not None
    assert found.best is best
    assert found.baseline is baseline
    validation = best.metrics["val_accuracy"] - baseline.metrics["val_accuracy"]
    test = best.test_metrics["test_accuracy"] - baseline.test_metrics["test_accuracy"]
    assert found.validation_points == pytest.approx(100 * validation)
    assert found.test_points == pytest.approx(100 * test)
    loss = found.difference("val_loss")
    assert loss is not None
    assert loss.gain == baseline.metrics["val_loss"] - best.metrics["val_loss"]
    assert f"{100 * test:+.2f} points" in found.verdict
    assert f"{best.value:.4f}" in found.verdict


@pytest.mark.parametrize(
    ("test", "says"),
    [
        (0.851, "is within seed noise, so no difference can be told on the test set"),
        (0.844, "is within seed noise, so no difference can be told on the test set"),
        (0.862, "so the difference on the test set may be seed noise"),
        (0.835, "the difference on the test set, in the baseline's favour, may be seed noise"),
        (0.890, "is larger than the 0.8 to 2.1 points that seeds alone usually bring about, but "
                "one run each proves nothing"),
        (0.800, "in the baseline's favour, is larger than the 0.8 to 2.1 points"),
    ],
)  # fmt: skip
def test_verdict_sets_the_test_difference_beside_seed_noise(
    build: Any, test: float, says: str
) -> None:
    """The test set decides the wording, whatever the validation part shows."""
    found = compare(pair(build, (0.95, test), (0.85, 0.847)))
    assert says in found.verdict
    assert "One run each" in found.verdict


def test_verdict_never_claims_significance(build: Any) -> None:
    """However large the difference, one run of each is no test."""
    for test in (0.5, 0.84, 0.86, 0.99):
        found = compare(pair(build, (0.9, test), (0.85, 0.847)))
        text = " ".join((found.verdict, *found.notes)).lower()
        assert "significan" not in text
        assert "one run each" in text


def test_verdict_without_test_metrics_speaks_of_validation(build: Any) -> None:
    """Where the test set was not used the verdict and the note say so."""
    study = build.study(
        [with_accuracy(build.trial(0), 0.853, None), with_accuracy(build.trial(1), 0.85, None)],
        with_accuracy(build.baseline(), 0.851, None),
    )
    found = compare(study)
    assert found.test_points is None
    assert found.validation_points == pytest.approx(0.2)
    assert "no difference can be told in validation accuracy" in found.verdict
    assert "not evaluated yet" in found.notes[0]


def test_notes_name_the_winners_curse_and_the_untuned_baseline(big_study: StudyRecord) -> None:
    """What the reader has to know: selection, tuning, budget and seeds."""
    notes = "\n".join(compare(big_study).notes)
    assert f"the best of {big_study.count('complete')} complete trials" in notes
    assert "winner's curse" in notes
    assert "constant rate (0.01) that was not tuned" in notes
    assert "the best trial took 11,816 steps (14 epochs), the baseline 13,504 (16 epochs)" in notes
    assert "3 runs each detect a difference of 0.91 to 2.25 points" in notes


def test_equal_training_needs_no_note(build: Any) -> None:
    """The same steps and the same training: nothing about either."""
    notes = "\n".join(compare(pair(build, (0.9, 0.9), (0.85, 0.85))).notes)
    assert "Unequal" not in notes
    assert "Besides the schedule" not in notes


def test_further_differences_of_the_configurations_are_named(build: Any) -> None:
    """A searched batch size or optimizer argument confounds the schedule: it is said."""
    config = build.config(batch_size=32, optimizer={"name": "sgd", "arguments": {"momentum": 0.9}})
    study = build.study([build.trial(0, config=config)], build.baseline())
    notes = "\n".join(compare(study).notes)
    assert "batch_size 32 (baseline 64), momentum 0.9 (baseline default)" in notes


def test_no_complete_trial(build: Any) -> None:
    """Nothing to compare, with what there is instead."""
    states = (("pruned", 2), ("diverged", 1), ("pruned", 3))
    trials = [build.trial(i, state, stop) for i, (state, stop) in enumerate(states)]
    found = compare(build.study(trials, build.baseline()))
    assert found.best is None
    assert found.differences == ()
    assert found.verdict == "No complete trial yet (2 pruned, 1 diverged): nothing to compare."


@pytest.mark.parametrize(
    ("state", "says"),
    [
        (None, "the study has no baseline to compare it with"),
        ("diverged", "not that a cyclical one is better"),
        ("running", "the baseline is not complete yet (running after 2 epochs)"),
        ("failed", "ValueError: the model's output has the wrong shape"),
    ],
)
def test_no_complete_baseline(build: Any, state: Any, says: str) -> None:
    """A missing, diverged, running or failed baseline leaves the best trial alone."""
    baseline = None if state is None else build.baseline(state=state, stop=2)
    found = compare(build.study([build.trial(4)], baseline))
    assert found.best is not None
    assert found.differences == ()
    assert found.test_points is None
    assert found.verdict.startswith("Trial 4 (triangular2, 0.0012 to 0.31) reached")
    assert says in found.verdict


def test_a_loss_to_minimize(build: Any) -> None:
    """The objective is a loss: smaller is better, in its own unit; accuracies stay in points."""
    trial = build.trial(0, metric="val_loss", level=0.89)
    baseline = build.baseline(metric="val_loss", level=0.85)
    study = build.study([trial], baseline, metric="val_loss", direction="minimize")
    found = compare(study)
    change = baseline.metrics["val_loss"] - trial.metrics["val_loss"]
    assert change > 0
    assert f": {change:.4f} better" in found.verdict
    assert found.differences[0].metric == "val_loss"


def test_metrics_without_an_accuracy_are_not_judged(build: Any) -> None:
    """Seed noise is known for accuracies alone: another metric gets no judgement."""

    def only_loss(record: TrialRecord) -> TrialRecord:
        return dataclasses.replace(record, metrics={"val_loss": record.value or 0.0})

    trial = only_loss(build.trial(0, metric="val_loss"))
    baseline = only_loss(build.baseline(metric="val_loss"))
    study = build.study([trial], baseline, metric="val_loss", direction="minimize")
    verdict = compare(study).verdict
    assert verdict.endswith("how far seeds alone move this metric is not known here.")


def test_detectable_differences_follow_from_the_deviations() -> None:
    """The table holds what the power of a two-sample t-test gives for its deviations."""
    from scipy.stats import nct, t

    for seeds, differences in DETECTABLE.items():
        for sd, difference in zip(SEED_SD, differences, strict=True):
            freedom = 2 * seeds - 2
            shift = difference / sd * (seeds / 2) ** 0.5
            critical = t.ppf(0.975, freedom)
            power = 1 - nct.cdf(critical, freedom, shift) + nct.cdf(-critical, freedom, shift)
            assert power == pytest.approx(0.80, abs=0.012)


def test_seed_noise_is_the_95_percent_limit_of_a_difference() -> None:
    """Of pairs of runs that differ by seed alone, one in twenty differ by more."""
    import numpy as np

    runs = np.random.default_rng(0).normal(0, 0.3, (200_000, 2))
    share = np.mean(abs(runs[:, 0] - runs[:, 1]) > seed_noise(0.3))
    assert share == pytest.approx(0.05, abs=0.002)
