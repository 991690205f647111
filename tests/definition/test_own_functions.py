"""Functions of the user's own: found without importing, imported, and called."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.own_functions import (
    called,
    function_problems,
    import_function,
    importable,
)


def write(folder: Path, name: str, text: str = "def f():\n    return 1\n") -> Path:
    """A module, its packages' folders made."""
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def test_the_path_is_put_back(tmp_path: Path) -> None:
    """Folders stand in front, in their order, for as long as the block runs, whatever happens."""
    before = list(sys.path)
    with pytest.raises(RuntimeError), importable([tmp_path, tmp_path / "b"]):  # noqa: PT012
        assert sys.path == [str(tmp_path), str(tmp_path / "b"), *before]
        raise RuntimeError
    assert sys.path == before


@pytest.mark.parametrize(
    "name", ["f", ":f", "module:", "a b:f", "a-b:f", "a..b:f", "a:f:g", "1a:f", "a:f()", "../a:f"]
)
def test_names_that_are_none(name: str) -> None:
    """Anything but module:function is answered with an example and the name."""
    (problem,) = function_problems(name, [])
    assert problem == f"must be module:function, as in my_code:function, got {name!r}"


def test_finding_imports_nothing(tmp_path: Path) -> None:
    """A module in packages is found without running any of them."""
    text = "raise RuntimeError('run')\ndef f(): ..."
    for name in ("imports_a/__init__.py", "imports_a/b/__init__.py", "imports_a/b/c.py"):
        write(tmp_path, name, text)
    write(tmp_path, "imports_d.py", text)
    before = set(sys.modules)
    for name in ("imports_a.b.c", "imports_a.b", "imports_a", "imports_d"):
        assert function_problems(f"{name}:f", [tmp_path]) == []
    assert set(sys.modules) == before
    near = " - did you mean 'imports_a.b.c'?"
    missing = {"imports_a.b.x": "", "imports_a.b.cc": near, "imports_a.x.c": "", "imports_d.x": ""}
    for name, hint in missing.items():
        (problem,) = function_problems(f"{name}:f", [tmp_path])
        assert problem == (
            f"there is no module {name!r}{hint} (looked in {tmp_path} and Python's own path)"
        )


def test_a_file_just_written_is_found(tmp_path: Path) -> None:
    """Python's own list of a folder may be older than the file."""
    assert function_problems("imports_young:f", [tmp_path]) != []
    write(tmp_path, "imports_young.py")
    assert function_problems("imports_young:f", [tmp_path]) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def build(): ...", "there is no 'biuld' in FILE - did you mean 'build'?"),
        ("class Other:\n    def biuld(self): ...", "there is no 'biuld' in FILE"),
        ("def other():\n    biuld = 1", "there is no 'biuld' in FILE"),
        ("def biuld(:", "FILE, line 1: Python cannot read it, invalid syntax"),
        (
            "biuld = 1\n\0",
            "FILE: Python cannot read it, source code string cannot contain null bytes",
        ),
    ],
)
def test_what_the_source_shows_to_be_wrong(tmp_path: Path, text: str, said: str) -> None:
    """Said by `check`, and before a study is made of a name that nobody can import."""
    file = write(tmp_path, "imports_wrong.py", text)
    (problem,) = function_problems("imports_wrong:biuld", [tmp_path])
    assert problem.replace(str(file), "FILE") == said


@pytest.mark.parametrize(
    "text",
    [
        "if True:\n    def f(): ...",
        "try:\n    from nowhere import f\nexcept ImportError:\n    f = None",
        "from os.path import *",
        "import os.path as f",
        "g, *f = max, min",
        "with open('x') as f: ...",
        "(f := max)",
        "match max:\n    case f: ...",
        "globals()['f'] = max",
        "import sys\nsetattr(sys.modules[__name__], 'f', max)",
        "def __getattr__(name): ...",
        "def bind():\n    global f\n    f = max\nbind()",
        "exec('f = max')",
    ],
)
def test_what_the_source_leaves_in_doubt_is_imported(tmp_path: Path, text: str) -> None:
    """However a module comes to a name, it is not refused for its source."""
    write(tmp_path, "imports_doubt.py", text)
    assert function_problems("imports_doubt:f", [tmp_path]) == []


