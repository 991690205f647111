"""What is written in fewer statements is what Optuna writes, row by row, in each database."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from database_servers import Server
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import BaseModel
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from sqlalchemy import event

from clr_sweep.search.lean_storage import LeanStorage
from clr_sweep.search.postgresql import with_driver

# Moments; and the rows' own numbers, of which a server gives one for an attempt to add a row too.
_UNLIKE = ("datetime", "trial_intermediate_value_id")

LOG = FloatDistribution(1e-4, 1.0, log=True)
DISTRIBUTIONS: dict[str, Any] = {
    "init_lr": LOG,
    "factor": IntDistribution(2, 8),
    "policy": CategoricalDistribution(["triangular", "exp_range"]),
}
TEMPLATES = [
    create_trial(
        state=TrialState.RUNNING,
        params={"init_lr": 1 / 3, "factor": 3, "policy": "exp_range"},
        distributions=DISTRIBUTIONS,
        user_attrs={"config": {"a": [1, None]}, "folder": "trials/x/0000"},
        system_attrs={"fixed_params": {"init_lr": 0.5}},
        intermediate_values={1: 0.1, 2: math.inf},
    ),
    create_trial(state=TrialState.WAITING),
    create_trial(state=TrialState.COMPLETE, value=0.5),
    None,
]


def written(storage: RDBStorage) -> dict[str, list[Any]]:
    """All rows that a few trials leave."""
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "mine")
    for template in TEMPLATES:
        storage.create_new_trial(study, template)
    trial = storage.create_new_trial(study, TEMPLATES[0])
    for step, value in ((3, 1 / 7), (3, -math.inf), (4, math.nan), (1, 0.2), (5, 1e-300)):
        storage.set_trial_intermediate_value(trial, step, value)
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [0.5])
    for act in (
        lambda: storage.set_trial_intermediate_value(trial, 6, 0.5),
        lambda: storage.set_trial_intermediate_value(trial, 1, 0.5),
    ):
        with pytest.raises(UpdateFinishedTrialError):
            act()
    with pytest.raises(KeyError):
        storage.set_trial_intermediate_value(trial + 1000, 1, 0.5)
    with storage.engine.connect() as connection:
        return {
            name: [
                {key: row._mapping[key] for key in row._mapping if not key.startswith(_UNLIKE)}
                for row in connection.execute(table.select().order_by(*table.primary_key))
            ]
            for name, table in BaseModel.metadata.tables.items()
        }


def assert_the_same(url: Callable[[str], str]) -> None:
    rows = []
    for kind in (RDBStorage, LeanStorage):
        storage = kind(with_driver(url(kind.__name__.lower())))
        rows.append(written(storage))
        storage.engine.dispose()
    assert rows[0] == rows[1]
    assert rows[0]["trial_intermediate_values"]


def test_the_rows_are_optunas(server: Server) -> None:
    """On the servers."""
    assert_the_same(server.url)


def test_the_rows_are_optunas_in_a_file(tmp_path: Path) -> None:
    """In SQLite."""
    assert_the_same(lambda name: f"sqlite:///{tmp_path / name}.db")


def test_there_are_fewer_statements(tmp_path: Path) -> None:
    """Half of Optuna's for a trial of ten epochs."""
    counts = []
    for kind in (RDBStorage, LeanStorage):
        storage = kind(f"sqlite:///{tmp_path / kind.__name__}.db")
        study = storage.create_new_study([StudyDirection.MAXIMIZE], "mine")
        storage.create_new_trial(study, TEMPLATES[0])
        said: list[str] = []
        event.listen(
            storage.engine, "before_cursor_execute", lambda *a, said=said: said.append(a[2])
        )
        trial = storage.create_new_trial(study, TEMPLATES[0])
        for epoch in range(1, 11):
            storage.set_trial_intermediate_value(trial, epoch, 0.5)
        counts.append(len(said))
        storage.engine.dispose()
    assert counts[1] == 28
    assert counts[0] == 55
