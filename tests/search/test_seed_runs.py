"""The trainings of a comparison with fresh seeds: which there are, and that each is there once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_trials import small_config
from written_sweeps import sweep

from clr_sweep.definition.fields import POLICIES
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search import attributes as keys
from clr_sweep.search.arms import BASELINE, MEAN_RATE, fixed_arms, search_sweep
from clr_sweep.search.configurations import range_test_config, trial_seed
from clr_sweep.search.reading import has_begun
from clr_sweep.search.sampling import Asked
from clr_sweep.search.seed_runs import (
    SeedRuns,
    comparison_of,
    final_runs,
    finalist_runs,
    mean_rate_config,
    open_comparison,
    seed_run_of,
)
from clr_sweep.training.comparison_records import Arm, ComparisonRecord, SeedRun

CLR = Arm("clr", "CLR", "s", 4, (3, 1), {"complete": 4}, 8.5, {"3": ("max_lr at an end",)})
RIVAL = Arm("rival", "constant", "s.constant", 4, (0,))
CONFIGS = {
    "s trial 3": small_config("triangular2"),
    "s trial 1": small_config("triangular"),
    "s.constant trial 0": small_config("constant", init_lr=0.1),
}


def record(number: int = 1, seeds: int = 3, finalist_seeds: int = 2) -> ComparisonRecord:
    arms = (CLR, RIVAL, *fixed_arms())
    return ComparisonRecord("s", number, finalist_seeds, seeds, 0.005, arms, ((0, 1), (0, 2)))


def finals(of: ComparisonRecord) -> dict[SeedRun, TrialConfig]:
    winners = ["s trial 3", "s.constant trial 0", BASELINE, MEAN_RATE]
    return final_runs(of, winners, CONFIGS, sweep(), 60000)


@pytest.fixture
def enqueue(study: optuna.Study, tmp_path: Path) -> Callable[[ComparisonRecord], None]:
    """Lets all trainings of a comparison wait, as its two stages do."""

    def do(of: ComparisonRecord) -> None:
        runs = SeedRuns(study, of.number, tmp_path / "trials", 42, {"python": "3"})
        runs.enqueue(finalist_runs(of, CONFIGS))
        runs.enqueue(finalist_runs(of, CONFIGS) | finals(of))

    return do


def seeds_of(study: optuna.Study) -> dict[SeedRun, int]:
    """The seed of each training that is there."""
    found = {}
    for trial in study.trials:
        run = seed_run_of(trial)
        assert run is not None
        found[run] = TrialConfig.from_json(trial.user_attrs[keys.CONFIG]).seed
    return found


# ---- which there are


def test_finalists_are_trained_where_there_is_a_choice() -> None:
    """Each candidate with each seed; an arm with one candidate, or a fixed one, has no choice."""
    runs = finalist_runs(record(), CONFIGS)
    assert {(run.stage, run.entry, run.seed) for run in runs} == {
        ("finalists", entry, seed) for entry in ("s trial 3", "s trial 1") for seed in (0, 1)
    }
    assert all(runs[run] == CONFIGS[run.entry] for run in runs)


def test_finals_train_every_winner_seed_by_seed() -> None:
    """So that after a stop all arms have as many seeds, or nearly."""
    runs = list(finals(record()))
    entries = ["s trial 3", "s.constant trial 0", BASELINE, MEAN_RATE]
    assert [run.seed for run in runs] == [0] * 4 + [1] * 4 + [2] * 4
    assert [run.entry for run in runs] == entries * 3


def test_a_search_that_found_nothing_has_no_finals() -> None:
    """The others have theirs; without CLR's winner its mean rate is not known either."""
    runs = final_runs(record(), [None, "s.constant trial 0", BASELINE, MEAN_RATE], CONFIGS,
                      sweep(), 60000)  # fmt: skip
    assert {run.entry for run in runs} == {"s.constant trial 0", BASELINE}
    runs = final_runs(record(), ["s trial 3", None, BASELINE, MEAN_RATE], CONFIGS, sweep(), 60000)
    assert {run.entry for run in runs} == {"s trial 3", BASELINE, MEAN_RATE}


def test_two_arms_with_one_winner_are_trained_once() -> None:
    """CLR's first trials may have found what all of them found."""
    first = dataclasses.replace(CLR, name="CLR, first 2 trials", trials=2)
    of = dataclasses.replace(record(), arms=(CLR, first, RIVAL))
    runs = final_runs(of, ["s trial 3", "s trial 3", "s.constant trial 0"], CONFIGS, sweep(), 60000)
    assert len(runs) == 2 * 3


def test_the_baseline_is_the_sweep_s() -> None:
    """At its rate, with the rest as in training."""
    made = next(config for run, config in finals(record()).items() if run.entry == BASELINE)
    assert (made.schedule.policy, made.schedule.init_lr) == ("constant", 0.01)


