"""`clr-sweep compare`: which stored studies it refuses."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from clr_sweep.commands.compare import stored_comparison
from clr_sweep.common.errors import InputError
from clr_sweep.search.attributes import FACTS, SWEEP
from clr_sweep.study.part import SEARCH
from clr_sweep.tracking.which_store import StoreChoice


def test_the_search_of_a_rival_is_not_compared(tmp_path: Path) -> None:
    """It would be called CLR, whatever it is."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    study = optuna.create_study(study_name="tiny.constant", storage=url)
    study.set_user_attr(SWEEP, {})
    study.set_user_attr(FACTS, {"search_path": [], **SEARCH.facts})
    with pytest.raises(InputError, match=r"'tiny.constant' is a search that a comparison made"):
        stored_comparison("tiny.constant", {}, url, StoreChoice())
