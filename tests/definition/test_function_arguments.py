"""The arguments of a user's function, read without importing it."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path

import pytest

from clr_sweep.definition.own_functions import function_arguments


def arguments(folder: Path, source: str, name: str = "build") -> tuple[str, ...] | None:
    """Those of a function in a module that cannot be imported: it raises an exception."""
    text = textwrap.dedent(source) + "\nraise RuntimeError('imported')\n"
    (folder / "unimported.py").write_text(text, encoding="utf-8")
    found = function_arguments(f"unimported:{name}", [folder])
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


@pytest.mark.parametrize("name", ["build", "", ":", "a b:c", "no_such_module:build", "math:sqrt"])
def test_names_without_a_source(tmp_path: Path, name: str) -> None:
    """What is no module:function, is not there, or is no Python source."""
    assert function_arguments(name, [tmp_path]) is None
