"""The benchmark of what grows with the slots: a real Ray cluster, driver and stores."""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib.image
import pytest
from own_process import python

from benchmarks.driver.study import ASK, TRIAL_RUNS
from benchmarks.scaling import figure
from benchmarks.scaling.kept import FILES, KEPT, SERVERS, by_slots, read


@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.parametrize("stores", [FILES, SERVERS])
def test_its_line_and_figure(tmp_path: Path, stores: str) -> None:
    """Two slots and two trainings: all epochs are answered, all parts counted."""
    file, drawn = tmp_path / "lines.jsonl", tmp_path / "scaling.png"
    python(
        "-m", "benchmarks.scaling", "--slots", 2, "--stores", stores, "--per-slot", 1,
        "--seconds", 0.1, "--json", file, "--figure", drawn,
        PYTHONPATH=str(Path(__file__).parents[2]),
    )  # fmt: skip
    (line,) = read(file)
    assert (line["slots"], line["trainings"], line["epochs"]) == (2, 2, 20)
    assert 0 < line["share"] <= 1
    assert line["answer_ms"]["median"] <= line["answer_ms"]["p95"]
    assert line["driver_cpu_ms"][ASK] > 0
    assert line["driver_cpu_ms"][TRIAL_RUNS] > 0
    assert all(seconds > 0 for seconds in line["cpu_s"].values())
    assert (line["counts"]["requests"] > 0) == (stores == SERVERS)
    assert ("PostgreSQL" in line["cpu_s"]) == (stores == SERVERS)
    assert sum(figure.shares(line).values()) == pytest.approx(
        1000 * sum(line["cpu_s"].values()) / 2, abs=1
    )
    assert matplotlib.image.imread(drawn).shape[0] > 300


def test_what_is_kept_is_of_all_slots() -> None:
    """On servers, as the page shows it; and no path of a machine."""
    assert list(by_slots(read(KEPT), SERVERS)) == [1, 4, 16, 64]
    assert "/" not in json.dumps(read(KEPT))
