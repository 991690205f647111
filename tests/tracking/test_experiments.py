"""Which experiment a sweep is in, and that files can be written where it keeps them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from clr_sweep.common.errors import StoreError
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.tracking import tags
from clr_sweep.tracking.experiments import experiment_id
from clr_sweep.tracking.store import connect


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the environment that the tests were started in."""
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        monkeypatch.delenv(name)


def test_the_experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By default the sweep's name, made once; else what the environment or `mlflow run` says."""
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    mine = experiment_id(client, "my-sweep", "val_accuracy", True)
    assert experiment_id(client, "my-sweep", "val_accuracy", True) == mine
    found = client.get_experiment(mine)
    assert found.name == "my-sweep"
    assert found.tags[tags.PRIMARY_METRIC] == "val_accuracy"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    elsewhere = experiment_id(client, "my-sweep", "val_accuracy", True)
    assert client.get_experiment(elsewhere).name == "elsewhere"
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mine)
    assert experiment_id(client, "my-sweep", "val_accuracy", True) == mine
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "987654")
    with pytest.raises(StoreError, match="987654"):
        experiment_id(client, "my-sweep", "val_accuracy", True)


def test_a_deleted_experiment_is_not_used(tmp_path: Path) -> None:
    """MLflow would refuse its name later, in the middle of things."""
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    client.delete_experiment(experiment_id(client, "my-sweep", "val_loss", False))
    with pytest.raises(StoreError, match="'my-sweep' is deleted"):
        experiment_id(client, "my-sweep", "val_loss", False)


def test_the_experiment_of_the_sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Named in the file, before the one that the study is in; after the environment's."""
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    known = experiment_id(client, "my-sweep", "val_loss", False)
    written = TrackingConfig(experiment="named")
    named = experiment_id(client, "my-sweep", "val_loss", False, known, written)
    assert client.get_experiment(named).name == "named"
    assert experiment_id(client, "my-sweep", "val_loss", False, known) == known
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "my-sweep")
    assert experiment_id(client, "my-sweep", "val_loss", False, named, written) == known


def test_where_its_files_are(tmp_path: Path) -> None:
    """As the sweep says when it is made; an empty folder is left of finding out about it."""
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    place = (tmp_path / "shared").as_uri()
    written = TrackingConfig(artifacts=place)
    made = experiment_id(client, "my-sweep", "val_loss", False, written=written)
    assert client.get_experiment(made).artifact_location == place
    assert list((tmp_path / "shared").iterdir()) == []
    # However it is written, and where the sweep does not say it.
    for again in (TrackingConfig(artifacts=f"{place}/"), TrackingConfig()):
        assert experiment_id(client, "my-sweep", "val_loss", False, written=again) == made
    elsewhere = TrackingConfig(artifacts="s3://bucket/x")
    with pytest.raises(StoreError) as caught:
        experiment_id(client, "my-sweep", "val_loss", False, written=elsewhere)
    said = str(caught.value)
    assert f"'my-sweep' keeps its files in {place}, and not in s3://bucket/x" in said
    assert "name another one in tracking.experiment" in said


@pytest.mark.parametrize("place", ["file:///dev/null/x", "nosuch://bucket/x"])
def test_where_no_file_can_be_written(tmp_path: Path, place: str) -> None:
    """It is known before the experiment is made, which could not be moved."""
    client = connect(f"sqlite:///{tmp_path}/mlflow.db")
    with pytest.raises(StoreError, match=f"cannot be written to {place}: .*: see that the bucket"):
        experiment_id(
            client, "my-sweep", "val_loss", False, written=TrackingConfig(artifacts=place)
        )
    assert client.get_experiment_by_name("my-sweep") is None
