"""The study in memory that samplers and pruners look at, however the stored one grew."""

from __future__ import annotations

from typing import Any

import optuna
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import FloatDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.search.attributes import PHASES, RESULT
from clr_sweep.search.known_trials import KnownTrials

SPACE = {"x": FloatDistribution(0, 1)}
STATES = st.sampled_from([TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL])


def stored(number: int, state: TrialState, x: float = 0.5) -> FrozenTrial:
    """A trial of the stored study."""
    ended = state in (TrialState.COMPLETE, TrialState.PRUNED)
    made = optuna.trial.create_trial(
        state=state,
        values=[x] if ended else None,
        params={"x": x},
        distributions=SPACE,
        user_attrs={PHASES: [[number]], RESULT: {"much": "else"}},
        intermediate_values={1: x / 2, 2: x} if ended else {},
    )
    made.number = number
    return made


def seen(known: KnownTrials) -> list[tuple[Any, ...]]:
    """What a sampler or a pruner sees."""
    return [
        (trial.state, trial.params, trial.values, trial.intermediate_values, trial.user_attrs)
        for trial in known.study.get_trials(deepcopy=False)
        if trial.state != TrialState.FAIL
    ]


@given(st.lists(st.tuples(STATES, st.integers(0, 6)), min_size=1, max_size=8), st.booleans())
def test_followed_step_by_step_or_at_once(
    ends: list[tuple[TrialState, int]], only_earlier: bool
) -> None:
    """A driver that goes on knows what one that has just started knows, in whatever order."""
    step_by_step = KnownTrials(StudyDirection.MAXIMIZE)
    order = sorted(range(len(ends)), key=lambda number: ends[number][1])
    trials = [stored(n, TrialState.RUNNING, n / 10) for n in range(len(ends))]
    known = len(ends) // 2 if only_earlier else len(ends)
    step_by_step.follow(trials, known)
    for number in order:
        trials[number] = stored(number, ends[number][0], number / 10)
        step_by_step.follow(trials, known)

    at_once = KnownTrials(StudyDirection.MAXIMIZE)
    at_once.follow(trials, known)
    assert seen(step_by_step) == seen(at_once)
    assert step_by_step.count == at_once.count == len(ends)


def test_a_trial_that_runs_shows_its_parameters_alone() -> None:
    """So do those that may not be known yet."""
    known = KnownTrials(StudyDirection.MAXIMIZE)
    known.follow([stored(0, TrialState.COMPLETE), stored(1, TrialState.COMPLETE)], known=1)
    first, second = seen(known)
    assert first == (
        TrialState.COMPLETE, {"x": 0.5}, [0.5], {1: 0.25, 2: 0.5}, {PHASES: [[0]]},
    )  # fmt: skip
    assert second == (TrialState.RUNNING, {"x": 0.5}, None, {}, {})
    known.follow([stored(0, TrialState.COMPLETE), stored(1, TrialState.COMPLETE)], known=2)
    assert seen(known)[1][0] == TrialState.COMPLETE


def test_a_draft_is_nothing_until_it_is_taken() -> None:
    """A dropped one is never seen; a taken one stands for the next stored trial."""
    known = KnownTrials(StudyDirection.MAXIMIZE)
    known.follow([stored(0, TrialState.COMPLETE, 0.25)], known=1)
    sampler = optuna.samplers.RandomSampler(seed=1)
    dropped = known.draft(sampler)
    dropped.suggest_float("x", 0, 1)
    known.drop(dropped)
    assert len(seen(known)) == 1
    taken = known.draft(sampler)
    x = taken.suggest_float("x", 0, 1)
    assert not known.is_tried(taken)
    known.take(taken)
    assert known.is_tried(taken)
    assert known.count == 2
    trials = [stored(0, TrialState.COMPLETE, 0.25), stored(1, TrialState.PRUNED, x)]
    known.follow(trials, known=2)
    assert seen(known)[1][:2] == (TrialState.PRUNED, {"x": x})
    assert known.count == 2


def test_a_point_is_tried_wherever_it_came_from() -> None:
    """Stored before, by another start."""
    known = KnownTrials(StudyDirection.MAXIMIZE)
    known.follow([stored(0, TrialState.FAIL, 0.75)], known=0)
    random = optuna.samplers.RandomSampler(seed=0)
    draft = known.draft(optuna.samplers.PartialFixedSampler({"x": 0.75}, random))
    draft.suggest_float("x", 0, 1)
    assert known.is_tried(draft)
