"""A trial's configuration, as it is stored and as an exported file gives it."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from clr_sweep.definition.trial_config import ScheduleConfig


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"init_lr": 0.5}, "init_lr must be below max_lr, got 0.5 and 0.5"),
        ({"step_size": 0}, "step_size must be at least 1 step, got 0"),
        ({"policy": "constant"}, "init_lr and max_lr of the constant policy must be equal"),
        ({"gamma": 0}, "greater than 0"),
        ({"gamma": 1.5}, "less than or equal to 1"),
        ({"init_lr": -0.1}, "greater than or equal to 0"),
        ({"policy": "sine"}, "Input should be 'triangular'"),
        ({"policy": "cosine"}, "decay_steps must be at least 1 step, got 0"),
        (
            {"policy": "one_cycle", "decay_steps": 10},
            "init_lr must be where the policy one_cycle ends, 2e-06 for this max_lr, got 0.1",
        ),
    ],
)
def test_a_schedule_that_is_none(changes: dict[str, Any], message: str) -> None:
    """A trial's schedule that cannot be drawn is refused, from an exported file too."""
    right = {
        "policy": "triangular",
        "init_lr": 0.1,
        "max_lr": 0.5,
        "step_size_factor": 2,
        "step_size": 10,
    }
    assert ScheduleConfig.model_validate(right).gamma == 1.0
    with pytest.raises(ValidationError, match=message):
        ScheduleConfig.model_validate(right | changes)
