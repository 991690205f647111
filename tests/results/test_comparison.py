"""The verdict says what was seen and no more."""

from __future__ import annotations

import dataclasses
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from compared_trials import gain, measured

from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.results.comparison import compare, why_not_judged
from clr_sweep.results.report import trial_markdown
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord


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
    assert gain(found, "val_accuracy") == pytest.approx(validation)
    assert gain(found, "test_accuracy") == pytest.approx(test)
    loss = found.difference("val_loss")
    assert loss is not None
    assert loss.gain == baseline.metrics["val_loss"] - best.metrics["val_loss"]
    assert f"{100 * test:+.2f} points" in found.verdict
    assert f"{best.value:.4f}" in found.verdict


def test_the_verdict_says_what_was_seen_and_what_would_tell(build: Any) -> None:
    """Both values, the difference, that it is one run each, and the command; no other figure."""
    study = pair(build, (0.95, 0.89), (0.85, 0.847))
    assert compare(study).verdict == (
        "Trial 0 (triangular2, 0.0012 to 0.31) reached validation accuracy 0.9500, the baseline "
        "(constant 0.01) 0.8500: +10.00 points; on the test set 0.8900 against 0.8470: +4.30 "
        "points. One run each: how far another seed moves them is not known. With fresh seeds, and "
        f"against rivals tuned alike: clr-sweep compare {study.name}"
    )


@pytest.mark.parametrize("test", [0.5, 0.84, 0.846, 0.847, 0.86, 0.99])
def test_no_figure_that_was_not_measured_on_this_study(build: Any, test: float) -> None:
    """Every number of the verdict and the notes is of these two runs, their steps or counts."""
    study = pair(build, (0.9, test), (0.85, 0.847))
    found = compare(study)
    text = " ".join((found.verdict, *found.notes))
    known = {0, 0.0012, 0.31, 0.01, 0.9, 0.85, 0.847, test, 5.0, round(100 * (test - 0.847), 2)}
    numbers = {float(n) for n in re.findall(r"[-+]?\d+(?:\.\d+)?", text.replace("triangular2", ""))}
    assert numbers <= known
    assert "noise" not in text


@pytest.mark.parametrize(
    ("examples", "ours", "theirs", "says"),
    [
        (119, 107, 102, "the binomial error of 119 test examples alone explains (up to 8.3 points"),
        (119, 102, 107, "the binomial error of 119 test examples alone explains (up to 8.3 points"),
        (119, 107, 60, None),
        (10_000, 8_900, 8_880, "of 10,000 test examples alone explains (up to 0.87 points"),
        (10_000, 8_900, 8_500, None),
        (119, 107, 107, None),  # nothing to explain
        (None, 107, 102, None),
    ],
)
def test_a_small_test_set_explains_a_small_difference(
    build: Any, examples: int | None, ours: int, theirs: int, says: str | None
) -> None:
    """By the binomial error of the two shares, whoever is ahead; beyond it nothing is said."""
    of = examples or 119
    study = pair(build, (0.9, ours / of), (0.85, theirs / of))
    verdict = compare(dataclasses.replace(study, test_examples=examples)).verdict
    assert ("binomial" in verdict) == (says is not None)
    assert says is None or says in verdict
    assert ("0.8992 against 0.8992: the same." in verdict) == (ours == theirs)


def test_the_binomial_limit_holds_in_95_of_100_draws(build: Any) -> None:
    """Two models of one true accuracy, on test sets drawn anew: rarely is more said of them."""
    rng = np.random.default_rng(5)
    draws = rng.binomial(119, 0.85, (400, 2))
    said = 0
    trial, baseline = build.trial(0), build.baseline()
    for ours, theirs in draws[draws[:, 0] != draws[:, 1]]:
        study = build.study(
            [with_accuracy(trial, 0.9, ours / 119)],
            with_accuracy(baseline, 0.85, theirs / 119),
            test_examples=119,
        )
        said += "binomial" in compare(study).verdict
    different = int((draws[:, 0] != draws[:, 1]).sum())
    assert 0.90 < said / different < 0.98


def test_no_binomial_error_of_what_is_no_share_of_the_examples(build: Any) -> None:
    """An accuracy over several labels an example is no count of examples; an AUC is none."""
    study = pair(build, (0.9, 0.9035), (0.85, 0.8712))
    assert "binomial" not in compare(dataclasses.replace(study, test_examples=119)).verdict
    trial, baseline = (
        measured(build, number, "val_auc", "maximize", metrics=["auc"], val_auc=a, test_auc=a)
        for number, a in ((0, 107 / 119), (None, 102 / 119))
    )
    study = build.study([trial], baseline, metric="val_auc", test_examples=119)
    assert "binomial" not in compare(study).verdict
    assert "validation AUC 0.8992, the baseline" in compare(study).verdict
    assert "points" not in compare(study).verdict


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
    assert found.difference("test_accuracy") is None
    assert gain(found, "val_accuracy") == pytest.approx(0.002)
    assert "0.8510: +0.20 points. One run each" in found.verdict
    assert "test set" not in found.verdict
    assert "not evaluated yet" in found.notes[0]


def test_notes_name_the_winners_curse_and_the_untuned_baseline(big_study: StudyRecord) -> None:
    """What the reader has to know: selection, tuning, budget and seeds."""
    notes = "\n".join(compare(big_study).notes)
    assert f"the best of {big_study.count('complete')} complete trials" in notes
    assert "winner's curse" in notes
    assert "constant rate (0.01) that was not tuned" in notes
    assert "the best trial took 11,816 steps (14 epochs), the baseline 13,504 (16 epochs)" in notes


