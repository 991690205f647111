"""The landscape that samplers search."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.recorded.curves import read
from benchmarks.samplers.__main__ import search
from benchmarks.samplers.landscape import FAILED_BELOW, landscape, left_out_error


def test_it_is_near_the_trials_that_it_was_made_from() -> None:
    """And near those that it has not seen: the error left out is a point at most."""
    trials = read()
    ground = landscape(trials)
    whole = [t for t in trials if t.value is not None and t.value >= FAILED_BELOW]
    off = [abs(ground.accuracy(t.params) - (t.value or 0)) for t in whole]
    assert np.median(off) < 0.005
    assert left_out_error(trials) < 0.01
    assert 0 < ground.noise < 0.1
    better = ground.accuracy(whole[0].params, noise=-1.0)
    assert better > ground.accuracy(whole[0].params) > ground.accuracy(whole[0].params, noise=1.0)


@pytest.mark.parametrize("name", ["tpe", "random", "qmc"])
def test_a_search_only_gets_better(name: str) -> None:
    """In what it saw; the same seed finds the same, another seed something else."""
    first = search(name, 0)
    assert len(first) == 50
    assert first == search(name, 0)
    assert first != search(name, 1)
    assert first[-1] > first[0] - 0.01
    assert 0.8 < first[-1] < 0.95
