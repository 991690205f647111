"""The benchmark of precision: the trials that it compares, and its measures of agreement."""

from __future__ import annotations

from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from benchmarks.precision import (
    BFLOAT16,
    FLOAT32,
    OTHER_SEED,
    definition,
    draw,
    kendall,
    sampled,
    spearman,
    summary,
    variations,
    with_interval,
)

VALUES = {
    FLOAT32: np.array([0.5, 0.6, 0.7, 0.8]),
    BFLOAT16: np.array([0.51, 0.61, 0.82, 0.81]),
    OTHER_SEED: np.array([0.8, 0.7, 0.6, 0.5]),
}


def test_the_trials() -> None:
    """The same at each call, and each differs from float32's in what its name says alone."""
    sweep = definition(4, 54_000)
    first, *others = sampled(sweep, 3)
    assert [first, *others] == list(sampled(sweep, 3))
    assert len({config.schedule for config in (first, *others)}) == 3
    assert first.steps == 4 * 844
    found = dict(variations(first))
    assert found[FLOAT32] == first
    assert found[BFLOAT16].training.precision == "mixed_bfloat16"
    assert found[BFLOAT16].model_copy(update={"training": first.training}) == first
    assert found[OTHER_SEED].seed != first.seed
    assert found[OTHER_SEED].model_copy(update={"seed": first.seed}) == first


def test_agreement() -> None:
    """Of the same order 1, of the reverse -1; a pair that has changed places counts once."""
    one = VALUES[FLOAT32]
    assert kendall(one, one) == spearman(one, one) == pytest.approx(1)
    assert kendall(one, VALUES[OTHER_SEED]) == spearman(one, VALUES[OTHER_SEED]) == -1
    assert kendall(one, VALUES[BFLOAT16]) == pytest.approx(4 / 6)
    assert np.isnan(spearman(one, np.ones(4)))
    tau, low, high = with_interval(kendall, one, VALUES[BFLOAT16])
    assert low <= tau <= high


@pytest.mark.heavy
def test_the_summary() -> None:
    """Both agreements, the best trials with their rank in float32, and what it costs."""
    seconds = {FLOAT32: 100.0, BFLOAT16: 85.0, OTHER_SEED: 101.0}
    lines = list(summary(VALUES, seconds))
    assert any(line.startswith("| mixed_bfloat16 | 0.67 (") for line in lines)
    assert any(line.startswith("| float32, another seed | -1.00 (") for line in lines)
    assert (
        "best in mixed_bfloat16: trial 2 with 0.8200 (in float32: rank 2 with 0.7000); 85 CPU s"
    ) in lines
    assert lines[-1] == "CPU seconds, mixed_bfloat16 / float32: 0.85"


def test_the_figure(tmp_path: Path) -> None:
    """It is drawn from the values."""
    draw(VALUES, tmp_path / "precision.png")
    assert matplotlib.image.imread(tmp_path / "precision.png").std() > 0
