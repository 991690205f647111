"""What MLflow's client raises where the tracker, or the storage of its files, cannot be used."""

from __future__ import annotations

from collections.abc import Iterator

from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.when_imported import if_imported

# The libraries by which MLflow speaks with storages of files, each imported where one is used, and
# what all that they raise derives from.
_LIBRARIES = {
    "botocore.exceptions": ("BotoCoreError", "ClientError"),
    "boto3.exceptions": ("Boto3Error",),
    "google.api_core.exceptions": ("GoogleAPIError",),
    "google.auth.exceptions": ("GoogleAuthError",),
    "azure.core.exceptions": ("AzureError",),
}


def of_mlflow(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """The errors that name MLflow's store or the storage of its files as what failed.

    Args:
        others: added to them.
    """
    return (MlflowException, *_of_libraries(), *others)


def of_tracker(*others: type[Exception]) -> tuple[type[Exception], ...]:
    """All of them, those of the network and of the disk among them; see `of_mlflow`."""
    # What requests raises is an OSError.
    return of_mlflow(SQLAlchemyError, OSError, *others)


def refuses(error: Exception) -> bool:
    """Whether the server is there, and refuses this one thing."""
    return isinstance(error, MlflowException) and error.get_http_status_code() < 500


def _of_libraries() -> Iterator[type[Exception]]:
    for module, names in _LIBRARIES.items():
        if (library := if_imported(module)) is not None:
            yield from (getattr(library, name) for name in names)
