"""What a trial's own first steps tell of its cost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.training.inspection import INSPECTED, inspection, stretches
from clr_sweep.training.requests import CHUNK, ModelIdentity


@given(st.integers(1, 5000), st.booleans())
def test_every_step_is_taken_once(steps: int, inspected: bool) -> None:
    """In order, and never more in one call than between two looks at the losses."""
    found = list(stretches(steps, inspected))
    assert [step for first, last in found for step in range(first, last)] == list(range(steps))
    assert all(0 < last - first <= CHUNK for first, last in found)


def test_the_second_stretch_is_the_one_that_is_timed() -> None:
    """After a single step, in which TensorFlow prepares the graph."""
    assert list(stretches(500, True)) == [(0, 1), (1, 41), (41, 241), (241, 441), (441, 500)]
    assert INSPECTED == 40
    assert list(stretches(500, False)) == [(0, 200), (200, 400), (400, 500)]
    assert list(stretches(1, True)) == [(0, 1)]
    assert list(stretches(20, True)) == [(0, 1), (1, 20)]


def test_what_is_found() -> None:
    """Of the model that it is told of; an example goes forwards alone, a third of a step's cost."""
    model = ModelIdentity(parameters=18_762, digest="0")
    found = inspection(model, 32, fixed_seconds=1.5, seconds_per_step=0.0096)
    assert found.model == model
    assert (found.fixed_seconds, found.seconds_per_step) == (1.5, 0.0096)
    assert found.seconds_per_example == pytest.approx(0.0001)
