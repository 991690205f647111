"""Functions in hand by the names that other processes find them by."""

from __future__ import annotations

import functools
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import written_sweeps
from small_studies import SmallStudy

from clr_sweep.library.named import name_of_function


def local() -> Any:
    """A function that has no name of its own."""

    def inner() -> None:
        """Within another."""

    return inner


def test_a_function_and_a_class_of_a_module() -> None:
    """Named by the module; the folder is the one that the module lies in."""
    folder = Path(written_sweeps.__file__).parent
    assert name_of_function(written_sweeps.sweep, "m") == ("written_sweeps:sweep", folder)
    assert name_of_function(SmallStudy, "m") == ("small_studies:SmallStudy", folder)


def test_of_a_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder is that of the outermost package."""
    package = tmp_path / "own_package" / "models"
    package.mkdir(parents=True)
    for file in (package.parent / "__init__.py", package / "__init__.py"):
        file.touch()
    (package / "small.py").write_text("def build(): ...\n")
    (package / "__init__.py").write_text("def build(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    from own_package import models  # type: ignore[import-not-found]
    from own_package.models import small

    assert name_of_function(small.build, "m") == ("own_package.models.small:build", tmp_path)
    assert name_of_function(models.build, "m") == ("own_package.models:build", tmp_path)


def test_what_is_installed_needs_no_folder() -> None:
    """Every process finds it."""
    import numpy

    assert name_of_function(numpy.load, "m")[1] is None


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda: None, "<lambda> is not found under its name in the module test_named"),
        (local(), r"local.<locals>.inner is not found under its name"),
        (functools.partial(local), "must be a function that makes it, got a partial"),
        (object(), "got an? object"),
    ],
)
def test_what_has_no_name(given: Any, message: str) -> None:
    """Refused with the reason."""
    with pytest.raises(ValueError, match=message):
        name_of_function(given, "m")


def of_main(monkeypatch: pytest.MonkeyPatch, file: str | None) -> Any:
    """A function of a main module: of this program, or of a notebook's cells."""
    main = types.ModuleType("__main__")
    if file is not None:
        main.__file__ = file
    exec("def build(): ...", vars(main))
    monkeypatch.setitem(sys.modules, "__main__", main)
    return main.build  # type: ignore[attr-defined]


def test_of_the_program_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """A trial's process would have to run the program again."""
    build = of_main(monkeypatch, "/there/train.py")
    with pytest.raises(ValueError, match=r"program itself, train.py, .* beside it \(my_model.py\)"):
        name_of_function(build, "my_model")


def test_of_a_notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the lines that mend it."""
    build = of_main(monkeypatch, None)
    with pytest.raises(ValueError, match=r"%%writefile my_model.py.*from my_model import build"):
        name_of_function(build, "my_model")
