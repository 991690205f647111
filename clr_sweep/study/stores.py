"""The two stores of a command that runs a study: MLflow's, and the study's storage."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from mlflow.tracking import MlflowClient

from clr_sweep.common.scratch import outside_scratch
from clr_sweep.common.stopping import StopRequest
from clr_sweep.search import storage
from clr_sweep.study.store_errors import plain_storage_errors, plain_tracker_errors
from clr_sweep.study.two_databases import refuse_one_database
from clr_sweep.tracking.find_runs import adopted_run
from clr_sweep.tracking.store import connect


@contextlib.contextmanager
def open_stores(
    url: str | None, tracker: str, adopted: str | None, stop: StopRequest
) -> Iterator[MlflowClient]:
    """MLflow's store, for as long as the block runs; the study's storage is another database.

    Args:
        url: of the study's storage.
        tracker: the URI of MLflow's store.
        adopted: the run that `mlflow run` made, if it did.

    Raises:
        InputError, StoreError: one of the two cannot be used; in the block too.
    """
    if stop and adopted is None:  # during the imports
        raise stop.error()
    refuse_one_database(url or storage.DEFAULT_STORAGE, tracker)
    # Before anything that takes long: a store that cannot be used is known at once.
    with outside_scratch():  # MLflow keeps a lock there while it makes its tables
        client = connect(tracker)
    with plain_storage_errors(url), plain_tracker_errors(tracker), adopted_run(client, adopted):
        yield client
