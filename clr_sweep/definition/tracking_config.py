"""Where a sweep is shown: the MLflow store, the experiment there, and where its files lie."""

from __future__ import annotations

import re
from typing import Annotated, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, StrictStr

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.definition.dimensions import Frozen, expected
from clr_sweep.definition.fields import Name
from clr_sweep.definition.problems import shown

_STORES = (
    "the address of an MLflow server, such as http://host:5000, or of a database, such as "
    "sqlite:///mlflow.db or postgresql://host/name"
)
_DATABASES = "sqlite|postgresql|mysql|mssql"
# Those that MLflow takes, but for folders, in which it keeps no runs any more.
_URI = rf"^(https?://[^/]|({_DATABASES})(\+[A-Za-z0-9_]+)?://|databricks(://|$))"
_HOST_AND_PORT = re.compile(r"[\w.\-]+:[0-9]+(/.*)?")
_FOLDER = re.compile(r"[./~]|file:")
_PLACE = r"^[A-Za-z][A-Za-z0-9+.\-]*:/+[^/]"


def meant(value: str) -> str | None:
    """The address that somebody meant who wrote this, which is none; None where nobody knows."""
    if value.startswith("sqlite://") and not _is_whole(value):
        file = value.removeprefix("sqlite://").strip("/")
        return f"sqlite:///{file}" if file not in ("", ":memory:") else None
    if _HOST_AND_PORT.fullmatch(value):
        return f"http://{value}"
    return None


def no_store(value: str) -> str:
    """The message for what can be no store's address."""
    hint = f" - did you mean {meant(value)!r}?" if meant(value) is not None else ""
    if _FOLDER.match(value):
        hint = ": MLflow keeps no runs in folders any more"
    return f"must be {_STORES}, got {shown(value)}{hint}"


def _uri(value: str) -> str:
    if not re.match(_URI, value) or not _is_whole(value):
        raise FieldProblemsError([((), no_store(value))])
    return value


def _is_whole(uri: str) -> bool:
    parts = urlsplit(hidden_address(uri))
    try:
        _ = parts.port
    except ValueError:  # it is no number
        return False
    # With two slashes it would be a database in memory, gone when the command ends.
    is_file = parts.scheme.partition("+")[0] == "sqlite"
    return not is_file or (not parts.netloc and parts.path not in ("", "/", "/:memory:"))


def _place(value: str) -> str:
    if not re.match(_PLACE, value):
        raise expected(
            "an address such as s3://bucket/folder, gs://bucket/folder or file:///shared/folder"
        )
    return value


TrackingUri = Annotated[
    StrictStr, Field(max_length=500, json_schema_extra={"pattern": _URI}), AfterValidator(_uri)
]
ArtifactPlace = Annotated[
    StrictStr, Field(max_length=500, json_schema_extra={"pattern": _PLACE}), AfterValidator(_place)
]


class TrackingConfig(Frozen):
    """Where MLflow shows a study. It may be another place at the next start.

    Attributes:
        uri: of the store; None: what the environment says, else a SQLite file in the current
            folder.
        artifacts: where the experiment keeps its files; None: where the store says.
        experiment: its name; None: that of the sweep.
    """

    other_words = {"name": "experiment"}
    stands_for = ("uri", "artifacts")
    uri: TrackingUri | None = None
    artifacts: ArtifactPlace | None = None
    experiment: Name | None = None

    def at(self, uri: str | None) -> Self:
        """This, with another store where one is named."""
        return self if uri is None else self.model_copy(update={"uri": uri})

    @property
    def told(self) -> Self:
        """This, as it may be kept and shown: without the secrets of its addresses."""
        uri = None if self.uri is None else hidden_address(self.uri)
        return self.model_copy(update={"uri": uri})
