"""What is done with other modules where they have been imported, without importing them."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.abc import Loader


def when_imported(name: str, act: Callable[[], None]) -> None:
    """Call `act` once the module `name` has been imported: now, if it has been already.

    An import that fails calls nothing; the next one may. What `act` raises, the import raises.

    `act` runs at the end of the import of `name`, in the thread that imports it, while every other
    thread that imports `name` waits. So it may not assume that a module which imports `name`
    itself is whole: it may be that very module's import which calls it.
    """
    if name in sys.modules:
        act()
    else:
        # wrapt does this too, but it imports asyncio, which would be half the start of `--help`.
        sys.meta_path.insert(0, _Finder(name, act))


def if_imported(name: str) -> ModuleType | None:
    """The module `name` where it has been imported, else None.

    While another thread imports it, this waits: it is in `sys.modules` before it is whole.
    """
    # None stands for a module that may not be imported.
    return None if sys.modules.get(name) is None else importlib.import_module(name)


class _Finder:
    """Finds one module as the finders behind it do, and calls `act` when it has been loaded.

    It stays among the finders, where it does nothing more: to take it out while another thread
    goes through the list would make that thread miss a finder, and fail to import something else.
    """

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._name, self._act = name, act
        self._has_acted = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name or self._has_acted:
            return None
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :]:
            if (spec := finder.find_spec(fullname, path, target)) is not None:
                if spec.loader is not None:
                    self._listen(spec.loader)
                return spec
        return None

    def _listen(self, loader: Loader) -> None:
        load = loader.exec_module

        def load_and_act(module: ModuleType) -> None:
            load(module)
            # A loader may load other modules too, and a spec may be asked for more than once.
            if module.__name__ == self._name and not self._has_acted:
                self._has_acted = True
                self._act()

        loader.exec_module = load_and_act  # type: ignore[method-assign]
