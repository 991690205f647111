"""The pruner that a sweep names."""

from __future__ import annotations

from typing import get_args

import optuna
import pytest
from written_sweeps import sweep

from clr_sweep.definition.fields import PrunerName
from clr_sweep.search.pruners import PRUNERS, make_pruner
from clr_sweep.search.pruners.forecast import ForecastPruner
from clr_sweep.search.pruners.halving import PhaseHalvingPruner
from clr_sweep.search.pruners.percentile import PhasePercentilePruner


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cycle_aware", ForecastPruner),
        ("phase_median", PhasePercentilePruner),
        ("phase_percentile", PhasePercentilePruner),
        ("phase_halving", PhaseHalvingPruner),
        ("median", optuna.pruners.MedianPruner),
        ("none", optuna.pruners.NopPruner),
    ],
)
def test_the_pruner_that_a_sweep_names(name: str, kind: type) -> None:
    """Each name in a sweep file stands for its pruner."""
    assert type(make_pruner(sweep({"study.pruner": name}))) is kind


def test_every_name_has_a_pruner() -> None:
    """What a sweep file may name, and what there is, are the same."""
    assert set(PRUNERS) == set(get_args(PrunerName))
