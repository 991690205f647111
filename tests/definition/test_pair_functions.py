"""A loss or metric of the user's own has to take labels and outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from clr_sweep.common.errors import InputError
from clr_sweep.definition.own_functions import import_function
from clr_sweep.definition.pair_functions import check_pair, pair_problem

CODE = """
import functools

def make(): ...
def one(y_true): ...
def pair(y_true, y_pred, power=2): ...
def three(y_true, y_pred, power): ...
def by_keyword(y_true, y_pred, *, power): ...
def places(y_true, y_pred, /): ...
def any_number(*given): ...

@functools.lru_cache
def wrapped(): ...

class Made: ...
"""


@pytest.mark.parametrize(
    ("name", "shown", "takes_more"),
    [
        ("make", "()", True),
        ("one", "(y_true)", True),
        ("pair", None, False),
        ("three", None, True),
        ("three", "(y_true, y_pred, power)", False),
        ("places", None, False),
        ("any_number", None, False),
        ("wrapped", None, False),
        ("Made", None, False),
    ],
)
def test_as_its_source_has_it(
    name: str, shown: str | None, takes_more: bool, tmp_path: Path
) -> None:
    """Said before anything is imported, of what the source leaves no doubt."""
    (tmp_path / "pairs.py").write_text(CODE)
    problem = pair_problem(f"pairs:{name}", [tmp_path], takes_more=takes_more)
    wanted = f"must be a class or a function of (y_true, y_pred), got a function of {shown}"
    assert problem == (None if shown is None else wanted)


def test_as_python_knows_it(tmp_path: Path) -> None:
    """A decorated function too, before Keras calls it."""
    (tmp_path / "known_pairs.py").write_text(CODE)
    for name, arguments, is_wrong in (
        ("wrapped", {}, True),
        ("by_keyword", {}, True),
        ("by_keyword", {"power": 3}, False),
        ("pair", {}, False),
        ("any_number", {}, False),
    ):
        function, _ = import_function(f"known_pairs:{name}", [tmp_path])
        if is_wrong:
            with pytest.raises(InputError, match=rf"^training\.loss: .*:{name} must be a class or"):
                check_pair(function, f"known_pairs:{name}", "training.loss", arguments)
        else:
            check_pair(function, f"known_pairs:{name}", "training.loss", arguments)
