"""Which epochs end at troughs, and when troughs end a trial: arithmetic against the schedule's."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.schedules import cycles
from clr_sweep.training.troughs import stalled, trough_epochs


@pytest.mark.parametrize(
    ("step_size", "steps", "expected"),
    [
        (8, 64, (2, 4, 6, 8)),  # whole epochs
        (10, 80, (3, 5, 8, 10)),  # 20 and 60 lie amid an epoch: the later end
        (9, 72, (2, 5, 7, 9)),  # 18 is nearer to 16, 36 amid, 54 nearer to 56
        (10, 20, (3,)),  # the last epoch is cut short at the trough
        (10, 19, ()),  # no whole cycle
        (10, 22, (3,)),  # cut short past the trough at 20: 22 is nearer than 16
        (1, 24, (1, 2, 3)),  # many cycles in an epoch
        (0, 64, ()),  # no cycles
    ],
)
def test_the_epochs_of_troughs(step_size: int, steps: int, expected: tuple[int, ...]) -> None:
    """Of eight steps an epoch, the nearest end."""
    assert trough_epochs(step_size, steps, 8) == expected


@given(
    step_size=st.integers(1, 300), steps=st.integers(1, 2000), steps_per_epoch=st.integers(1, 200)
)
def test_no_other_epoch_ends_nearer_to_a_trough(
    step_size: int, steps: int, steps_per_epoch: int
) -> None:
    """Each trough has its epoch, no epoch is without a trough, and none ends nearer."""
    epochs = range(1, math.ceil(steps / steps_per_epoch) + 1)
    ends = {epoch: min(epoch * steps_per_epoch, steps) for epoch in epochs}
    found = trough_epochs(step_size, steps, steps_per_epoch)
    expected = []
    for trough in cycles.troughs(steps, step_size):
        distance = min(abs(end - trough) for end in ends.values())
        expected.append(max(e for e, end in ends.items() if abs(end - trough) == distance))
    assert found == tuple(sorted(set(expected)))


@given(factor=st.floats(0.05, 10), steps_per_epoch=st.integers(1, 500), epochs=st.integers(1, 40))
def test_a_trial_that_ends_at_a_trough_ends_at_a_trough(
    factor: float, steps_per_epoch: int, epochs: int
) -> None:
    """The last epoch of a planned trial is its last trough, however it is cut."""
    plan = plan_trial(factor, steps_per_epoch, epochs, "best")
    assume(plan.cycles)
    assert trough_epochs(plan.step_size, plan.steps, steps_per_epoch)[-1] == plan.epochs


@pytest.mark.parametrize(
    ("values", "patience", "min_delta", "expected"),
    [
        ([0.5], 1, 0.0, False),  # nothing before it
        ([0.5, 0.6], 1, 0.0, False),
        ([0.5, 0.5], 1, 0.0, True),  # as good is no improvement
        ([0.5, 0.6], 1, 0.2, True),
        ([0.5, 0.7], 1, 0.1, False),
        ([0.9, 0.5, 0.6], 1, 0.0, True),  # better than the last, not than the best before
        ([0.5, 0.4, 0.6], 2, 0.0, False),
        ([0.5, 0.4, 0.5], 2, 0.0, True),
        ([0.5, 0.4], 2, 0.0, False),
        ([-math.inf, -math.inf], 1, 0.0, True),
    ],
)
def test_when_a_trial_has_stalled(
    values: list[float], patience: int, min_delta: float, expected: bool
) -> None:
    """So many troughs that bring nothing over the best before."""
    assert stalled(values, patience, min_delta) is expected


_VALUES = st.lists(st.floats(-1, 1), max_size=12)


@given(values=_VALUES, patience=st.integers(1, 5), min_delta=st.floats(0, 0.5))
def test_more_patience_never_ends_a_trial_earlier(
    values: list[float], patience: int, min_delta: float
) -> None:
    """The first trough that ends a trial: not earlier with more patience, nor with less delta."""

    def ends(patience: int, min_delta: float) -> int:
        lengths = range(1, len(values) + 1)
        return next((n for n in lengths if stalled(values[:n], patience, min_delta)), 99)

    assert ends(patience, min_delta) <= ends(patience + 1, min_delta)
    assert ends(patience, min_delta) <= ends(patience, 0.0)


@given(values=st.lists(st.floats(-1, 1), min_size=1, max_size=12, unique=True))
def test_a_trial_that_gets_better_goes_on(values: list[float]) -> None:
    """Values that rise from trough to trough never end it."""
    assert not stalled(sorted(values), 1, 0.0)
