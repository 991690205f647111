"""The tables of docs/comparison.md are what benchmarks/comparisons.py finds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks import comparisons

DOCS = Path(__file__).parents[2] / "docs" / "comparison.md"
DRAWS = 300


def documented(line: str) -> list[float]:
    """The numbers of the page's row that begins as this line does."""
    name = line.split(" | ")[0]
    (row,) = [row for row in DOCS.read_text(encoding="utf-8").splitlines() if name + " |" in row]
    return numbers(row)


def numbers(row: str) -> list[float]:
    """Those of a row's cells, but for the first."""
    return [float(cell.rstrip("% ")) for cell in row.strip("| ").split(" | ")[1:]]


def test_the_documented_winners() -> None:
    """To the last digit but one: what a winner is overrated by, and what it misses."""
    _, _, *lines = comparisons.winner_table(draws=5_000)
    assert len(lines) == 2
    for line in lines:
        assert numbers(line) == pytest.approx(documented(line), abs=0.03), line


def test_the_documented_answers() -> None:
    """Every row, within four standard errors of so few draws, which see a wrong test."""
    _, _, *lines = comparisons.answer_table(DRAWS)
    assert len(lines) == 10
    for line in lines:
        for shown, found in zip(documented(line), numbers(line), strict=True):
            part = min(max(shown / 100, 0.01), 0.99)
            error = 100 * float(np.sqrt(part * (1 - part) / DRAWS))
            assert abs(shown - found) <= 4 * error, line


def alarms(apart: float) -> Iterator[float]:
    rng = np.random.default_rng(1)
    for alike in (0.0, 0.9):
        arms = comparisons.two_arms(rng, 5, DRAWS, apart, alike)
        yield comparisons.share(arms, comparisons.differs)


def test_draws_are_what_they_are_called() -> None:
    """Arms that are alike over the seeds are told apart more easily, equal ones are not."""
    unlike, alike = alarms(0.5)
    assert unlike < 0.6 < 0.9 < alike
    assert max(alarms(0.0)) < 0.1


def test_a_search_is_no_better_than_its_best_trial() -> None:
    """Nobody is ahead of the truly best one; fresh seeds are seldom worse than single runs."""
    single, fresh = (
        comparisons.search(np.random.default_rng(2), 2_000, finalists) for finalists in (1, 3)
    )
    assert min(single.behind.min(), fresh.behind.min()) == 0
    assert fresh.quality.mean() > single.quality.mean()
    assert fresh.behind.mean() < single.behind.mean()