@given(
    policy=st.sampled_from(POLICIES),
    low=st.floats(1e-5, 1e-2),
    times=st.floats(1.5, 100),
    factor=st.sampled_from([0.5, 1, 2]),
    epochs=st.integers(2, 7),
    at=st.sampled_from(["cycle_end", "final"]),
)
def test_the_mean_rate(
    policy: str, low: float, times: float, factor: float, epochs: int, at: str
) -> None:
    """As many steps, and over them the same sum of rates; nothing else differs."""
    if 2 * factor > epochs:
        epochs = 4
    winner = small_config(
        policy, init_lr=low, max_lr=low * times, factor=factor, epochs=epochs, at=at,
        gamma=0.99 if policy.startswith("exp") else 1.0,
    )  # fmt: skip
    made = mean_rate_config(winner)
    assert made.steps == winner.steps
    steps = np.arange(winner.steps)
    rates = winner.schedule.learning_rate(steps)
    held = np.broadcast_to(made.schedule.learning_rate(steps), rates.shape)
    assert held.sum() == pytest.approx(rates.sum())
    assert np.ptp(held) == 0
    assert made.schedule.policy == "constant"
    same = {"schedule": winner.schedule}
    assert made.model_copy(update=same) == winner


# ---- their seeds


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_seeds_are_fresh(seed: int, tmp_path: Path) -> None:
    """No trial had them, nor the range test, nor another stage, comparison or search."""
    of = sweep({"study.seed": seed})
    study = optuna.create_study()
    taken: dict[int, str] = {}

    def take(number: int, whose: str) -> None:
        assert number not in taken, f"{whose} has the seed of {taken[number]}"
        taken[number] = whose

    for search in (1, 2, 3):
        one = search_sweep(of, search)
        for number in range(300):
            take(trial_seed(one.study.seed, number), f"trial {number} of search {search}")
        for number in range(10):
            config = range_test_config(one, number, 60000)
            take(config.seed, f"range test {number} of search {search}")
        if search > 1:
            take(one.study.seed, f"search {search}")
        for comparison in (1, 2, 3):
            made = SeedRuns(study, comparison, tmp_path, one.study.seed, {})
            for stage in ("finalists", "finals"):
                for index in range(30):
                    run = SeedRun(stage, "s trial 3", index)  # type: ignore[arg-type]
                    take(made._seed(run), f"{run.label}, comparison {comparison}")


def test_a_seed_is_the_same_for_all_arms(
    study: optuna.Study, enqueue: Callable[[ComparisonRecord], None]
) -> None:
    """In seed i of a stage all that are compared start alike; the split is that of the search."""
    enqueue(record())
    found = seeds_of(study)
    for stage, count in (("finalists", 2), ("finals", 3)):
        seeds = [
            {seed for run, seed in found.items() if (run.stage, run.seed) == (stage, index)}
            for index in range(count)
        ]
        assert [len(one) for one in seeds] == [1] * count
        assert len(set().union(*seeds)) == count


@given(order=st.permutations(["s trial 3", "s.constant trial 0"]), seeds=st.integers(2, 5))
def test_nothing_but_the_seed_is_changed(order: list[str], seeds: int) -> None:
    """A training with a fresh seed is the trial's own configuration."""
    study = optuna.create_study()
    of = record(seeds=seeds)
    runs = final_runs(of, order, CONFIGS, sweep(), 60000)
    SeedRuns(study, of.number, Path("here"), 42, {}).enqueue(runs)
    for trial in study.trials:
        run = seed_run_of(trial)
        assert run is not None
        config = TrialConfig.from_json(trial.user_attrs[keys.CONFIG])
        assert config.model_copy(update={"seed": 7}) == CONFIGS[run.entry]


# ---- that each is there once


def test_enqueued_twice_they_are_there_once(
    study: optuna.Study, enqueue: Callable[[ComparisonRecord], None]
) -> None:
    """The same command goes on: nothing is added, and each keeps its number and folder."""
    enqueue(record())
    before = [(trial.number, trial.params, trial.user_attrs) for trial in study.trials]
    assert len(before) == 4 + 12
    enqueue(record())
    assert [(trial.number, trial.params, trial.user_attrs) for trial in study.trials] == before
    folders = [trial.user_attrs[keys.FOLDER] for trial in study.trials]
    assert len(set(folders)) == 16
    assert all(Path(one).name == f"{number:04d}" for number, one in enumerate(folders))
    assert {trial.state for trial in study.trials} == {optuna.trial.TrialState.WAITING}
    assert not any(has_begun(trial) for trial in study.trials)


def test_they_wait_in_order(
    study: optuna.Study,
    enqueue: Callable[[ComparisonRecord], None],
    ask: Callable[[], Asked],
) -> None:
    """A driver that asks for trials gets them one by one, as they were enqueued."""
    enqueue(record())
    wanted = [seed_run_of(trial) for trial in study.trials[:3]]
    for run in wanted:
        asked = ask()
        assert asked.trial.user_attrs[keys.SEED_RUN] == dataclasses.asdict(run)  # type: ignore[call-overload]
        assert asked.config.seed == seeds_of(study)[run]  # type: ignore[index]


def test_how_a_comparison_is_made_is_stored_once(study: optuna.Study) -> None:
    """Read as it was; what a later start would have does not change it."""
    assert comparison_of(study) is None
    first = record()
    open_comparison(study, first)
    assert comparison_of(study) == first
    assert comparison_of(study) == first
    later = dataclasses.replace(first, seeds=99)
    open_comparison(study, later)
    assert comparison_of(study) == first


def test_other_trials_are_no_trainings_of_a_comparison(
    study: optuna.Study, ask: Callable[[], Asked]
) -> None:
    """Those of the search itself."""
    ask()
    assert seed_run_of(study.trials[0]) is None