def test_equal_training_needs_no_note(build: Any) -> None:
    """The same steps and the same training: nothing about either."""
    notes = "\n".join(compare(pair(build, (0.9, 0.9), (0.85, 0.85))).notes)
    assert "Unequal" not in notes
    assert "Besides the schedule" not in notes


def test_further_differences_of_the_configurations_are_named(build: Any) -> None:
    """A searched batch size or optimizer argument confounds the schedule: it is said."""
    config = build.config(batch_size=32, optimizer={"name": "sgd", "arguments": {"momentum": 0.9}})
    baseline = dataclasses.replace(build.baseline(), defaults={"momentum": 0.0})
    study = build.study([build.trial(0, config=config)], baseline)
    notes = "\n".join(compare(study).notes)
    assert "batch_size 32 (baseline 64), momentum 0.9 (baseline 0.0)" in notes


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
    assert found.difference("test_accuracy") is None
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
    assert found.differences[0].metric.name == "val_loss"


def test_validation_on_the_test_set_judges_nothing(build: Any) -> None:
    """It is said at once after what was seen, in the notes too, and no measure is called fair."""

    def on_test(record: TrialRecord) -> TrialRecord:
        dataset = record.config.dataset.model_copy(update={"validation": "test"})
        return dataclasses.replace(
            record, config=record.config.model_copy(update={"dataset": dataset}), test_metrics={}
        )

    trials = [on_test(build.trial(number)) for number in (0, 1)]
    complete = compare(build.study(trials, on_test(build.baseline())))
    unfinished = compare(build.study(trials, on_test(build.baseline(state="running", stop=2))))
    for found in (complete, unfinished, compare(build.study(trials, None))):
        seen, said, rest = found.verdict.partition(ON_TEST_SET)
        assert seen.endswith(". ")
        assert said
        assert rest == "" or rest.startswith(" One run each")
        assert "fair" not in " ".join([found.verdict, *found.notes])
        assert ON_TEST_SET in found.notes[0]
    assert ON_TEST_SET in trial_markdown(trials[0])
    held_out = build.study([build.trial(0)], build.baseline())
    assert ON_TEST_SET not in compare(held_out).verdict


def test_a_test_value_that_is_no_number(build: Any, tmp_path: Path) -> None:
    """The verdict says that nothing came of it, and no note that it is to come."""
    best = dataclasses.replace(build.trial(0), folder=tmp_path)
    study = build.study([best, build.trial(1)], build.baseline())
    assert "no finite" not in compare(study).verdict
    TrialFolder(tmp_path).save_test({"test_loss": math.nan})
    found = compare(study)
    assert "; of trial 0 there is no finite test accuracy." in found.verdict
    assert "not evaluated yet" not in " ".join(found.notes)
    tested = dataclasses.replace(build.baseline(), test_metrics={"test_accuracy": 0.5})
    told = compare(build.study([best, build.trial(1)], tested)).verdict
    assert "; of trial 0 there is no finite test accuracy. " in told  # the other has one


def test_the_search_of_a_rival_is_not_said_to_be_tested_later(build: Any) -> None:
    """What it found is, in the finals."""
    study = build.study([build.trial(0), build.trial(1)], build.baseline())
    assert "test set (not evaluated yet)" in " ".join(compare(study).notes)
    told = " ".join(compare(dataclasses.replace(study, is_tested=False)).notes)
    assert "not evaluated yet" not in told
    assert "the finals of the comparison" in told


def by_function(record: TrialRecord, evaluate: str | None, **tested: float) -> TrialRecord:
    """The same, trained by a function of the user's."""
    own = {"function": "own:train", "evaluate": evaluate}
    training = record.config.training.model_copy(update=own)
    config = record.config.model_copy(update={"training": training})
    return dataclasses.replace(record, config=config, test_metrics=tested)


@pytest.mark.parametrize(
    ("evaluate", "tested", "said"),
    [
        (None, {}, "it needs training.evaluate, with a test set."),
        ("own:test", {"test_loss": 0.4},
         "own:test gives no finite accuracy, only loss: the objective is val_accuracy, "),
        ("own:test", {"test_accuracy": 0.9}, "tuned alike: clr-sweep compare fashion-mnist"),
    ],
)  # fmt: skip
def test_no_comparison_is_recommended_that_cannot_be_made(
    build: Any, evaluate: str | None, tested: dict[str, float], said: str
) -> None:
    """What it would need stands in its place."""
    runs = [by_function(one, evaluate, **tested) for one in (build.trial(0), build.baseline())]
    found = compare(build.study(runs[:1], runs[1]))
    assert said in found.verdict
    assert ("clr-sweep compare" in found.verdict) == ("test_accuracy" in tested)
    lacks = "; of trial 0 and baseline there is no finite test accuracy, only test loss. "
    assert (lacks in found.verdict) == ("test_loss" in tested)


def test_none_is_recommended_by_what_is_no_number(build: Any, tmp_path: Path) -> None:
    """A function that gave nothing but a NaN has been asked: more trainings would tell no more."""
    best = dataclasses.replace(by_function(build.trial(0), "own:test"), folder=tmp_path)
    study = build.study([best], by_function(build.baseline(), "own:test"))
    assert "clr-sweep compare" in compare(study).verdict
    TrialFolder(tmp_path).save_test({"test_accuracy": math.nan})
    lack = "own:test gives no finite accuracy, nor any other metric: the objective is"
    assert lack in compare(study).verdict
    assert lack in why_not_judged(study)
    assert "clr-sweep compare" not in compare(study).verdict
