"""Trials whose parameters are given, not sampled: which one is next, and what is told of each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from optuna.trial import FrozenTrial

from clr_sweep.definition.given_values import as_sampled, sampled_dimensions
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import GIVEN

BY_RANGE_TEST = "the range test"
BY_HAND = "whoever enqueued it"


class StartingTrial(NamedTuple):
    """One of `study.start_with`.

    Attributes:
        parameters: by the names under which Optuna samples them.
        stored: what is kept with the trial, for `given_by`.
    """

    parameters: Mapping[str, Any]
    stored: Mapping[str, Any]


NONE = StartingTrial({}, {})


def next_starting(sweep: Sweep, before: Sequence[FrozenTrial]) -> StartingTrial:
    """What the next trial of a study is given; `NONE` where all of it is sampled.

    It follows from the trials that are stored, so that a driver that is killed repeats none and
    leaves none out.

    Args:
        before: all stored trials.
    """
    listed, place = sweep.study.start_with, _begun(before)
    if place >= len(listed):
        return NONE
    dimensions = sampled_dimensions(sweep.search_space.dimensions)
    parameters = {
        name: as_sampled(name, value, dimensions[name]) for name, value in listed[place].items()
    }
    source = f"study.start_with, {place + 1} of {len(listed)}"
    return StartingTrial(parameters, {"place": place, **told(source, parameters)})


def starting_trials_left(sweep: Sweep, trials: Sequence[FrozenTrial]) -> Iterator[str]:
    """What is said of the trials of `study.start_with` that have not begun, before one does."""
    listed, begun = len(sweep.study.start_with), _begun(trials)
    if begun < listed:
        there = f"{listed - begun} of {listed}" if begun else f"{listed}"
        yield f"study.start_with gives the parameters of the next trials: {there}"


def _begun(trials: Sequence[FrozenTrial]) -> int:
    """How many of `study.start_with` are among the stored trials."""
    return sum("place" in trial.user_attrs.get(GIVEN, {}) for trial in trials)


def told(source: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept with a trial whose parameters, or some of them, are given."""
    return {"text": f"by {source}: {', '.join(parameters)}"}


def given_by(attributes: Mapping[str, Any]) -> str:
    """Who gave a stored trial which of its parameters, in words; an empty text if nobody did."""
    return str(attributes.get(GIVEN, {}).get("text", ""))
