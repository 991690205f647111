"""`clr-sweep list`: the studies of a storage."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

import optuna

from clr_sweep.common.text_table import text_table
from clr_sweep.results.as_json import json_text
from clr_sweep.results.words import value
from clr_sweep.search.listing import ListedStudy, listed_studies
from clr_sweep.search.one_driver import is_run
from clr_sweep.search.storage import DEFAULT_STORAGE, open_storage
from clr_sweep.study.killed_driver import GONE
from clr_sweep.study.store_errors import plain_storage_errors

_HEAD = ("study", "state", "trials", "best", "began")


def list_studies(url: str | None, width: int | None, *, as_json: bool) -> str:
    """The studies, by name.

    Args:
        url: of the study storage; None is the default one.
        width: columns of the terminal; None: any.
        as_json: for programs.

    Raises:
        StoreError: the storage cannot be used.
    """
    with plain_storage_errors(url):
        store = open_storage(url or DEFAULT_STORAGE, must_exist=True)
        found = _as_run(store, url)
    if as_json:
        return json_text([_content(study) for study in found])
    if not found:
        return "the storage holds no study of clr-sweep"
    return text_table(_HEAD, [_row(study) for study in found], width, ("study", "best"))


def _as_run(store: optuna.storages.BaseStorage, url: str | None) -> list[ListedStudy]:
    """Interrupted is what says that it is running and nobody runs; see `study_as_run`."""
    found = list(listed_studies(store))
    says_running = (study.name for study in found if study.state == "running")
    gone = {name for name in says_running if is_run(url, name) is False}
    if not gone:
        return found
    return [
        replace(study, state="interrupted", reason=GONE)
        if study.name in gone and study.state == "running"
        else study
        for study in listed_studies(store)
    ]


def _row(study: ListedStudy) -> tuple[str, ...]:
    return (
        study.name,
        study.state,
        f"{study.ended}/{study.planned}",
        "-" if study.best is None else f"{study.metric} {value(study.best)}",
        "-" if study.began is None else f"{study.began:%Y-%m-%d}",
    )


def _content(study: ListedStudy) -> dict[str, Any]:
    began = None if study.began is None else study.began.astimezone().isoformat()
    return {**asdict(study), "ended": study.ended, "began": began}