def test_a_folder_is_no_module(tmp_path: Path) -> None:
    """A folder without __init__.py has no functions; a module within it is found and works."""
    write(tmp_path, "imports_space/inner.py")
    (problem,) = function_problems("imports_space:f", [tmp_path])
    assert "is a folder without __init__.py" in problem
    function, _ = import_function("imports_space.inner:f", [tmp_path])
    assert function() == 1


def test_a_function_is_imported_with_its_place(tmp_path: Path) -> None:
    """The first folder of the search path wins; the module stays importable by pickle."""
    first, second = tmp_path / "first", tmp_path / "second"
    file = write(first, "imports_twice.py", "def f():\n    return 'first'\n")
    write(second, "imports_twice.py", "def f():\n    return 'second'\n")
    before = list(sys.path)
    function, place = import_function("imports_twice:f", [first, second])
    assert (function(), place) == ("first", f"{file}:f")
    assert sys.path == before
    assert sys.modules["imports_twice"].f is function


def test_a_module_may_import_its_neighbour(tmp_path: Path) -> None:
    """While it is imported, the folder is in the path."""
    write(tmp_path, "imports_neighbour.py", "VALUE = 5\n")
    write(
        tmp_path, "imports_main.py", "import imports_neighbour as n\ndef f():\n    return n.VALUE"
    )
    assert import_function("imports_main:f", [tmp_path])[0]() == 5


def test_a_namesake_is_refused(tmp_path: Path) -> None:
    """A module that has the name of one imported already would be the other one in silence."""
    write(tmp_path, "json.py")
    with pytest.raises(InputError, match="has the name of one that is imported already"):
        import_function("json:f", [tmp_path])
    for folder in ("one", "two"):
        write(tmp_path / folder, "imports_namesake.py")
    import_function("imports_namesake:f", [tmp_path / "one"])
    import_function("imports_namesake:f", [tmp_path / "one"])
    with pytest.raises(InputError) as caught:
        import_function("imports_namesake:f", [tmp_path / "two"])
    assert str(tmp_path / "one") in str(caught.value)
    assert str(tmp_path / "two") in str(caught.value)


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "no such name"), ("f = None\n", "no such name"), ("f = [1]\n", "a list")],
)
def test_no_function(tmp_path: Path, text: str, found: str) -> None:
    """What the name leads to is told, and where."""
    name = f"imports_no_{len(text)}"
    file = write(tmp_path, f"{name}.py", text)
    with pytest.raises(InputError) as caught:
        import_function(f"{name}:f", [tmp_path])
    assert str(caught.value) == f"{file}:f: must be a function, got {found}"


def test_a_module_that_raises(tmp_path: Path) -> None:
    """Its traceback is the message; the search path is as it was; a later try runs it again."""
    file = write(tmp_path, "imports_broken.py", "x = 1\nundefined\n")
    before = list(sys.path)
    for _ in range(2):
        with pytest.raises(TrialFailedError) as caught:
            import_function("imports_broken:f", [tmp_path])
        text = str(caught.value)
        assert text.startswith("importing imports_broken raised an exception:\nTraceback")
        assert f'File "{file}", line 2' in text
        assert text.endswith("NameError: name 'undefined' is not defined")
    assert sys.path == before
    file.write_text("def (\n")
    with pytest.raises(TrialFailedError, match="SyntaxError"):
        import_function("imports_broken:f", [tmp_path])


def test_a_call() -> None:
    """A value passes; an exception is told with its chain; an interrupt passes as it is."""
    assert called("doing", lambda: 3) == 3

    def chained() -> None:
        try:
            raise KeyError("first")
        except KeyError as error:
            raise ValueError("second") from error

    with pytest.raises(TrialFailedError) as caught:
        called("building", chained)
    assert "KeyError: 'first'" in str(caught.value)
    assert str(caught.value).endswith("ValueError: second")
    assert isinstance(caught.value.__cause__, ValueError)

    def interrupted() -> None:
        raise KeyboardInterrupt

    # Nothing else raises it in a job's process, which Ctrl-C does not reach.
    with pytest.raises(TrialFailedError, match="KeyboardInterrupt"):
        called("building", interrupted)
