"""The benchmark of the driver's own cost: real driver, real stores, instantaneous trials."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import matplotlib.image
import optuna
import pytest
from own_process import python
from sqlalchemy import MetaData, create_engine

from benchmarks.driver import figure
from benchmarks.driver.floor import floor
from benchmarks.driver.parts import Parts
from benchmarks.driver.stores import stores
from benchmarks.driver.study import ASK, TRIAL_RUNS, run_study
from clr_sweep.tracking.store import connect


@pytest.mark.heavy
def test_its_trials_are_those_of_a_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All are told to the study and to MLflow: ten epochs each, in runs that have ended."""
    monkeypatch.chdir(tmp_path)
    seen: list[int] = []
    parts = run_study(tmp_path, 6, "random", "none", 1, lambda ended, _: seen.append(ended))
    assert seen == list(range(1, 8))  # and the baseline
    assert parts.cpu[ASK] > 0
    assert parts.cpu[TRIAL_RUNS] > 0
    study = optuna.load_study(study_name="driver", storage=f"sqlite:///{tmp_path / 'optuna.db'}")
    assert [len(trial.intermediate_values) for trial in study.trials] == [10] * 6
    client = connect(f"sqlite:///{tmp_path / 'mlflow.db'}")
    runs = client.search_runs([e.experiment_id for e in client.search_experiments()])
    ended = [run for run in runs if run.data.tags["clr_sweep.kind"] == "trial"]
    assert {run.info.status for run in ended} == {"FINISHED"}
    for run in ended:
        history = client.get_metric_history(run.info.run_id, "val_accuracy")
        assert len(history) == 10
        assert "figures" in {item.path for item in client.list_artifacts(run.info.run_id)}


@pytest.mark.heavy
def test_its_lines_and_figure(tmp_path: Path) -> None:
    """As its command writes them."""
    file, drawn = tmp_path / "lines.jsonl", tmp_path / "growth.png"
    python(
        "-m", "benchmarks.driver", "--trials", 8, "--every", 4, "--json", file, "--figure", drawn,
        PYTHONPATH=str(Path(__file__).parents[2]),
    )  # fmt: skip
    *lines, last = map(json.loads, file.read_text().splitlines())
    assert [line["ended"] for line in lines] == [4, 8]
    assert last["all"] == 8
    assert last["trials_per_second"] > 0
    assert matplotlib.image.imread(drawn).shape[0] > 300


# Optuna and MLflow leave their connections to the end of the process, and psycopg says so.
@pytest.mark.heavy
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:<psycopg:ResourceWarning")
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_floor_writes_the_same_rows(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that the trials have left, and no other; in either kind of database."""
    monkeypatch.chdir(tmp_path)
    with stores(kind, tmp_path) as databases:
        run_study(tmp_path, 3, "random", "none", 1, lambda *_: None, databases)
        before = [content(url) for url in (databases.study, databases.tracker)]
        found = floor(databases)
        assert [content(url) for url in (databases.study, databases.tracker)] == before
        gc.collect()
    assert found.rows > 100
    assert 0 < found.cpu < 1


def content(url: str) -> dict[str, list[str]]:
    """All rows of a database."""
    engine, metadata = create_engine(url), MetaData()
    with engine.connect() as connection:
        metadata.reflect(connection)
        rows = {
            name: sorted(map(repr, connection.execute(table.select()).all()))
            for name, table in metadata.tables.items()
        }
    engine.dispose()
    return rows


def test_parts_are_counted_without_what_is_inside_of_them() -> None:
    """A part's CPU time is its own; calls of the same part inside of it are counted once."""

    class Work:
        def outer(self) -> None:
            self.inner()

        def inner(self) -> None:
            sum(range(2_000_000))

    parts, work = Parts(), Work()
    parts.wrap(work, "outer", "outer")
    parts.wrap(work, "inner", "inner")
    work.outer()
    parts.unwrap()
    counted = dict(parts.cpu)
    work.inner()
    assert parts.cpu == counted
    assert parts.cpu["inner"] > 5 * parts.cpu["outer"] >= 0


def test_every_part_has_a_colour() -> None:
    """None is left out of the figure in silence."""
    from benchmarks.driver import study

    named = {value for name, value in vars(study).items() if name.isupper() and name != "EPOCHS"}
    assert {value for value in named if isinstance(value, str)} == set(figure._PARTS)
