"""What a comparison's arms gained over the baseline, and when they had reached it."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from compared_arms import compared
from small_trials import small_config

from clr_sweep.results.arms import ArmResult, arm_results
from clr_sweep.results.comparison_tables import gain_sentence
from clr_sweep.results.gains import Reached, gain, reached
from clr_sweep.schedules.cycles import troughs
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.reports import EpochReport

FINALS = {"CLR": [0.9, 0.88], "constant": [0.85, 0.87], BASELINE: [0.7, 0.72]}


def gained(finals: dict[str, Any], **more: Any) -> Any:
    study = compared(finals, **more)
    return gain(study, arm_results(study))


def test_size_and_shape() -> None:
    """Their sum is the whole gain over the baseline."""
    found = gained(FINALS)
    assert (found.baseline, found.constant, found.clr) == pytest.approx((0.71, 0.86, 0.89))
    assert found.size == pytest.approx(0.15)
    assert found.shape == pytest.approx(0.03)


def test_of_a_loss_less_is_a_gain() -> None:
    """Both parts turn."""
    found = gained(FINALS, metric="val_loss", direction="minimize")
    assert found.size == pytest.approx(-0.15)
    assert found.shape == pytest.approx(-0.03)


def with_config(study: StudyRecord, entry: str, **changes: Any) -> StudyRecord:
    """The finals of an entry with another configuration."""
    return dataclasses.replace(study, trials=tuple(
        dataclasses.replace(trial, config=trial.config.model_copy(update=changes))
        if trial.seed_run and trial.seed_run.entry == entry
        else trial
        for trial in study.trials
    ))  # fmt: skip


def test_of_a_baseline_with_a_shape_nothing_is_told() -> None:
    """What it has by its shape would count as the rate's size."""
    schedule = small_config("cosine").schedule
    study = with_config(compared(FINALS), BASELINE, schedule=schedule)
    assert gain(study, arm_results(study)) is None


def test_further_hyperparameters_are_told() -> None:
    """They are in both parts."""
    training = small_config("constant").training.model_copy(update={"batch_size": 17})
    study = with_config(compared(FINALS), "tiny.constant trial 0", training=training)
    said = gain_sentence(study)
    assert "They differ in further hyperparameters too" in said
    assert "hyperparameters" not in gain_sentence(compared(FINALS))


def test_defaults_that_are_not_known_may_be_further_hyperparameters() -> None:
    """Where both rivals were given what the baseline's function may have by itself."""
    model = small_config("constant").model.model_copy(update={"arguments": {"units": 32}})
    study = with_config(compared(FINALS), "tiny.constant trial 0", model=model)
    assert "They may differ in further hyperparameters too" in gain_sentence(study)
    baseline = tuple(
        dataclasses.replace(trial, defaults={"model.units": 32}) for trial in study.trials
    )
    said = gain_sentence(dataclasses.replace(study, trials=baseline))
    assert "hyperparameters" not in said


def test_the_shape_is_that_of_an_equal_search() -> None:
    """CLR's first trials, where the constant rate had as many."""
    first = "CLR, first 3 trials"
    arms = {first: {"trials": 3, "candidates": (2,)}, "constant": {"trials": 3}}
    found = gained({"CLR": [0.95, 0.95], first: [0.87, 0.87]} | FINALS, arms=arms)
    assert (found.name, found.clr) == (first, pytest.approx(0.87))


@pytest.mark.parametrize("missing", ["constant", BASELINE])
def test_without_an_arm_nothing_is_told(missing: str) -> None:
    """Size and shape are told apart by three arms."""
    assert gained({name: values for name, values in FINALS.items() if name != missing}) is None


@pytest.mark.parametrize("outcome", ["diverged", "failed", None])
@pytest.mark.parametrize("arm", list(FINALS))
def test_with_a_seed_lost_nothing_is_told(arm: str, outcome: str | None) -> None:
    """Means over different seeds are no parts of one gain."""
    assert gained(FINALS | {arm: [FINALS[arm][0], outcome]}) is None


# ---- when the baseline's end was reached


def with_epochs(
    build: Any, study: StudyRecord, values: dict[str, list[float]], **schedules: dict[str, Any]
) -> StudyRecord:
    """The finals with these values of the metric, epoch by epoch; 2 CPU seconds each."""
    trials = []
    for trial in study.trials:
        assert trial.seed_run is not None
        arm = {"tiny trial 0": "CLR", "tiny.constant trial 0": "constant"}.get(
            trial.seed_run.entry, "baseline"
        )
        own = values[arm]
        config = build.config(epochs=len(own), **schedules.get(arm, {"policy": "constant"}))
        per_epoch = 844
        reports = tuple(
            EpochReport(epoch, min(epoch * per_epoch, config.steps), {study.metric: value}, 2, 2)
            for epoch, value in enumerate(own, 1)
        )
        trials.append(
            dataclasses.replace(trial, config=config, reports=reports, value=own[-1])
        )  # fmt: skip
    return dataclasses.replace(study, trials=tuple(trials))


def places(study: StudyRecord) -> tuple[Reached, ...]:
    arms = arm_results(study)
    baseline: ArmResult = arms[-1]
    return tuple(reached(study, arm, baseline) for arm in arms[:-1])


def test_cycles_are_asked_at_troughs_alone(build: Any) -> None:
    """A value between troughs is that of a high rate, or of a lucky epoch: it does not count."""
    study = with_epochs(
        build, compared(FINALS),
        {
            "CLR": [0.9, 0.4, 0.9, 0.6, 0.9, 0.9, 0.9, 0.8],
            "constant": [0.1, 0.2, 0.75, 0.6, 0.9, 0.9, 0.9, 0.9],
            "baseline": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.65, 0.7],
        },
        CLR={"policy": "triangular2", "factor": 2},
    )  # fmt: skip
    assert troughs(8 * 844, 2 * 844) == [4 * 844, 8 * 844]
    clr, constant = places(study)
    assert clr == Reached(2, 2, 8.0, 16.0)
    assert constant == Reached(2, 2, 3.0, 6.0)


def test_of_a_loss_it_is_reached_from_above(build: Any) -> None:
    """The first epoch that is as low."""
    study = compared(FINALS, metric="val_loss", direction="minimize")
    values = {"CLR": [0.9, 0.7], "constant": [0.5, 0.9], "baseline": [0.8, 0.7]}
    study = with_epochs(build, study, values, CLR={"policy": "triangular", "factor": 1})
    clr, constant = places(study)
    assert (clr.epochs, constant.epochs) == (2.0, 1.0)


def test_what_never_reaches_it(build: Any) -> None:
    """It is counted among those that were trained."""
    values = {"CLR": [0.1, 0.2], "constant": [0.1, 0.9], "baseline": [0.8, 0.7]}
    study = with_epochs(
        build, compared(FINALS), values, CLR={"policy": "triangular", "factor": 1}
    )  # fmt: skip
    clr, _ = places(study)
    assert clr == Reached(0, 2, None, None)


def test_without_a_baseline_s_value_there_is_nothing_to_reach() -> None:
    """Where it diverged, that seed is left out."""
    study = compared(FINALS | {BASELINE: ["diverged", "failed"]})
    assert places(study) == (Reached(0, 0, None, None),) * 2
