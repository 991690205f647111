"""The table of docs/importances.md is what benchmarks/importances.py measures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import optuna
import pytest

from benchmarks import importances
from clr_sweep.search.importances import LEAST_TRIALS

DOCS = Path(__file__).parents[2] / "docs" / "importances.md"


def documented() -> dict[tuple[str, int], list[int]]:
    """The per cent of each method, by landscape and trials."""
    lines = DOCS.read_text(encoding="utf-8").splitlines()
    rows = lines[lines.index(next(importances.table())) + 2 :]
    found = {}
    for row in rows[: rows.index("")]:
        name, trials, *cells = (cell.strip() for cell in row.strip("|").split("|"))
        found[name, int(trials)] = [int(cell.removesuffix("%")) for cell in cells]
    return found


def test_the_documented_table_is_whole() -> None:
    """A row for each landscape and number of trials; MDI is right where it is shown."""
    table = documented()
    assert list(table) == [(name, n) for name in importances.LANDSCAPES for n in importances.TRIALS]
    shown = list(importances.METHODS).index("MDI")
    assert LEAST_TRIALS in importances.TRIALS
    for (name, trials), cells in table.items():
        assert trials < LEAST_TRIALS or cells[shown] >= 80, (name, trials)
        assert trials < LEAST_TRIALS or cells[shown] == max(cells), (name, trials)


@pytest.mark.parametrize("name", importances.LANDSCAPES)
def test_what_decides_does(name: str) -> None:
    """More of a landscape's spread lies along its first axis than along all others."""
    random = np.random.default_rng(0)
    at = random.uniform(size=(4000, 3))
    values = np.array([importances.LANDSCAPES[name](one, random) for one in at])
    explained = []
    for axis in range(3):
        slices = np.array_split(values[np.argsort(at[:, axis])], 40)
        explained.append(np.var([part.mean() for part in slices]))
    assert explained[0] > 2 * sum(explained[1:])


def test_a_row_of_the_table() -> None:
    """The same studies again, fewer of them: MDI is right in each, as the table says of all."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    found = importances.right(importances.cliff, LEAST_TRIALS, studies=3)
    assert found.keys() == importances.METHODS.keys()
    assert documented()["a cliff", LEAST_TRIALS][-1] == 100
    assert found["MDI"] == 1.0
