"""A new storage that several sweeps open at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import optuna
import pytest

from clr_sweep.search.storage import open_storage

AT_ONCE = 4


@pytest.mark.parametrize("attempt", range(3))
def test_a_new_storage_that_several_make(tmp_path: Path, attempt: int) -> None:
    """Each finds the tables whole; Optuna alone ends with an IntegrityError nearly each time."""
    url, together = f"sqlite:///{tmp_path / 'optuna.db'}", Barrier(AT_ONCE)

    def begin(number: int) -> str:
        together.wait(60)
        name = f"study {number} of {attempt}"
        return optuna.create_study(study_name=name, storage=open_storage(url)).study_name

    with ThreadPoolExecutor(AT_ONCE) as threads:
        made = list(threads.map(begin, range(AT_ONCE)))
    assert sorted(optuna.get_all_study_names(url)) == sorted(made)
