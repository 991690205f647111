"""The MLflow store, found to be usable before anything that takes long."""

from __future__ import annotations

import logging
import os
import socket
import sqlite3
from functools import partial
from urllib.parse import urlsplit

import mlflow
from alembic.util import CommandError
from mlflow.exceptions import MlflowException
from mlflow.store.db.utils import create_sqlalchemy_engine
from mlflow.tracking import MlflowClient

from clr_sweep.common import file_locks
from clr_sweep.common.database_owner import owner
from clr_sweep.common.door import option
from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden_address, remember
from clr_sweep.common.sqlite_files import damage, with_cure
from clr_sweep.definition.passwords import AT_MLFLOW
from clr_sweep.definition.storage_urls import absolute, sqlite_file
from clr_sweep.tracking import folder_names
from clr_sweep.tracking.moved_store import follow
from clr_sweep.tracking.new_store import make_database
from clr_sweep.tracking.time_limits import limit_answers, within
from clr_sweep.tracking.tracker_errors import of_tracker

logger = logging.getLogger("clr_sweep")

# MLflow's defaults retry for minutes; a sweep would stand still at every call.
_PATIENCE = {
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",
    # A server may ask for hours; `Link` has pauses of its own.
    "MLFLOW_HTTP_RESPECT_RETRY_AFTER_HEADER": "false",
    "PGCONNECT_TIMEOUT": "10",
    "AWS_MAX_ATTEMPTS": "2",
}
# Two lines for each run that ends, between ours; the sweep prints its links itself.
_QUIET = {
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # And a bar of MLflow's own for what is read from its store.
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
}
_UNAUTHORIZED = 401
_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
_CONNECT_SECONDS = 10.0
# A whole connection: the drivers' own limits, where they have one, count from byte to byte.
_PROBE_SECONDS = 30.0


def connect(uri: str, *, as_it_is: bool = False) -> MlflowClient:
    """A client of a store that answers; its database is initialised here, once.

    How long MLflow tries again over HTTP is shortened for this process, unless the environment
    says how long. A store that was moved or copied with its files is made to name those beside
    it, which is logged.

    Args:
        as_it_is: leave such a store as it is.

    Raises:
        StoreError: it cannot be reached, read or written, and why; within seconds.
    """
    remember(uri)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # What these say, with tracebacks, comes as an exception too.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    for name, value in (_PATIENCE | _QUIET).items():
        os.environ.setdefault(name, value)
    file = sqlite_file(uri)
    if file is not None and (problem := damage(file) or folder_names.problem(file.parent)):
        raise StoreError(f"the MLflow store {hidden_address(uri)} cannot be used: {problem}")
    # MLflow keeps each store in mind by its address, and a process may go on in another folder.
    address = absolute(uri)
    try:
        if file is not None:
            make_database(file)
            for before in [] if as_it_is else follow(file):
                logger.warning(
                    "the MLflow store %s was moved or copied here from %s: its runs have the files "
                    "of this folder now",
                    hidden_address(uri),
                    before,
                )
        within(_PROBE_SECONDS, "the connection", partial(_probe_database, address))
        limit_answers()
        mlflow.set_tracking_uri(address)
        client = MlflowClient(tracking_uri=address)
        client.search_experiments(max_results=1)
    except of_tracker(CommandError, ImportError, ValueError, sqlite3.Error) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        why = lines[0]
        if file is not None and isinstance(error, OSError):
            why = str(file_locks.problem("written", file.absolute().parent, error))
        if "already exists" in why and "_alembic_tmp" in why:
            why += (
                "; MLflow was killed while it made its tables: delete the file, which has no "
                "runs yet, or put back a copy of it"
            )
        if isinstance(error, CommandError):  # of what MLflow keeps its version with
            why += (
                "; the database is another program's, or a newer MLflow's: name another with "
                f"{option('--tracking-uri')} or in MLFLOW_TRACKING_URI"
            )
        if isinstance(error, MlflowException) and error.get_http_status_code() == _UNAUTHORIZED:
            why = (
                "it asks for a name and a password, and takes none that it was given (401): leave "
                f"the right ones to {AT_MLFLOW}"
            )
        raise StoreError(
            f"the MLflow store {hidden_address(uri)} cannot be used: {with_cure(why, file)}"
        ) from None
    return client


def _probe_database(uri: str) -> None:
    """Try a database once: MLflow would try ten times, for a minute and a half."""
    parts = urlsplit(uri)
    kind = parts.scheme.partition("+")[0]
    if kind not in (*_PORTS, "sqlite"):
        return
    if parts.hostname and kind in _PORTS:
        address = (parts.hostname, parts.port or _PORTS[kind])
        socket.create_connection(address, timeout=_CONNECT_SECONDS).close()
    engine = create_sqlalchemy_engine(uri)
    try:
        if owner(engine) == "Optuna":
            raise StoreError(
                f"the MLflow store {hidden_address(uri)} is a study storage of Optuna's, and "
                "Optuna and MLflow need a database each: name another with "
                f"{option('--tracking-uri')} or in MLFLOW_TRACKING_URI"
            )
    finally:
        engine.dispose()
