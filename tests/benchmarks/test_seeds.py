"""The recorded runs over seeds: two arms that differ in their schedule alone, seed by seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import seeds
from clr_sweep.results.statistics import paired


def test_the_arms_of_a_seed_differ_in_their_schedule_alone() -> None:
    one, other = seeds.configurations(3).values()
    assert one.schedule.policy == "constant"
    assert other.schedule.policy == "triangular2"
    assert one == other.model_copy(update={"schedule": one.schedule})
    assert seeds.configurations(4)["constant"].seed != one.seed


def test_the_recorded_runs_are_paired_and_whole() -> None:
    arms = seeds.read()
    assert list(arms) == ["constant", "triangular2"]
    lengths = {len(values) for metrics in arms.values() for values in metrics.values()}
    assert len(lengths) == 1
    assert min(lengths) >= 40
    for metrics in arms.values():
        for name in ("val_accuracy", "test_accuracy"):
            values = np.array(metrics[name], dtype=float)
            assert np.isfinite(values).mean() > 0.95
            # 500 examples each.
            assert np.allclose(values * 500, np.round(values * 500), atol=1e-3, equal_nan=True)


def test_the_summary_says_what_the_statistics_do() -> None:
    arms = seeds.empty()
    for metric in seeds.METRICS:
        arms["constant"][metric] += [0.5, 0.6, 0.7, None]
        arms["triangular2"][metric] += [0.6, 0.6, 0.9, 0.8]
    lines = list(seeds.summary(arms))
    assert "| constant, 4 seeds | 0.6000, sd 0.1000 |" in lines[2]
    assert "| difference | +0.1000, sd 0.1000 |" in lines[4]
    correlation = paired([0.6, 0.6, 0.9], [0.5, 0.6, 0.7]).correlation
    assert f"| correlation | {correlation:.2f} |" in lines[5]


def test_runs_of_another_definition_are_not_gone_on_with(tmp_path: Path) -> None:
    file = tmp_path / "seeds.json"
    seeds.write(seeds.empty(), file)
    kept = json.loads(file.read_text())
    kept["definition"]["training"]["epochs"] += 1
    file.write_text(json.dumps(kept))
    with pytest.raises(ValueError, match="another definition"):
        seeds.record(1, file)


@pytest.mark.heavy
def test_what_is_recorded_is_not_trained_again(tmp_path: Path) -> None:
    file = tmp_path / "seeds.json"
    seeds.record(1, file)
    first = seeds.read(file)
    assert seeds.count(first) == 1
    assert all(0 < (values[0] or 0) < 5 for one in first.values() for values in one.values())
    before = file.stat()
    seeds.record(1, file)
    assert file.stat() == before
