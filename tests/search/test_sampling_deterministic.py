"""Deterministic sweeps: the same trials, whatever the number of jobs and the order of the ends."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from optuna.trial import TrialState
from small_studies import FACTS, result, sampling, sweep, value_of

from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.sampling import Asked, stored
from clr_sweep.search.window import WINDOW


def seen_of(asked: Asked) -> list[tuple[Any, ...]]:
    """What the sampler and the pruner of a trial are shown."""
    assert asked.seen is not None
    return [
        (t.state, t.values, t.params, t.intermediate_values, t.user_attrs)
        for t in asked.seen.get_trials(deepcopy=False)
    ]


def swept(made: Sweep, jobs: int, choices: Sequence[int], total: int) -> dict[int, tuple[Any, ...]]:
    """A sweep in memory whose trials end in the order that the choices give.

    Returns:
        What was sampled and what was seen, by trial number.
    """
    study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
    driver = sampling(study, made, Path("trials"))
    flights: list[Asked] = []
    found: dict[int, tuple[Any, ...]] = {}
    for step in range(10 * total):
        while len(flights) < jobs and driver.may_ask():
            waiting = study.get_trials(states=(TrialState.WAITING,))
            if not waiting and len(study.trials) == total:
                break
            asked = driver.ask()
            flights.append(asked)
            number = asked.trial.number
            now = (asked.trial.params, asked.config, seen_of(asked))
            assert found.setdefault(number, now) == now  # a trial that begins again is the same
            assert len(now[2]) == number
            for state, values, _, reported, _ in now[2][max(0, number - WINDOW + 1) :]:
                assert (state, values, reported) == (TrialState.RUNNING, None, {})
            for state, *_ in now[2][: max(0, number - WINDOW + 1)]:
                assert state.is_finished()
        if not flights:
            break
        choice = choices[step % len(choices)]
        asked = flights.pop(choice % len(flights))
        trial = asked.trial
        trials.record_epoch(study, trial, 1, value_of(asked))
        if choice % 7 == 6 and step < total:
            trials.put_back(study, trial)
        elif trial.number % 5 == 3:
            trials.record_failure(study, trial, "it broke")
        elif trial.number % 5 == 4:
            trials.record_result(study, trial, result("pruned", None))
        else:
            trials.record_result(study, trial, result(value=value_of(asked)))
    assert [trial.state.is_finished() for trial in study.trials] == [True] * total
    return found


class Looking(optuna.pruners.BasePruner):
    """Prunes all, and keeps what it was shown: the trials, and the values of that in question."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, Any]] = []

    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        shown = [(t.state, dict(t.intermediate_values)) for t in study.get_trials()]
        self.seen.append((shown, dict(trial.intermediate_values)))
        return True


DETERMINISTIC = sweep({"study.deterministic": True, "study.seed": 3})
TOTAL = 20
one_after_another = functools.cache(lambda: swept(DETERMINISTIC, 1, [0], TOTAL))


@pytest.mark.heavy
@settings(max_examples=10, deadline=None)
@given(jobs=st.integers(1, WINDOW), choices=st.lists(st.integers(0, 99), min_size=1, max_size=60))
def test_the_order_of_the_ends_changes_nothing(jobs: int, choices: list[int]) -> None:
    """With any number of jobs and interruptions: the same trials, from the same knowledge."""
    assert swept(DETERMINISTIC, jobs, choices, TOTAL) == one_after_another()


def test_without_deterministic_the_order_counts() -> None:
    """The test above can fail: a sweep that knows all that has ended samples otherwise."""
    made = sweep({"study.seed": 3})
    study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
    study.pruner = looking = Looking()
    driver = sampling(study, made, Path("trials"))
    first, second = driver.ask(), driver.ask()
    assert second.seen is None
    assert driver.may_ask()
    trials.record_epoch(study, second.trial, 1, 0.5)
    assert driver.followed.is_to_be_pruned(stored(second.trial), second.seen)
    trials.record_epoch(study, first.trial, 1, 0.75)
    trials.record_result(study, first.trial, result())
    driver.followed.follow()
    trials.record_epoch(study, second.trial, 2, 0.625)
    assert driver.followed.is_to_be_pruned(stored(second.trial), second.seen)
    running, complete = (TrialState.RUNNING, {}), (TrialState.COMPLETE, {1: 0.75})
    assert looking.seen == [
        ([running, running], {1: 0.5}),
        ([complete, running], {1: 0.5, 2: 0.625}),
    ]


def test_a_trial_outside_the_window_is_waited_for(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """While the first trial runs, so many may be asked for and no more; others may end."""
    made = sweep({"study.deterministic": True})
    study = storage.open_study(opened, made, "", FACTS)
    driver = sampling(study, made, tmp_path)
    first = driver.ask()
    for _ in range(WINDOW - 1):
        assert driver.may_ask()
        trials.record_result(study, driver.ask().trial, result())
    assert not driver.may_ask()
    trials.put_back(study, first.trial)
    assert driver.may_ask()  # the first one again
    again = driver.ask()
    assert again.trial.number == 0
    assert not driver.may_ask()
    trials.record_result(study, again.trial, result())
    assert driver.may_ask()
    assert driver.ask().trial.number == WINDOW
