"""How far the comparisons of a study are: what was stopped in them is not said to be complete."""

from __future__ import annotations

import dataclasses

import pytest
from compared_arms import OURS, THEIRS, compared, study_of

from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.results.comparison_states import comparison_lines
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.reports import State

GOES_ON = "; `clr-sweep compare tiny`, with its options if it had any, goes on"
FINALS = {"CLR": OURS[:4].tolist(), "constant": THEIRS[:4].tolist()}
FINALISTS = {
    f"tiny{of} trial {number}": [0.8, 0.9] for of in ("", ".constant") for number in (0, 1)
}


def lines(*comparisons: StudyRecord, **more: object) -> list[str]:
    return list(comparison_lines(study_of(*comparisons, **more)))


def without_trials(study: StudyRecord, state: State) -> StudyRecord:
    """The study that was compared, before its comparison had a study of its own."""
    return dataclasses.replace(study_of(study), comparisons=(), state=state)


def test_a_comparison_that_has_ended() -> None:
    """There is nothing to go on with."""
    assert lines(compared(FINALS)) == ["comparison tiny.comparison: complete, 8 trainings"]


@pytest.mark.parametrize("state", ["interrupted", "failed"])
def test_a_comparison_that_was_stopped(state: State) -> None:
    """By state, how far it came, and what goes on with it."""
    stopped = compared(FINALS, state=state, planned=10)
    assert lines(stopped) == [f"comparison tiny.comparison: {state}, 8 of 10 trainings{GOES_ON}"]


def test_a_comparison_that_is_run_goes_on_by_itself() -> None:
    """A second driver would be refused."""
    told = lines(compared(FINALS, state="running", planned=10))
    assert told == ["comparison tiny.comparison: running, 8 of 10 trainings"]


def test_a_comparison_whose_time_was_up() -> None:
    """Its study is complete, as any is when `study.timeout` was reached; the comparison is not."""
    [told] = lines(compared(FINALS, planned=10, reason="stopped by study.timeout"))
    where = "interrupted, 8 of 10 trainings (stopped by study.timeout)"
    assert told == f"comparison tiny.comparison: {where}{GOES_ON}"


def test_finalists_alone_are_no_comparison() -> None:
    """Between them and the finals the study of the trainings is complete."""
    whole = compared(FINALS, finalists=FINALISTS)
    finalists = tuple(t for t in whole.trials if t.seed_run and t.seed_run.stage == "finalists")
    [told] = lines(dataclasses.replace(whole, trials=finalists, planned=len(finalists)))
    where = "8 trainings of finalists, the finals are to come"
    assert told == f"comparison tiny.comparison: {where}{GOES_ON}"


def test_a_sweep_that_was_stopped_in_the_search_of_a_rival() -> None:
    """No training with a fresh seed is there yet, and the study itself is complete."""
    done = compared(FINALS).trials[:1]
    study = dataclasses.replace(
        without_trials(compared(FINALS), "complete"), trials=done, compared_by=ComparisonConfig()
    )
    told = f"comparison: the searches of its rivals have not ended{GOES_ON}"
    assert list(comparison_lines(study)) == [told]
    # One that found nothing is not compared.
    assert list(comparison_lines(dataclasses.replace(study, trials=()))) == []


def test_a_comparison_that_is_still_to_come() -> None:
    """While the study itself is searched, or where that was stopped; none where none is wanted."""
    study = without_trials(compared(FINALS), "interrupted")
    assert list(comparison_lines(study)) == []
    study = dataclasses.replace(study, compared_by=ComparisonConfig())
    assert list(comparison_lines(study)) == ["comparison: comes after the search"]


def test_independent_searches_have_comparisons_of_their_own() -> None:
    """One of them may be what was stopped, or has not begun."""
    first = compared(FINALS)
    second = dataclasses.replace(first, name="tiny.search2.comparison", state="interrupted")
    asked = ComparisonConfig(searches=5)
    assert lines(first, searches=(first, second), compared_by=asked) == [
        "comparison tiny.comparison: complete, 8 trainings",
        f"comparison tiny.search2.comparison: interrupted, 8 of 8 trainings{GOES_ON}",
        "comparison: 2 of 5 independent searches of each arm so far",
    ]


def test_between_independent_searches() -> None:
    """The next one has no training with a fresh seed yet, so nothing else says what goes on."""
    told = lines(compared(FINALS), compared_by=ComparisonConfig(searches=2))
    assert told == [
        "comparison tiny.comparison: complete, 8 trainings",
        f"comparison: 1 of 2 independent searches of each arm so far{GOES_ON}",
    ]
