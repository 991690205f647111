"""Folders that MLflow cannot keep its files in, because of their names."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

_CURE = "rename that folder, or start in another"


def problem(folder: Path) -> str | None:
    """Why MLflow cannot have a store, or its files, in this folder, and the cure; None: it can.

    MLflow takes the places of files for quoted addresses, and writes the first of them into its
    database as a literal of Python's (`SqlAlchemyStore._create_default_experiment`).
    """
    path = str(folder.absolute())
    if (read := unquote(path)) != path:
        return (
            f"MLflow would read the path {path} as a quoted address and keep the files "
            f"in {read}: {_CURE}"
        )
    if "'" in path and '"' in path:
        return (
            f"MLflow makes no store in a folder whose path has both kinds of quotation marks, "
            f"{path}: {_CURE}"
        )
    return None
