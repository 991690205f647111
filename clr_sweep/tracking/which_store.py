"""Which MLflow store a command speaks with: that of its option, of the environment, of the file."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from clr_sweep.common import door
from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.common.secrets import HIDDEN, hidden_address, remember
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.definition.tracking_config import TrackingConfig, meant, no_store
from clr_sweep.definition.validation import validation

logger = logging.getLogger("clr_sweep")

# MLflow's own default, said outright: a leftover ./mlruns would switch it to the file store.
DEFAULT_URI = "sqlite:///mlflow.db"
VARIABLE = "MLFLOW_TRACKING_URI"
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class StoreChoice:
    """What is known of the store before a sweep file or a stored study is read.

    Made once a command: MLflow writes the store that is used into the environment.

    Attributes:
        option: what stands on the command line.
        environment: what MLFLOW_TRACKING_URI names.
        adopted: the run that `mlflow run` made, if it did.
        experiment: which variable chooses the experiment, and what it says.
        folder: in which a relative address is meant: the current one when this was made.
    """

    option: str | None = None
    environment: str | None = None
    adopted: str | None = None
    experiment: tuple[str, str] | None = None
    folder: Path = field(default_factory=Path.cwd)

    @classmethod
    def of(cls, option: str | None, adopted: str | None = None) -> StoreChoice:
        """That of this process, with the option of its command line, which is checked later."""
        if option:
            remember(option)
        names = ("MLFLOW_EXPERIMENT_ID", "MLFLOW_EXPERIMENT_NAME")
        given = ((name, os.environ[name]) for name in names if name in os.environ)
        return cls(option, os.environ.get(VARIABLE) or None, adopted, next(given, None))

    @classmethod
    def checked(cls, option: str | None, adopted: str | None = None) -> StoreChoice:
        """That of this process.

        Raises:
            InputError: the option names what can be no store.
        """
        if option is not None:
            problems = validation(TrackingConfig, {"uri": option})[1]
            if problems:
                place = door.option("--tracking-uri").rstrip("=")
                raise InputError([f"{place}: {text}" for _, text in problems])
        return cls.of(option, adopted)

    def uri(self, written: TrackingConfig | None = None, place: str = "the sweep file") -> str:
        """The store that is used; a line says so where the written one is another.

        Args:
            written: what the sweep file says, or the study that was made from it.
            place: of it, for people.

        Raises:
            InputError: see `problem`.
            StoreError: the study knows it without its password only.
        """
        of_file = None if written is None else written.uri
        if (text := self.problem(written, place)) is not None:
            raise InputError(text)
        if self.adopted is not None:
            return self.environment or DEFAULT_URI
        if self.option is not None:
            return self.option
        if self.environment is not None:
            if of_file is not None and not same_store(of_file, self.environment):
                logger.warning(
                    "MLflow: %s is used, as %s says, and not %s, as %s says in tracking.uri: the "
                    "environment comes first, and before it %s",
                    hidden_address(self.environment),
                    VARIABLE,
                    hidden_address(of_file),
                    place,
                    door.option("--tracking-uri"),
                )
            return self.environment
        if of_file is not None and HIDDEN in of_file:
            raise StoreError(
                f"the MLflow store {of_file} cannot be used: {place} keeps its address without "
                f"the password: name it with {door.option('--tracking-uri')} or in {VARIABLE}"
            )
        return of_file or DEFAULT_URI

    def problem(self, written: TrackingConfig | None, place: str) -> str | None:
        """What the environment names is none, or the others name another than `mlflow run` has."""
        if self.option is None and self.environment and meant(self.environment) is not None:
            return f"{VARIABLE}: {no_store(self.environment)}"
        if self.option is not None:
            named, where, cure = self.option, door.option("--tracking-uri"), "leave it out"
        elif written is not None and written.uri is not None:
            named, where, cure = written.uri, f"{place}: tracking.uri", "take it out there"
        else:
            return None
        there = self.environment or DEFAULT_URI
        if self.adopted is None or same_store(named, there):
            return None
        shown = hidden_address(named)
        return (
            f"{where}: names {shown}, but `mlflow run` has made the run {self.adopted} in "
            f"{hidden_address(there)}, where the sweep has to be: {cure}, or "
            f"`export {VARIABLE}={shown}` before `mlflow run`"
        )

    def say_which_experiment(self, written: TrackingConfig, place: str) -> None:
        """A line where the environment chooses another experiment than is written."""
        if self.experiment is None or written.experiment is None:
            return
        name, value = self.experiment
        if value != written.experiment:
            why = "`mlflow run` has made the run there" if self.adopted else "it comes first"
            logger.warning(
                "MLflow: the experiment is that of %s (%s), and not %r, as %s says in "
                "tracking.experiment: %s",
                name, value, written.experiment, place, why,
            )  # fmt: skip


def same_store(one: str, other: str) -> bool:
    """Whether two addresses name one store, whoever it is asked by."""
    return _address(one) == _address(other)


def _address(uri: str) -> Any:
    """What is equal for two addresses of one store."""
    if (file := sqlite_file(uri)) is not None:
        return os.path.realpath(file)
    parts = urlsplit(hidden_address(uri))
    try:
        port = parts.port
    except ValueError:  # it is no number, which is said where the store is opened
        return uri
    kind = parts.scheme.partition("+")[0]
    if kind in _PORTS:
        return kind, parts.hostname, port or _PORTS[kind], parts.path.rstrip("/")
    # Another user may mean another schema.
    return kind, parts.username, parts.hostname, port, parts.path, parts.query
