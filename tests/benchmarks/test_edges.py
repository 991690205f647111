"""The table of docs/range-test.md is what benchmarks/edges.py measures."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

from benchmarks import edges

DOCS = Path(__file__).parents[2] / "docs" / "range-test.md"


def test_the_edge_of_the_landscape_is_known() -> None:
    """Without noise the loss shrinks at every rate below 1, and grows without end above."""
    for momentum in edges.MOMENTA:
        # The ramp is so short that the loss is still a number at the edge, and not 0.
        rates, curves = edges.losses(momentum, 0.0, 100, 1)
        (loss,) = curves
        assert loss[(rates > 0.5) & (rates < 1)].max() < loss[0], momentum
        assert (np.diff(loss[rates > 1.5]) > 0).all(), momentum


@pytest.mark.heavy
def test_the_documented_table() -> None:
    """Every row, to three points: a seed may fall the other way on another processor."""
    text = DOCS.read_text(encoding="utf-8")
    for line in edges.table():
        name = line[: [found.end() for found in re.finditer(r"\|", line)][2]]
        (documented,) = [row for row in text.splitlines() if row.startswith(name)][:1] or [""]
        shown, measured = (
            np.array([float(part) for part in re.findall(r"(\d+)%", row)])
            for row in (documented, line)
        )
        assert shown.shape == measured.shape, name
        assert np.abs(shown - measured).max(initial=0.0) <= 3, (documented, line)
