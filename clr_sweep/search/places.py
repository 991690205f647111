"""Where a study's folders lie: stored relative to what moves with them, its SQLite file.

A study in a server's database is shared by machines: its folders are stored whole, and it goes on
where it was begun, from whatever folder.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna

from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.search.attributes import FACTS
from clr_sweep.search.storage import DEFAULT_STORAGE, open_storage
from clr_sweep.search.study_folder import STUDIES_FOLDER


class Places:
    """Of one study, as it is now.

    Attributes:
        home: the study's folder; None where nothing says which it is.
    """

    def __init__(self, study: optuna.Study) -> None:
        self._base = base_of(study._storage)
        facts: Mapping[str, Any] = study.user_attrs.get(FACTS, {})
        self.home = self.whole(facts["folder"]) if "folder" in facts else None
        if self._base is not None and self.home is not None and not facts.get("movable"):
            # Stored whole by an earlier version: where the study was copied or moved, its storage
            # went with it, and lay beside the folder of its studies.
            beside = self._base / STUDIES_FOLDER / study.study_name
            self.home = beside if beside.is_dir() else self.home

    def stored(self, path: Path) -> str:
        """A path as it is stored."""
        return stored(self._base, path)

    def whole(self, text: str) -> Path:
        """A stored path as it was meant."""
        return Path(text) if self._base is None else self._base / text

    def found(self, text: str, within: str = "") -> Path:
        """A stored path of something in the study's folder: there, wherever that is by now.

        Args:
            within: the folder below the study's that it lies in.
        """
        meant = self.whole(text)
        if self.home is None:
            return meant
        here = self.home / within / meant.name
        # A study may have been run in several folders: what lies in the others stays there.
        return meant if meant.exists() and not here.exists() else here


def folder_of(storage: optuna.storages.BaseStorage, study: str) -> Path:
    """A study's folder, for a driver that starts in the current one.

    It is below the current folder; that of a study in a server's database is the one where a
    driver was before, if it is there: what was interrupted goes on from what lies there.
    """
    here = Path.cwd() / STUDIES_FOLDER / study
    if base_of(storage) is not None:
        return here
    try:
        facts = storage.get_study_user_attrs(storage.get_study_id_from_name(study)).get(FACTS, {})
    except KeyError:
        return here
    before = Path(facts.get("folder", here))
    return before if before.is_dir() else here


def studies_folder(url: str | None, study: str) -> Path:
    """The folder that a study's folder lies in, and those of its comparison.

    Args:
        url: of the storage; None is the default one.

    Raises:
        StoreError: the storage cannot be used.
    """
    return folder_of(open_storage(url or DEFAULT_STORAGE), study).parent


def placed(storage: optuna.storages.BaseStorage, facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a study keeps of its files, with its paths as they are stored."""
    if "folder" not in facts:
        return dict(facts)
    base = base_of(storage)
    folders = [stored(base, Path(folder)) for folder in facts["search_path"]]
    folder = stored(base, Path(facts["folder"]))
    return {**facts, "folder": folder, "search_path": folders, "movable": True}


def base_of(storage: optuna.storages.BaseStorage) -> Path | None:
    """The folder of a SQLite storage's file; None for any other."""
    url = url_of(storage)
    file = sqlite_file(url) if url is not None else None
    return None if file is None else file.absolute().parent


def url_of(storage: optuna.storages.BaseStorage) -> str | None:
    """The URL of a storage, with the password that it may have; None where there is none."""
    return getattr(backend_of(storage), "url", None)


def backend_of(storage: optuna.storages.BaseStorage) -> optuna.storages.BaseStorage:
    """The storage itself, where Optuna has put its cache before a database."""
    backend: optuna.storages.BaseStorage = getattr(storage, "_backend", storage)
    return backend


def stored(base: Path | None, path: Path) -> str:
    """A path relative to a folder above it; one that lies elsewhere is stored whole."""
    for whole, above in ((path, base), (Path(os.path.realpath(path)), base and base.resolve())):
        if above is not None and whole.is_absolute() and whole.is_relative_to(above):
            return str(whole.relative_to(above))
    return str(path)
