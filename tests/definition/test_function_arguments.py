"""The arguments of a user's function, read without importing it."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest
from written_sweeps import problems, written

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_functions import function_arguments
from clr_sweep.training.models import FACTS


def arguments(folder: Path, source: str, name: str = "build") -> tuple[str, ...] | None:
    """Those of a function in a module that cannot be imported: it raises an exception."""
    text = textwrap.dedent(source) + "\nraise RuntimeError('imported')\n"
    (folder / "unimported.py").write_text(text, encoding="utf-8")
    found = function_arguments(f"unimported:{name}", [folder]).names
    assert "unimported" not in sys.modules
    return found


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def build(): ...", ()),
        ("def build(input_shape, classes, units=8): ...", ("input_shape", "classes", "units")),
        ("def build(a: int = 1, *, b: str = 'x') -> None: ...", ("a", "b")),
        ("def build(a, *more): ...", ("a",)),
        ("if True:\n    def build(a): ...", ("a",)),
        ("def build(a):\n    build = 1\n    def other(build): ...", ("a",)),
        ("class Other:\n    def build(self): ...\ndef build(a): ...", ("a",)),
    ],
)
def test_what_the_source_tells(tmp_path: Path, source: str, names: tuple[str, ...]) -> None:
    """Every name that may be given, whatever else the module holds."""
    assert arguments(tmp_path, source) == names


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def build(a, **others): ...",
        "def build(a, /): ...",
        "@decorated\ndef build(a): ...",
        "async def build(a): ...",
        "class build:\n    def __init__(self, a): ...",
        "build = lambda a: a",
        "from other import build",
        "from other import *\ndef build(a): ...",
        "def build(a): ...\nbuild = decorated(build)",
        "if old:\n    def build(a): ...\nelse:\n    def build(a, b): ...",
        "try:\n    from other import build\nexcept ImportError:\n    def build(a): ...",
        "def build(a): ...\nfor build in range(3): ...",
        "def build(a:",
        "\0",
    ],
)
def test_what_it_does_not_tell(tmp_path: Path, source: str) -> None:
    """Where the function may be another one than it seems, nothing is said of its arguments."""
    assert arguments(tmp_path, source) is None


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def build(input_shape, classes, *, units, **kw): ...", ("units",)),
        ("def build(classes, units, depth=2, *, rate, name=None): ...", ("units", "rate")),
        ("def build(units=8, *, classes): ...", ()),
        ("def build(units=None, *more, depth=None): ...", ()),
        ("@decorated\ndef build(units): ...", ()),
        ("def build(units, /): ...", ()),
    ],
)
def test_what_has_to_be_given(tmp_path: Path, source: str, names: tuple[str, ...]) -> None:
    """An argument without a default that the data do not give, where the source tells it."""
    (tmp_path / "unimported.py").write_text(source, encoding="utf-8")
    required = function_arguments("unimported:build", [tmp_path]).required
    assert tuple(name for name in required if name not in FACTS) == names


@pytest.mark.parametrize("given", [{}, {"units": 4}])
def test_the_baseline_needs_a_value(tmp_path: Path, given: dict[str, int]) -> None:
    """One that only the search space gives is refused when the file is read."""
    text = "def build(input_shape, classes, *, units, **kw): ...\n"
    (tmp_path / "unimported.py").write_text(text, encoding="utf-8")
    model = {"name": "unimported:build", "arguments": given}
    file = written(tmp_path, {"model": model, "search_space.model.units": [8, 32]})
    if given:
        assert load_sweep(file).model.arguments == given
    else:
        assert problems(file) == [
            "model.arguments.units: is required by unimported:build, and the baseline needs a "
            "value: give it one here (search_space gives one to the trials alone), or give the "
            "function a default"
        ]


@pytest.mark.parametrize("name", ["build", "", ":", "a b:c", "no_such_module:build", "math:sqrt"])
def test_names_without_a_source(tmp_path: Path, name: str) -> None:
    """What is no module:function, is not there, or is no Python source."""
    assert function_arguments(name, [tmp_path]).names is None
