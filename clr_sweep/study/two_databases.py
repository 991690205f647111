"""The study's storage and MLflow's store have to be two databases."""

from __future__ import annotations

import os
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from clr_sweep.common.door import option
from clr_sweep.common.errors import InputError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.definition.storage_urls import sqlite_file


def refuse_one_database(storage: str, tracker: str) -> None:
    """Compare the addresses, before either is written: whoever comes second cannot use it.

    Raises:
        InputError: they name one database.
    """
    address = _address(storage)
    if address is not None and address == _address(tracker):
        raise InputError(
            f"the study storage {hidden_address(storage)} and the MLflow store "
            f"{hidden_address(tracker)} are one database, and Optuna and MLflow need one each: "
            f"name another with {option('--storage')} or {option('--tracking-uri')}"
        )


def _address(url: str) -> Any:
    """What is equal for two addresses of one database; None where it is no database."""
    try:
        parsed, file = make_url(url), sqlite_file(url)
    except (ArgumentError, ValueError):  # it is said where it is opened
        return None
    if parsed.get_backend_name() == "sqlite":
        return None if file is None else os.path.realpath(file)
    # Another user or option may mean another schema.
    return parsed.set(drivername=parsed.get_backend_name(), password="")
