"""What the trials of a study would cost if their rows were only written, in a transaction each.

The rows of a study that has been run, in Optuna's tables and in MLflow's, are read, deleted and
written again by SQLAlchemy's core: all of a trial's in one transaction of each database, each
table's in one statement. Whoever stores these rows, trial by trial, pays that at least.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Engine, MetaData, Table, create_engine

from benchmarks.driver.stores import Stores

Rows = list[tuple[Table, list[dict[str, Any]]]]


@dataclass(frozen=True)
class Floor:
    """Of one trial: CPU seconds of this process, seconds by the clock, rows of both databases."""

    cpu: float
    wall: float
    rows: float


def floor(stores: Stores) -> Floor:
    """Write the rows of both databases again; they are as before then."""
    engines = [create_engine(stores.study), create_engine(stores.tracker)]
    databases = [(engine, _taken(engine)) for engine in engines]
    trials = len(databases[0][1])
    cpu, wall = time.process_time(), time.perf_counter()
    for engine, written in databases:
        for rows in written:
            with engine.begin() as connection:
                for table, its_rows in rows:
                    connection.execute(table.insert(), its_rows)
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    for engine in engines:
        engine.dispose()
    count = sum(len(its) for _, written in databases for rows in written for _, its in rows)
    return Floor(cpu / trials, wall / trials, count / trials)


def _taken(engine: Engine) -> list[Rows]:
    """The rows of each trial, in the order of tables in which they can be written; gone now."""
    metadata = MetaData()
    metadata.reflect(engine)
    found: dict[Any, Rows] = defaultdict(list)
    tables = [(table, key) for table in metadata.sorted_tables for key in _trial_of(table)]
    with engine.begin() as connection:
        for table, key in tables:
            of: dict[Any, list[dict[str, Any]]] = defaultdict(list)
            for row in connection.execute(table.select()).mappings():
                of[row[key.name]].append(dict(row))
            for trial, rows in of.items():
                found[trial].append((table, rows))
        for table, _ in reversed(tables):
            connection.execute(table.delete())
    return list(found.values())


def _trial_of(table: Table) -> Iterator[Column[Any]]:
    """The column that says whose trial's a row is, if a table has one."""
    yield from (table.c[name] for name in ("trial_id", "run_uuid") if name in table.c)
