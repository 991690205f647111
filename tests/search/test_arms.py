"""The arms of a comparison: how rivals are searched, and what of a search goes on."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from real_runs import PROJECT
from small_trials import small_config
from written_sweeps import sweep

from clr_sweep.common.errors import InputError
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.fields import POLICIES, Policy
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import arms
from clr_sweep.search.configurations import trial_seed
from clr_sweep.training.comparison_records import Arm
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import State

SHIPPED = [load_sweep(file) for file in sorted((PROJECT / "sweeps").glob("*.yaml"))]
CONSTANT: tuple[Policy, ...] = ("constant",)


def difference(one: Any, other: Any, place: str = "") -> dict[str, tuple[Any, Any]]:
    """What differs between two records, by dotted key."""
    if not isinstance(one, dict) or not isinstance(other, dict):
        return {} if one == other else {place: (one, other)}
    found = {}
    for key in one.keys() | other.keys():
        inner = f"{place}.{key}" if place else key
        found |= difference(one.get(key), other.get(key), inner)
    return found


def changed(one: Sweep, other: Sweep) -> dict[str, tuple[Any, Any]]:
    return difference(one.model_dump(mode="json"), other.model_dump(mode="json"))


def trial(
    number: int, value: float | None = 0.5, state: State = "complete", **params: object
) -> TrialRecord:
    """An ended trial that took 2 CPU seconds."""
    return TrialRecord(
        "trial", number, state, None, small_config(), Path(str(number)), value=value,
        params=params, cpu_seconds=2.0,
    )  # fmt: skip


def study(trials: list[TrialRecord], direction: str = "maximize") -> StudyRecord:
    return StudyRecord("s", "val_accuracy", direction, tuple(trials), None, planned=len(trials))


def rival(trials: list[TrialRecord], searched: Sweep | None = None, **settings: Any) -> Arm:
    config = ComparisonConfig(rivals=CONSTANT, **settings)
    return arms.rival_arm(study(trials), searched or sweep(), config, "constant", len(trials))


# ---- the sweeps


@given(
    of=st.sampled_from(SHIPPED), policy=st.sampled_from(POLICIES), trials=st.integers(1, 50),
)  # fmt: skip
def test_a_rival_is_searched_as_the_study_was(of: Sweep, policy: Policy, trials: int) -> None:
    """All is equal but the policy, the name, and how many trials it has."""
    made = arms.rival_sweep(of, policy, trials)
    allowed = {"study.name", "study.trials", "search_space.policy", "comparison"}
    assert set(changed(of, made)) <= allowed
    assert made.search_space.policy == policy
    assert (made.study_name, made.study.trials) == (f"{of.study_name}.{policy}", trials)
    assert made.comparison is None
    assert Sweep.from_json(made.model_dump(mode="json")) == made


@given(of=st.sampled_from(SHIPPED), search=st.integers(2, 100))
def test_a_search_done_again_has_seeds_of_its_own(of: Sweep, search: int) -> None:
    """All is equal but the name and the seed, from which split, sampler and trials have theirs."""
    made = arms.search_sweep(of, search)
    assert set(changed(of, made)) - {"comparison"} == {"study.name", "study.seed"}
    assert made.study_name == f"{of.study_name}.search{search}"


def test_the_first_search_is_the_study_itself() -> None:
    """With its comparison, if it has one."""
    made = sweep({"comparison": {"seeds": 5}})
    assert arms.search_sweep(made, 1) is made


@pytest.mark.parametrize("seed", [0, 1, 42, 2**32 - 1])
def test_no_search_has_the_seed_of_a_trial(seed: int) -> None:
    """A hundred searches, all different, and none seeded as one of a thousand trials was."""
    of = sweep({"study.seed": seed})
    found = {arms.search_sweep(of, search).study.seed for search in range(1, 101)}
    assert len(found) == 100
    assert not found & {trial_seed(seed, number) for number in range(1000)}


def test_trainings_with_fresh_seeds_are_not_pruned() -> None:
    """All of them come to their end; otherwise they are trained as the trials were."""
    of = sweep({"study.deterministic": True, "study.pruner": "median"})
    made = arms.seeds_sweep(of, 1, 60)
    assert set(changed(of, made)) == {
        "study.name", "study.trials", "study.pruner", "study.deterministic",
    }  # fmt: skip
    assert (made.study_name, made.study.trials) == ("example.comparison", 60)
    assert made.study.pruner == "none"
    assert arms.seeds_sweep(of, 2, 60).study_name == "example.comparison2"


def test_what_a_study_was_given_is_its_own_and_its_rule_is_that_of_all() -> None:
    """A rival has the same sampler, pruner and rule, and no starting trials; seeds have neither."""
    of = sweep(
        {
            "study.start_with": [{"max_lr": 0.1}],
            "study.warm_start": {"study": "before"},
            "study.stop_when": {"no_better_in": 3},
            "study.sampler": {"class": "TPESampler"},
            "study.pruner": {"class": "MedianPruner"},
        }
    )
    rival = arms.rival_sweep(of, "cosine", of.study.trials)
    own = {"name": "example.cosine", "start_with": (), "warm_start": None}
    assert rival.study == of.study.model_copy(update=own)
    again = arms.search_sweep(of, 2).study
    assert (again.start_with, again.warm_start) == (of.study.start_with, of.study.warm_start)
    seeds = arms.seeds_sweep(of, 1, 60).study
    assert (seeds.start_with, seeds.warm_start) == ((), None)
    assert (seeds.stop_when, seeds.pruner) == (None, "none")


def test_a_name_that_gets_too_long_is_refused() -> None:
    """Before anything is trained; the message says which name, and the way out."""
    settings = ComparisonConfig(rivals=CONSTANT)
    fits = sweep({"study.name": "n" * 89})  # and .comparison
    arms.refuse_long_names(fits, settings)
    for name, given_settings in (
        ("n" * 90, settings),
        ("n" * 89, settings.model_copy(update={"searches": 2})),
        ("n" * 84, ComparisonConfig(rivals=("exp_range_bounds",))),
    ):
        with pytest.raises(InputError, match=r"more than 100 characters: give .* --study"):
            arms.refuse_long_names(sweep({"study.name": name}), given_settings)


# ---- the arms


@given(values=st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=1, max_size=8))
def test_the_best_trials_go_on(values: list[float]) -> None:
    """The best first, of equals the earlier one, in both directions."""
    trials = [trial(number, value) for number, value in enumerate(values)]
    best = sorted(range(len(values)), key=lambda number: (-values[number], number))[:3]
    assert rival(trials).candidates == tuple(best)
    config = ComparisonConfig(rivals=CONSTANT)
    least = sorted(range(len(values)), key=lambda number: (values[number], number))[:3]
    found = arms.rival_arm(study(trials, "minimize"), sweep(), config, "constant", len(values))
    assert found.candidates == tuple(least)


def test_what_is_not_complete_is_counted_and_paid_for() -> None:
    """It is no candidate."""
    trials = [
        trial(0, None, "diverged"), trial(1, 0.4), trial(2, 0.9, "pruned"), trial(3, 0.6),
        trial(4, None, "failed"),
    ]  # fmt: skip
    arm = rival(trials)
    assert (arm.kind, arm.name, arm.source, arm.trials) == ("rival", "constant", "s", 5)
    assert arm.candidates == (3, 1)
    assert arm.counts == {"complete": 2, "pruned": 1, "diverged": 1, "failed": 1}
    assert arm.cpu_seconds == 10
    assert arm.entries == ("s trial 3", "s trial 1")


def test_a_search_that_found_nothing() -> None:
    """An arm with nothing to train."""
    assert rival([trial(0, None, "failed")]).entries == ()


def test_one_finalist_is_the_best_trial() -> None:
    """No choice among several."""
    assert rival([trial(0, 0.1), trial(1, 0.3)], finalists=1).candidates == (1,)


def test_the_study_s_first_trials_stand_against_a_shorter_search() -> None:
    """Once for each number of trials that a rival has, the most first; they cost less."""
    trials = [trial(number, value) for number, value in enumerate([0.1, 0.3, 0.2, 0.9])]
    settings = ComparisonConfig(
        rivals=("constant", "linear", "cosine"), trials={"linear": 2, "cosine": 3}, finalists=1
    )
    whole, three, two = arms.clr_arms(study(trials), sweep(), settings)
    assert [arm.kind for arm in (whole, three, two)] == ["clr"] * 3
    assert [arm.name for arm in (whole, three, two)] == [
        "CLR", "CLR, first 3 trials", "CLR, first 2 trials",
    ]  # fmt: skip
    assert [arm.candidates for arm in (whole, three, two)] == [(3,), (1,), (1,)]
    assert [arm.cpu_seconds for arm in (whole, three, two)] == [8, 6, 4]
    assert [arm.trials for arm in (whole, three, two)] == [4, 3, 2]
    [alone] = arms.clr_arms(study(trials), sweep(), ComparisonConfig())
    assert alone == dataclasses.replace(whole, candidates=(3, 1, 2))


def test_trials_are_counted_by_their_numbers() -> None:
    """Where several were trained at once, the first are those with the lowest numbers."""
    trials = [trial(2, 0.9), trial(0, 0.1), trial(1, 0.2)]
    settings = ComparisonConfig(rivals=CONSTANT, trials=2)
    _, first = arms.clr_arms(study(trials), sweep(), settings)
    assert first.candidates == (1, 0)


def test_no_more_trials_of_a_rival_count_than_are_asked_for() -> None:
    """Its search may have had more, by an earlier comparison."""
    trials = [trial(number, value) for number, value in enumerate([0.1, 0.3, 0.2, 0.9])]
    fewer = ComparisonConfig(rivals=CONSTANT, trials=3, finalists=1)
    arm = arms.rival_arm(study(trials), sweep(), fewer, "constant", 4)
    assert (arm.trials, arm.candidates, arm.cpu_seconds) == (3, (1,), 6)
    config = ComparisonConfig(rivals=CONSTANT, finalists=1)
    assert arms.rival_arm(study(trials), sweep(), config, "constant", 2).candidates == (1,)


def test_what_is_held_against_what() -> None:
    """Each rival and each fixed arm against all of CLR, and a shorter search against as much."""
    made = (
        Arm("clr", "CLR", trials=4), Arm("clr", "CLR, first 2 trials", trials=2),
        Arm("rival", "constant", trials=4), Arm("rival", "cosine", trials=2), *arms.fixed_arms(),
    )  # fmt: skip
    assert list(arms.held_against(made)) == [(0, 2), (0, 3), (1, 3), (0, 4), (0, 5)]


def test_fixed_arms_are_trained_under_their_own_names() -> None:
    """Nobody searched for them."""
    assert [arm.entries for arm in arms.fixed_arms()] == [(arms.BASELINE,), (arms.MEAN_RATE,)]


# ---- the edges of the ranges


@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize(
    ("place", "said"),
    [
        (0.0, "max_lr at the lower end of its range"),
        (0.049, "max_lr at the lower end of its range"),
        (0.051, ""),
        (0.5, ""),
        (0.949, ""),
        (0.951, "max_lr at the upper end of its range"),
        (1.0, "max_lr at the upper end of its range"),
    ],
)
def test_a_rate_at_the_edge_of_its_range(place: float, said: str, log: bool) -> None:
    """Within a twentieth of the range, on the scale that it was sampled on."""
    low, high = 0.01, 1.0
    value = low * (high / low) ** place if log else low + place * (high - low)
    searched = sweep({"search_space.max_lr": {"low": low, "high": high, "log": log}})
    arm = rival([trial(0, max_lr=value)], searched)
    assert arm.edges == ({"0": (said,)} if said else {})


def test_both_rates_may_lie_at_an_edge() -> None:
    """Each by its own range; a ratio or a fixed rate has none."""
    at_both = trial(0, max_lr=1.0, init_lr=1e-4)
    assert rival([at_both]).edges == {
        "0": ("max_lr at the upper end of its range", "init_lr at the lower end of its range")
    }
    fixed = sweep({"search_space.max_lr": 1.0, "search_space.init_lr": 1e-4})
    assert rival([at_both], fixed).edges == {}
    by_ratio = sweep({"search_space.init_lr": {"ratio": {"low": 2, "high": 10}}})
    assert rival([trial(0, max_lr=0.1, init_lr_ratio=2.0)], by_ratio).edges == {}


def test_only_of_candidates_edges_are_told() -> None:
    """Whatever else was tried."""
    trials = [trial(0, 0.9, max_lr=0.1), trial(1, 0.1, max_lr=1.0)]
    assert rival(trials, finalists=1).edges == {}
