"""The MLflow experiment of a sweep: which one, and that its files can be written."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from pathlib import Path

from mlflow.entities import Experiment
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository
from mlflow.tracking import MlflowClient

from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden, hidden_address
from clr_sweep.common.sqlite_files import with_cure
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.tracking import folder_names, tags
from clr_sweep.tracking.time_limits import within
from clr_sweep.tracking.tracker_errors import of_tracker

# The UI shows it on top of the experiment's runs.
_NOTE = """\
One run for each sweep, its result in the description; below it one for each trial and one for \
the baseline. All trials side by side: choose under **Views**.
"""
# Written, and deleted where that is allowed: one name for all, so that there is one at most.
_PROBE = "clr-sweep-writes-here.txt"
_PROBE_SECONDS = 30.0


def experiment_id(
    client: MlflowClient,
    default_name: str,
    metric: str,
    maximize: bool,
    known: str | None = None,
    written: TrackingConfig | None = None,
) -> str:
    """The experiment of this process, made if needed.

    It is the one that `mlflow run` or the environment chose, else the one that the sweep names,
    else the one the study is in already (`known`), else the one of the default name.

    Args:
        written: what the sweep says.

    Raises:
        StoreError: it cannot be used, it keeps its files elsewhere than the sweep says, or they
            cannot be written there; within seconds.
    """
    written = written or TrackingConfig()
    chosen = os.environ.get("MLFLOW_EXPERIMENT_ID")
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or written.experiment
    if chosen is None and name is None:
        chosen = known
    name = name or default_name
    try:
        found = client.get_experiment(chosen) if chosen else client.get_experiment_by_name(name)
        if found is None:
            found = _made(client, name, written.artifacts)
        else:
            _refuse_unusable(found, written.artifacts)
        refuse_unwritable(client, found.artifact_location)
        chosen = str(found.experiment_id)
        if tags.NOTE not in found.tags:
            client.set_experiment_tag(chosen, tags.NOTE, _NOTE)
        client.set_experiment_tag(chosen, tags.PRIMARY_METRIC, metric)
        client.set_experiment_tag(chosen, tags.GREATER_IS_BETTER, str(maximize))
        client.set_experiment_tag(chosen, tags.EXPERIMENT_KIND, "custom_model_development")
    except MlflowException as error:
        why = with_cure(str(error).split("\n")[0], sqlite_file(client.tracking_uri))
        raise StoreError(
            f"the MLflow experiment {chosen or name!r} cannot be used: {why}"
        ) from None
    return chosen


def refuse_unwritable(client: MlflowClient, place: str) -> None:
    """Find out whether files can be written in a place, by writing one.

    Raises:
        StoreError: they cannot, and why.
    """
    try:
        within(_PROBE_SECONDS, "to write a file there", partial(_write, place, client.tracking_uri))
    # By now the library is imported whose errors it may be.
    except of_tracker(ImportError) as error:
        raise _unwritable(place, error) from None


def _write(place: str, tracking_uri: str) -> None:
    files = get_artifact_repository(place, tracking_uri=tracking_uri)
    with tempfile.TemporaryDirectory() as folder:
        probe = Path(folder, _PROBE)
        probe.write_text("written to find out whether a sweep's files can be\n", encoding="utf-8")
        files.log_artifact(str(probe))
    try:
        files.delete_artifacts(_PROBE)
    except Exception:  # whoever may write need not be allowed to delete
        return


def _unwritable(place: str, error: Exception) -> StoreError:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    why, cure = lines[0], "that the bucket or folder is there, and that you may write into it"
    if isinstance(error, ImportError):
        cure = "that the Python package for that kind of storage is installed (boto3 for s3://)"
    return StoreError(
        f"the files of the MLflow experiment cannot be written to {hidden_address(place)}: "
        f"{hidden(why)}: see {cure}"
    )


def _made(client: MlflowClient, name: str, artifacts: str | None) -> Experiment:
    if artifacts is not None:
        # Before it is made: where it keeps its files cannot be changed any more.
        refuse_unwritable(client, artifacts)
    # MLflow keeps them in the current folder then, wherever the database lies.
    elif sqlite_file(client.tracking_uri) and (problem := folder_names.problem(Path())):
        raise StoreError(f"the files of the MLflow experiment cannot be kept here: {problem}")
    made = client.create_experiment(name, artifact_location=artifacts)
    return client.get_experiment(made)


def _refuse_unusable(found: Experiment, artifacts: str | None) -> None:
    if found.lifecycle_stage != "active":
        raise StoreError(
            f"the MLflow experiment {found.name!r} is deleted: restore it, or name another in "
            "tracking.experiment or with MLFLOW_EXPERIMENT_NAME"
        )
    there = found.artifact_location
    if artifacts is not None and artifacts.rstrip("/") != there.rstrip("/"):
        raise StoreError(
            f"the MLflow experiment {found.name!r} keeps its files in {hidden_address(there)}, "
            f"and not in {hidden_address(artifacts)}, as tracking.artifacts says; where an "
            "experiment keeps them cannot be changed: name another one in tracking.experiment or "
            "with MLFLOW_EXPERIMENT_NAME (under `mlflow run` with --experiment-name, made before "
            "with `mlflow experiments create --artifact-location`), or leave out tracking.artifacts"
        )
