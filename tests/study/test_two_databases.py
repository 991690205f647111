"""Optuna and MLflow in one database: refused before anything is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import sweep

from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.study.stores import open_stores
from clr_sweep.study.two_databases import refuse_one_database


@pytest.mark.parametrize(
    ("changes", "tracker"),
    [
        ({}, "sqlite:///optuna.db"),
        ({"study.storage": "sqlite:///mlflow.db"}, "sqlite:///mlflow.db"),
    ],
)
def test_a_sweep_is_refused_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any], tracker: str
) -> None:
    """Either default, named for the other: the message names both, and the cure."""
    monkeypatch.chdir(tmp_path)
    storage = sweep(changes).study.storage
    refusal = pytest.raises(
        InputError, match=r"storage sqlite:///(.*) and the MLflow store .*/\1 are"
    )
    with refusal, open_stores(storage, tracker, None, StopRequest()):
        pass
    assert list(tmp_path.iterdir()) == []


def test_which_addresses_are_of_one_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However they are written; passwords are neither compared nor shown."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link.db").symlink_to("optuna.db")
    for storage, tracker in (
        ("sqlite:///optuna.db", f"sqlite:///{tmp_path}/optuna.db"),
        ("sqlite:///./optuna.db", "sqlite+pysqlite:///link.db"),
        ("postgresql://me:one@host/runs", "postgresql+psycopg2://me:two@host/runs"),
    ):
        with pytest.raises(InputError, match="--storage or --tracking-uri") as caught:
            refuse_one_database(storage, tracker)
        assert "one@" not in str(caught.value)


@pytest.mark.parametrize(
    ("storage", "tracker"),
    [
        ("sqlite:///optuna.db", "sqlite:///mlflow.db"),
        ("sqlite://", "sqlite://"),
        ("mysql://host/studies", "mysql://host/runs"),
        ("postgresql://host/runs", "mysql://host/runs"),
        ("postgresql://host/runs?options=-csearch_path=a", "postgresql://host/runs"),
        ("postgresql://host:port/runs", "postgresql://host:port/runs"),
        ("sqlite:///optuna.db", "http://127.0.0.1:5000"),
        ("nonsense", "./mlruns"),
    ],
)
def test_other_addresses_are_left_alone(storage: str, tracker: str) -> None:
    """Also those that are no database's, or wrong: it is said where they are opened."""
    refuse_one_database(storage, tracker)
