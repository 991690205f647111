"""What is done when another module is imported: once, after it, and never instead of it."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import ModuleSpec
from pathlib import Path
from threading import Event, Thread

import pytest

from clr_sweep.common.when_imported import if_imported, when_imported

NAME = "imported_by_a_test"


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file of a module that can be imported in this test alone."""
    file = tmp_path / f"{NAME}.py"
    file.write_text("value = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    finders = list(sys.meta_path)
    yield file
    sys.modules.pop(NAME, None)
    sys.meta_path[:] = finders


def watched() -> list[int]:
    """What the module held each time that it was told of."""
    seen: list[int] = []
    when_imported(NAME, lambda: seen.append(sys.modules[NAME].value))
    return seen


@pytest.mark.usefixtures("module")
def test_it_happens_once_after_the_import() -> None:
    """The module is whole by then; what listened does nothing more."""
    seen = watched()
    assert seen == []
    importlib.import_module(NAME)
    assert seen == [1]
    importlib.reload(sys.modules[NAME])
    assert seen == [1]


@pytest.mark.usefixtures("module")
def test_it_happens_at_once_where_the_import_is_past() -> None:
    """Whoever comes late is told of it all the same."""
    importlib.import_module(NAME)
    assert watched() == [1]


@pytest.mark.usefixtures("module")
def test_looking_for_the_module_is_no_import() -> None:
    """As many packages do, to see whether another is installed; its spec is the usual one."""
    usual = importlib.util.find_spec(NAME)
    seen = watched()
    found = importlib.util.find_spec(NAME)
    assert found is not None
    assert usual is not None
    assert (found.origin, found.name) == (usual.origin, usual.name)
    assert type(found.loader) is type(usual.loader)
    assert seen == []
    importlib.import_module(NAME)
    assert seen == [1]


def test_who_goes_through_the_finders_meanwhile_misses_none(
    module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One thread is half way through the list of finders when another ends the import."""
    begun, may_end, acted = Event(), Event(), Event()
    monkeypatch.setattr(sys, "events_of_a_test", (begun, may_end), raising=False)
    module.write_text(
        "import sys\nbegun, may_end = sys.events_of_a_test\nbegun.set()\nmay_end.wait(60)\n",
        encoding="utf-8",
    )
    when_imported(NAME, acted.set)
    thread = Thread(target=importlib.import_module, args=(NAME,))
    thread.start()
    assert begun.wait(60)

    class Asked:
        """A finder behind the one that listens: while it is asked, the other import ends."""

        def find_spec(self, *_: object) -> None:
            may_end.set()
            assert acted.wait(60)

    class Answers:
        """The finder behind it, which alone knows the module."""

        def find_spec(self, name: str, *_: object) -> ModuleSpec:
            return ModuleSpec(name, None)

    sys.meta_path[1:1] = [Asked(), Answers()]  # type: ignore[list-item]
    try:
        assert importlib.util.find_spec("looked_for_meanwhile") is not None
    finally:
        may_end.set()
        thread.join()


@pytest.mark.usefixtures("module")
def test_several_can_wait_for_one_module() -> None:
    """None keeps another from being told."""
    first, second = watched(), watched()
    importlib.import_module(NAME)
    assert (first, second) == ([1], [1])


def test_a_failed_import_is_not_told_of(module: Path) -> None:
    """It fails as it would, and the next one may succeed."""
    module.write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    seen = watched()
    with pytest.raises(RuntimeError, match="not today"):
        importlib.import_module(NAME)
    assert seen == []
    module.write_text("value = 22\n", encoding="utf-8")
    importlib.invalidate_caches()
    importlib.import_module(NAME)
    assert seen == [22]


def test_an_absent_module_stays_absent() -> None:
    """The usual error, from the usual place."""
    finders = list(sys.meta_path)
    seen = watched()
    try:
        with pytest.raises(ModuleNotFoundError, match=NAME):
            importlib.import_module(NAME)
    finally:
        sys.meta_path[:] = finders
    assert seen == []


def test_a_module_is_whole_where_it_is_found(module: Path) -> None:
    """While another thread imports it, it is in `sys.modules` already, and has nothing yet."""
    assert if_imported(NAME) is None
    began, may_end = Event(), Event()
    module.write_text("import sys\nsys.wait()\nvalue = 1\n", encoding="utf-8")

    def wait() -> None:
        began.set()
        assert may_end.wait(60)

    sys.wait = wait  # type: ignore[attr-defined]
    importing = Thread(target=importlib.import_module, args=(NAME,))
    found: list[int] = []
    asking = Thread(target=lambda: found.append(if_imported(NAME).value))
    try:
        importing.start()
        assert began.wait(60)
        assert not hasattr(sys.modules[NAME], "value")
        asking.start()
        may_end.set()
        asking.join(60)
    finally:
        may_end.set()
        importing.join(60)
        del sys.wait  # type: ignore[attr-defined]
    assert found == [1]


def test_a_module_that_may_not_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    """It stands as None in `sys.modules`: it has not been imported, and is not now."""
    monkeypatch.setitem(sys.modules, NAME, None)
    assert if_imported(NAME) is None
