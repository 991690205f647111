"""Runs of a study, in a real SQLite store."""

from __future__ import annotations

from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from small_studies import DATA

from clr_sweep.tracking.store import connect
from clr_sweep.tracking.sweep_runs import SweepRuns


@pytest.fixture(scope="package")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    """A store that the tests share: to make one takes a second."""
    return connect(f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db")


@pytest.fixture
def runs(client: MlflowClient, tmp_path: Path) -> SweepRuns:
    """The runs of a study, in an experiment of its own, whose id is the study's too."""
    experiment = client.create_experiment(
        str(tmp_path), artifact_location=(tmp_path / "a").as_uri()
    )
    return SweepRuns(client, experiment, "study", experiment, DATA)
