"""Trials whose parameters are given, not sampled: which ones, and what is told of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial

from clr_sweep.definition.given_values import as_sampled, sampled_dimensions
from clr_sweep.definition.study_config import not_all_trained
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import GIVEN
from clr_sweep.search.warm_start import Settled, carried_trials, settled_lines

BY_RANGE_TEST = "the range test"
BY_HAND = "whoever enqueued it"


class StartingTrial(NamedTuple):
    """One that a study begins with.

    Attributes:
        parameters: by the names under which Optuna samples them.
        source: who gives them, in words.
    """

    parameters: Mapping[str, Any]
    source: str = ""

    def stored(self, place: int) -> dict[str, Any]:
        """What is kept with the trial, for `given_by`.

        Args:
            place: which of all that the study begins with it is.
        """
        return {"place": place, **told(self.source, self.parameters)}


def starting_trials(sweep: Sweep, begins_with: Settled | None) -> list[StartingTrial]:
    """The trials that a study begins with: those of `study.start_with`, then another study's best.

    Each point stands once.

    Args:
        sweep: with the ranges of its range test, if it has one.
        begins_with: what is kept with the study for `study.warm_start`.
    """
    listed = sweep.study.start_with
    dimensions = sampled_dimensions(sweep.search_space.dimensions)
    found = [
        StartingTrial(
            {name: as_sampled(name, value, dimensions[name]) for name, value in given.items()},
            f"study.start_with, {place} of {len(listed)}",
        )
        for place, given in enumerate(listed, start=1)
    ]
    for given, source in carried_trials(sweep, begins_with):
        if all(given != one.parameters for one in found):
            found.append(StartingTrial(given, source))
    return found


def begun(trials: Sequence[FrozenTrial]) -> int:
    """How many of those that a study begins with are among its stored trials.

    It follows from what is stored, so that a driver that is killed repeats none and leaves none
    out.
    """
    return sum("place" in trial.user_attrs.get(GIVEN, {}) for trial in trials)


def starting_trials_left(
    sweep: Sweep, begins_with: Settled | None, trials: Sequence[FrozenTrial]
) -> Iterator[str]:
    """What is said of those that have not begun, before one does.

    Args:
        sweep, begins_with: as for `starting_trials`.
        trials: all stored trials.
    """
    done, listed = begun(trials), len(sweep.study.start_with)
    count = len(starting_trials(sweep, begins_with))
    if done < listed:
        yield _left("start_with", done, listed)
        yield from not_all_trained("start_with", listed, sweep.study.trials)
    if done <= listed < count:
        yield from warm_start_lines(sweep, begins_with)
    elif listed < done < count:
        yield _left("warm_start", done - listed, count - listed)


def warm_start_lines(sweep: Sweep, begins_with: Settled | None) -> Iterator[str]:
    """What is said of another study's trials, before one of them begins.

    Args:
        sweep: as it is written, or with the ranges of its range test.
        begins_with: as for `starting_trials`.
    """
    yield from settled_lines(sweep, begins_with)
    if begins_with is None:
        return
    listed = len(sweep.study.start_with)
    if sweep.search_space.awaits_range_test:  # how many of them lie in its ranges is not known
        given, at_most = len(begins_with["trials"]), "at most "
    else:
        given, at_most = len(starting_trials(sweep, begins_with)) - listed, ""
    left = max(0, sweep.study.trials - listed)
    yield from not_all_trained("warm_start", given, left, at_most)


def _left(key: str, done: int, of: int) -> str:
    there = f"{of - done} of {of}" if done else f"{of}"
    return f"study.{key} gives the parameters of the next trials: {there}"


def told(source: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with a trial whose parameters, or some of them, are given."""
    return {"text": f"by {source}: {', '.join(parameters)}"}


def given_by(attributes: Mapping[str, Any]) -> str:
    """Who gave a stored trial which of its parameters, in words; an empty text if nobody did."""
    return str(attributes.get(GIVEN, {}).get("text", ""))
