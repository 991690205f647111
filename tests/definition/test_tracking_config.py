"""Where MLflow is, as a sweep file says it: addresses that can be none, passwords, what is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_schemas import allows
from written_sweeps import content, problems, written

from clr_sweep.commands.schema import schema_text
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.tracking_config import TrackingConfig

URIS = (
    "http://host",
    "http://host:5000/mlflow/",
    "https://127.0.0.1:5000",
    "http://[::1]:5000",
    "sqlite:///mlflow.db",
    "sqlite:////data/mlflow.db",
    "postgresql://me@host/name",
    "postgresql+psycopg2://me@/name?host=/run/postgresql",
    "mysql+pymysql://host/name",
    "databricks",
    "databricks://profile",
)
MUST = (
    "tracking.uri: must be the address of an MLflow server, such as http://host:5000, or of a "
    "database, such as sqlite:///mlflow.db or postgresql://host/name, got "
)
# What can be no store, with what is said of it.
NO_URIS = {
    "localhost:5000": "'localhost:5000' - did you mean 'http://localhost:5000'?",
    "mlflow.example.org:5000/x": (
        "'mlflow.example.org:5000/x' - did you mean 'http://mlflow.example.org:5000/x'?"
    ),
    "sqlite://mlflow.db": "'sqlite://mlflow.db' - did you mean 'sqlite:///mlflow.db'?",
    "sqlite:///:memory:": "'sqlite:///:memory:'",
    "sqlite://": "'sqlite://'",
    "./mlruns": "'./mlruns': MLflow keeps no runs in folders any more",
    "file:///data/mlruns": "'file:///data/mlruns': MLflow keeps no runs in folders any more",
    "http://": "'http://'",
    "http://host:port": "'http://host:port'",
    "s3://bucket/x": "'s3://bucket/x'",
    "": "''",
}


@pytest.mark.parametrize("uri", URIS)
def test_what_can_be_a_store(tmp_path: Path, uri: str) -> None:
    """It is taken as it stands, in an editor too."""
    assert load_sweep(written(tmp_path, {"tracking.uri": uri})).tracking.uri == uri
    assert allows(_schema(), content({"tracking.uri": uri}))


@pytest.mark.parametrize("uri", NO_URIS)
def test_what_can_be_none(tmp_path: Path, uri: str) -> None:
    """Refused with its place, the value, and what was meant; as an option by the option's name."""
    assert problems(written(tmp_path, {"tracking.uri": uri})) == [MUST + NO_URIS[uri]]
    said = problems(written(tmp_path), {"tracking.uri": uri})
    assert said == [MUST.replace("tracking.uri", "--tracking-uri") + NO_URIS[uri]]


@pytest.mark.parametrize(
    "place", ["s3://bucket", "gs://b/c", "file:///shared", "mlflow-artifacts:/x"]
)
def test_where_files_can_be(tmp_path: Path, place: str) -> None:
    """Any address: which of them MLflow knows, it says itself."""
    assert load_sweep(written(tmp_path, {"tracking.artifacts": place})).tracking.artifacts == place
    assert allows(_schema(), content({"tracking.artifacts": place}))


@pytest.mark.parametrize("place", ["bucket", "/shared/folder", "s3:bucket", "s3://", ""])
def test_where_no_files_can_be(tmp_path: Path, place: str) -> None:
    """A relative folder would be another one for each process that writes there."""
    assert problems(written(tmp_path, {"tracking.artifacts": place})) == [
        "tracking.artifacts: must be an address such as s3://bucket/folder, gs://bucket/folder or "
        f"file:///shared/folder, got {place!r}"
    ]
    assert not allows(_schema(), content({"tracking.artifacts": place}))


@pytest.mark.parametrize(
    ("key", "address", "cure"),
    [
        ("tracking.uri", "http://me:s3cr3t@host", "MLFLOW_TRACKING_PASSWORD"),
        ("tracking.uri", "https://s3cr3t@host", "MLFLOW_TRACKING_TOKEN"),
        ("tracking.uri", "postgresql://me:s3cr3t@host/x", "PGPASSWORD"),
        ("tracking.uri", "postgresql://host/x?user=me&password=s3cr3t", "PGPASSWORD"),
        ("tracking.artifacts", "ftp://me:s3cr3t@host/x", "AWS_SECRET_ACCESS_KEY"),
    ],
)
def test_a_password_in_the_file(tmp_path: Path, key: str, address: str, cure: str) -> None:
    """Refused, with where to leave it, and not repeated."""
    (said,) = problems(written(tmp_path, {key: address}))
    assert said.startswith(f"{key}: must hold no password, since the file is kept with the study")
    assert cure in said
    assert "s3cr3t" not in said


def test_a_password_in_an_option(tmp_path: Path) -> None:
    """It is taken, and what may be kept of it holds none."""
    uri = "http://me:s3cr3t@host"
    taken = load_sweep(written(tmp_path), {"tracking.uri": uri}).tracking
    assert taken.uri == uri
    assert taken.told.uri == "http://me:***@host"
    # As a study keeps it, and it is read again.
    assert TrackingConfig.from_json(taken.told.model_dump(mode="json")) == taken.told


def _schema() -> Any:
    return json.loads(schema_text())
