"""Passwords in the addresses of stores: what keeps them instead of a file, or of `mlflow run`."""

from __future__ import annotations

from clr_sweep.common.secrets import HIDDEN, secrets_of
from clr_sweep.definition.problems import shown

AT_MLFLOW = (
    "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, to MLFLOW_TRACKING_TOKEN or "
    "~/.mlflow/credentials"
)
_AT_DATABASE = "the database's own ways, such as PGPASSWORD or ~/.pgpass"
KEPT_BY = {
    "study.storage": _AT_DATABASE,
    "study.warm_start.storage": _AT_DATABASE,
    "tracking.uri": (
        f"{AT_MLFLOW}; of a database to its own ways, such as PGPASSWORD or ~/.pgpass"
    ),
    "tracking.artifacts": (
        "the ways of the storage's own client, such as AWS_SECRET_ACCESS_KEY or ~/.aws/credentials"
    ),
}
"""By the key of the address: whom the password may be left to."""


def password_problem(key: str, address: str | None) -> str | None:
    """What is wrong with an address in a file that is kept; None where it holds no password."""
    if address is None or not set(secrets_of(address)) - {HIDDEN}:
        return None
    return (
        f"must hold no password, since the file is kept with the study, got {shown(address)}: "
        f"leave it to {KEPT_BY[key]}"
    )
