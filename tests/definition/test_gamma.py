"""The gamma of the exp_ranges, and the steps of a trial."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from written_sweeps import content

from clr_sweep.definition.gamma import fitting_gamma, gamma_warnings
from clr_sweep.definition.sweep import Sweep
from clr_sweep.schedules.policies import learning_rate


def warnings(per_epoch: int, **space: Any) -> list[str]:
    """Of trials of at most 16 epochs of so many steps."""
    changes = {f"search_space.{key}": value for key, value in space.items()}
    return gamma_warnings(Sweep.model_validate(content(changes)), per_epoch)


@pytest.mark.parametrize("steps", [1, 16, 96, 256, 544, 13_504, 10**6])
def test_what_fits_ends_near_a_third(steps: int) -> None:
    """With two digits of what it takes away, as a person would write it."""
    assert 0.3 < fitting_gamma(steps) ** steps < 0.37


def test_the_gammas_of_the_shipped_sweeps_would_be_found() -> None:
    """544 steps of the digits, 256 of a small table."""
    assert (fitting_gamma(544), fitting_gamma(256)) == (0.998, 0.9957)


def test_a_gamma_that_hardly_decays() -> None:
    """The default over 256 steps: its rates are those of triangular, by the part that is said."""
    assert warnings(16, policy=["triangular", "exp_range"], gamma=0.99994) == [
        "warning: exp_range with gamma 0.99994 is all but triangular: 0.99994^256 is 0.985 at the "
        "end of the longest trial; search_space.gamma 0.9957 would end at a third"
    ]
    assert warnings(16, policy=["triangular", "exp_range"], gamma=0.9957) == []
    given: dict[str, Any] = {"init_lr": 1e-4, "max_lr": 1.0, "step_size": 32}
    steps = np.arange(256)
    plain = learning_rate(steps, policy="triangular", **given)
    decayed = learning_rate(steps, policy="exp_range", gamma=0.99994, **given)
    assert np.max(1 - decayed / plain) < 1 - 0.99994**256


@pytest.mark.parametrize(
    ("per_epoch", "space"),
    [
        (844, {"policy": "exp_range", "gamma": 0.99994}),
        (16, {"policy": ["triangular", "triangular2"]}),
        # Some of a range, or of a list, does decay: 1 is allowed in it.
        (16, {"policy": "exp_range", "gamma": {"low": 0.99, "high": 1.0}}),
        (16, {"policy": "exp_range", "gamma": [0.99, 1.0]}),
    ],
)
def test_nothing_is_said_where_a_gamma_fits(per_epoch: int, space: dict[str, Any]) -> None:
    """Over many steps, without an exp_range, and where a smaller one is searched too."""
    assert warnings(per_epoch, **space) == []


def test_both_exp_ranges_and_a_range() -> None:
    """The smallest gamma is judged; one that cannot decay at all is said too."""
    found = warnings(
        16, policy=["exp_range", "exp_range_bounds"], gamma={"low": 0.9999, "high": 1.0}
    )
    assert found[0].startswith("warning: exp_range and exp_range_bounds with gamma 0.9999 are all")
    assert "1^256 is 1 at the end" in warnings(16, policy="exp_range", gamma=1.0)[0]
