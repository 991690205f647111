"""Single runs, found and looked at without a study."""

from __future__ import annotations

import contextlib
import platform
from collections.abc import Iterator

import psutil
from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.utils import get_results_from_paginated_fn

from clr_sweep.common.errors import ClrSweepError, LockLostError
from clr_sweep.tracking import tags


def process_tag(number: int | None = None) -> str:
    """A process of this machine, this one by default, as the tag of a run has it."""
    process = psutil.Process(number)
    return f"{platform.node()} {process.pid} {process.create_time():.2f}"


def abandoned(client: MlflowClient) -> list[Run]:
    """RUNNING runs of processes of this machine that are gone, those of trials apart.

    A `mlflow run` that is killed before its sweep has begun leaves one, and a killed
    `clr-sweep train`.
    """
    query = f"attributes.status = 'RUNNING' AND tags.`{tags.PROCESS}` LIKE '{platform.node()} %'"
    return [
        run
        for run in client.search_runs(_experiments(client), query)
        if run.data.tags.get(tags.KIND, "train") == "train"
        and _is_gone(run.data.tags[tags.PROCESS])
    ]


def _is_gone(process: str) -> bool:
    try:
        return process_tag(int(process.split()[-2])) != process
    except (psutil.Error, ValueError):
        return True


def experiment_of(client: MlflowClient, study_id: str) -> str | None:
    """The experiment that a study's parent run is in, or None while it has none."""
    query = f"tags.`{tags.STUDY_ID}` = '{study_id}' AND tags.`{tags.KIND}` = 'sweep'"
    found = client.search_runs(_experiments(client), query, max_results=1)
    return str(found[0].info.experiment_id) if found else None


def end_adopted(client: MlflowClient, run_id: str, reason: str) -> None:
    """End the run that `mlflow run` made, where it still runs: `mlflow run` may be gone."""
    with contextlib.suppress(MlflowException):
        if client.get_run(run_id).info.status == "RUNNING":
            client.set_tag(run_id, tags.REASON, reason[: tags.TAG_LIMIT])
            client.set_terminated(run_id, "FAILED")


@contextlib.contextmanager
def adopted_run(client: MlflowClient, run_id: str | None) -> Iterator[None]:
    """Hold the run that `mlflow run` made, if it did; an error of ours in the block ends it.

    Where another process has taken the study over, it may have taken over its run too.
    """
    if run_id is None:
        yield
        return
    client.set_tag(run_id, tags.PROCESS, process_tag())
    try:
        yield
    except LockLostError:
        raise
    except ClrSweepError as error:
        end_adopted(client, run_id, str(error))
        raise


def tags_of_run(client: MlflowClient, run_id: str) -> dict[str, str] | None:
    """The tags of a run, or None where the store has no such run."""
    try:
        return dict(client.get_run(run_id).data.tags)
    except MlflowException:
        return None


def find_trial(client: MlflowClient, study_id: str, number: int | None) -> str | None:
    """The run id of a trial, in whatever experiment it is; the newest if there are several."""
    query = (
        f"tags.`{tags.STUDY_ID}` = '{study_id}' AND tags.`{tags.KIND}` = 'trial' "
        f"AND tags.`{tags.TRIAL_NUMBER}` = '{number}'"
    )
    found = client.search_runs(_experiments(client), query, max_results=1)
    return str(found[0].info.run_id) if found else None


def runs_of_study(client: MlflowClient, study_id: str) -> list[Run]:
    """All runs of a study, in whatever experiments they are; the sweep's own come last."""
    query = f"tags.`{tags.STUDY_ID}` = '{study_id}'"
    where = _experiments(client)
    found: list[Run] = get_results_from_paginated_fn(
        lambda most, token: client.search_runs(where, query, max_results=most, page_token=token),
        1000,
    )
    return sorted(found, key=lambda run: run.data.tags.get(tags.KIND) == "sweep")


def _experiments(client: MlflowClient) -> list[str]:
    return [item.experiment_id for item in client.search_experiments()]
