"""What comes before the first trial: data, sizes, a look at the model, and what it will cost."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from real_runs import definition
from small_trials import SLICE, small_config

from clr_sweep.common.durations import duration
from clr_sweep.common.errors import DataError, InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.sweep import DatasetConfig, Sweep
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.study.preparation import (
    announce_cost,
    check_sizes,
    estimate,
    inspect,
    plan_warnings,
    prepare_data,
)
from clr_sweep.study.progress import Display
from clr_sweep.training.requests import DataFacts, Inspection, ModelIdentity

FACTS = DataFacts("a", "a.npz", "digest", 2000, 500, (28, 28), "uint8")


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine with a cache of its own."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))
    with local_engine(1) as made:
        yield made


def sweep(**sections: Any) -> Sweep:
    """A sweep on the slice."""
    content = definition()
    for key, value in sections.items():
        content[key] = {**content[key], **value} if isinstance(content.get(key), dict) else value
    return Sweep.model_validate(content)


# ---- data and model


def test_data_and_model(engine: LocalEngine, tmp_path: Path) -> None:
    """The facts of a file and a look at a model, each from a process of its own."""
    stop = StopRequest()
    facts = prepare_data(engine, DatasetConfig(name=str(SLICE)), (), tmp_path, stop)
    assert (facts.train, facts.test, facts.input_shape) == (2000, 500, (28, 28))
    config = small_config(model="tutorial_cnn")
    found = inspect(engine, config, facts, (), tmp_path, stop)
    assert found.model is not None
    assert found.model.parameters == 18_762
    assert engine.running == ()

    absent = config.model_copy(update={"model": config.model.model_copy(update={"name": "no:f"})})
    with pytest.raises(InputError, match="there is no module 'no'"):
        inspect(engine, absent, facts, (), tmp_path, stop)
    with pytest.raises(DataError, match=r"gone\.npz"):
        prepare_data(engine, DatasetConfig(name="gone.npz"), (), tmp_path, stop)


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"dataset": {"validation": 2000}}, r"dataset\.validation: must .* 2000 .*got 2000"),
        ({"dataset": {"validation": 0.0001}}, r"dataset\.validation: must .* 2000 .*got 0\.0001"),
        ({"training": {"batch_size": 1601}}, r"training\.batch_size: must .* 1600 .*got 1601"),
    ],
)
def test_sizes_that_the_data_cannot_give(sections: dict[str, Any], problem: str) -> None:
    """Refused with the file, the place and what is allowed."""
    with pytest.raises(InputError, match=rf"^a\.yaml: {problem}"):
        check_sizes(sweep(**sections), FACTS, "a.yaml")


def test_sizes_that_fit() -> None:
    """The largest batch and the smallest validation part that are possible."""
    check_sizes(sweep(training={"batch_size": 1600}), FACTS, "a.yaml")
    check_sizes(sweep(dataset={"validation": 1}), FACTS, "a.yaml")


def test_what_is_warned_of_at_the_beginning_of_a_run() -> None:
    """What `check` warns of."""
    final = sweep(objective={"at": "final"}, search_space={"step_size_factor": [1, 2]})
    comparable, hardly = plan_warnings(final, FACTS)
    assert "are not comparable" in comparable
    # 1600 images in batches of 64, two epochs.
    assert hardly.startswith("warning: exp_range with gamma 0.99994 is all but triangular: ")
    assert "0.99994^50 is 0.997 at the end of the longest trial" in hardly
    assert plan_warnings(sweep(search_space={"gamma": 0.98}), FACTS) == []


# ---- costs


MODEL = ModelIdentity(parameters=1, digest="0")
FOUND = Inspection(MODEL, seconds_per_step=0.5, seconds_per_example=0.001, fixed_seconds=3)
EPOCH = 25 * 0.5 + 400 * 0.001  # seconds: its steps, and its validation


def test_the_cost_of_a_sweep() -> None:
    """Steps and validation of every epoch, for each trial's own epochs; an upper bound.

    1600 images in batches of 64 are 25 steps; 400 are held out. An epoch costs 12.5 + 0.4 s.
    Within 8 epochs, cycles of 2 epochs take all 8, of 6 epochs 6 and of 4 epochs 8.
    """
    space = {"step_size_factor": {"low": 1, "high": 3}}
    made = sweep(training={"epochs": 8}, search_space=space)
    cost = estimate(made, FOUND, FACTS, trials=10, slots=2)
    assert cost.trial_seconds == pytest.approx(3 + EPOCH * (8 + 8 + 6) / 3)
    assert cost.baseline_seconds == pytest.approx(3 + EPOCH * 8)
    assert cost.cpu_seconds == pytest.approx(10 * cost.trial_seconds + cost.baseline_seconds)
    assert cost.wall_seconds == pytest.approx(cost.cpu_seconds / 2)


@pytest.mark.parametrize(
    ("factor", "epochs_of_trials"),
    [
        # Below one epoch: the middle of two factors is no whole number, least of all 0.
        ({"low": 0.25, "high": 0.5}, (8, 8, 8)),
        ({"low": 0.5, "high": 2.5}, (8, 6, 5)),
        # Of a list, factors that stand in it.
        ([3, 1, 0.5], (8, 8, 6)),
        ([0.5, 4], (8, 8, 8)),
        (0.25, (8, 8, 8)),
    ],
)
def test_the_cost_of_factors_that_are_no_whole_numbers(
    factor: Any, epochs_of_trials: tuple[int, ...]
) -> None:
    """The smallest, a middle and the largest factor, each with the epochs of its cycles."""
    made = sweep(training={"epochs": 8}, search_space={"step_size_factor": factor})
    cost = estimate(made, FOUND, FACTS, trials=1, slots=1)
    assert cost.trial_seconds == pytest.approx(3 + EPOCH * sum(epochs_of_trials) / 3)


def test_the_cost_with_a_last_batch_that_is_smaller() -> None:
    """The examples of validation are counted as they are, whatever the batches leave over."""
    training, space = {"batch_size": 1900, "epochs": 2}, {"step_size_factor": 1}
    made = sweep(dataset={"validation": 30}, training=training, search_space=space)
    cost = estimate(made, FOUND, FACTS, trials=1, slots=1)
    assert cost.trial_seconds == pytest.approx(3 + 2 * (2 * 0.5 + 30 * 0.001))


def test_the_estimate_knows_the_range_test() -> None:
    """All its seeds, with their evaluations; nothing once the ranges are known."""
    found = Inspection(MODEL, seconds_per_step=0.01, seconds_per_example=1e-4, fixed_seconds=2.0)
    space = {"from": "range_test", "init_lr": None, "max_lr": None}
    tested = sweep(search_space=space, range_test={"seeds": 3, "epochs": 4})
    cost = estimate(tested, found, FACTS, 2, 1)
    # 25 steps an epoch, 40 evaluations of 400 examples.
    assert cost.range_test_seconds == pytest.approx(3 * (2.0 + 4 * 25 * 0.01 + 40 * 400 * 1e-4))
    without = estimate(sweep(), found, FACTS, 2, 1)
    assert without.range_test_seconds == 0
    trials = cost.trial_seconds * 2 + cost.baseline_seconds
    assert cost.cpu_seconds == pytest.approx(trials + cost.range_test_seconds)


def test_a_comparison_is_announced_before_the_search(
    engine: LocalEngine, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is most of what a sweep with one does: how much is to be trained, and its cost at most."""
    made, study = sweep(study={"trials": 2}), optuna.create_study()
    plan = ComparisonConfig(rivals=("constant",), finalists=1, seeds=2)
    with Display(2) as display:
        announce_cost(made, study, FACTS, engine, display, None, FOUND)
        assert "comparison" not in capsys.readouterr().err
        announce_cost(made, study, FACTS, engine, display, plan, FOUND)
    # Two trials of the rival; four arms, each with two seeds.
    at_most = duration(10 * estimate(made, FOUND, FACTS, trials=2, slots=1).baseline_seconds)
    assert (
        "then a comparison: 2 trials of searches and at most 8 trainings with fresh seeds, at most "
        f"{at_most} of "
    ) in " ".join(capsys.readouterr().err.split())
