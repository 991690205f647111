"""How a range test is asked for: of how many seeds its bounds have to come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import FROM_RANGE_TEST, problems, written

from clr_sweep.definition.loading import load_sweep
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.search import storage


@pytest.mark.parametrize(("seeds", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_more_than_half_of_the_seeds(seeds: int, needed: int) -> None:
    """Unless it is said otherwise."""
    assert RangeTestConfig(seeds=seeds).needed == needed
    assert RangeTestConfig(seeds=seeds, min_seeds=1).needed == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4, "range_test.min_seeds: must be at most seeds, which is 3, got 4"),
        (0, "range_test.min_seeds: must be at least 1, got 0"),
        ("all", "range_test.min_seeds: must be a whole number, got 'all'"),
    ],
)
def test_what_it_cannot_be(tmp_path: Path, value: Any, text: str) -> None:
    """Said with its place, its value and what is allowed."""
    file = written(tmp_path, {**FROM_RANGE_TEST, "range_test": {"min_seeds": value}})
    assert problems(file) == [text]


def test_a_study_that_was_refused_takes_fewer_seeds(tmp_path: Path) -> None:
    """It says whether bounds are used, not which: no other study; another rule is one."""
    before = load_sweep(written(tmp_path, FROM_RANGE_TEST))
    stored = storage._definition(before)
    for changes, differs in (({"min_seeds": 1}, []), ({"rule": "quarter"}, ["range_test.rule"])):
        now = load_sweep(written(tmp_path, {**FROM_RANGE_TEST, "range_test": changes}))
        found = list(storage._changes(stored, storage._definition(now)))
        assert [text.split(":")[0] for text in found] == differs
