"""Something done when another module has been imported, without importing it now."""

from __future__ import annotations

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
    """
    if name in sys.modules:
        act()
    else:
        # wrapt does this too, but it imports asyncio, which would be half the start of `--help`.
        sys.meta_path.insert(0, _Finder(name, act))


class _Finder:
    """Finds one module as the finders behind it do, and calls `act` when it has been loaded."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        self._name, self._act = name, act

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        for finder in sys.meta_path[sys.meta_path.index(self) + 1 :]:
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
            if module.__name__ == self._name and self in sys.meta_path:
                sys.meta_path.remove(self)
                self._act()

        loader.exec_module = load_and_act  # type: ignore[method-assign]
