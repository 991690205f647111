"""A notebook's cell as the place where a sweep is seen: plain lines, and a bar below them."""

from __future__ import annotations

import html
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TextIO

from clr_sweep.common.when_imported import if_imported

if TYPE_CHECKING:
    from clr_sweep.study.progress import Field


def in_notebook() -> bool:
    """Whether this process is the kernel of a notebook."""
    ipython = if_imported("IPython")
    shell = None if ipython is None else ipython.get_ipython()
    return getattr(shell, "kernel", None) is not None


def stream() -> TextIO:
    """Where lines go: to standard error, which leaves standard output free.

    Not in a notebook, which shows standard error as a failure.
    """
    return sys.stdout if in_notebook() else sys.stderr


class NotebookBar:
    """What rich's bar is on a terminal, as one output of a cell that is replaced.

    Args:
        total: trials in all.
    """

    def __init__(self, total: int) -> None:
        self._total = total
        self._handle: Any = None

    def start(self) -> None:
        """Show it, empty."""
        from IPython.display import display

        self._handle = display(  # type: ignore[no-untyped-call]
            self._shown(0, ""), raw=True, display_id=True
        )  # IPython tells types of some functions alone

    def stop(self) -> None:
        """It stays as it is."""

    def update(self, _task: int, *, completed: int, fields: Sequence[Field]) -> None:
        """Replace it; called as rich's."""
        text = " \u00b7 ".join(field.text for field in fields)
        self._handle.update(self._shown(completed, text), raw=True)

    def _shown(self, completed: int, text: str) -> dict[str, str]:
        plain = f"trials {completed}/{self._total}  {text}".rstrip()
        bar = f'<progress value="{completed}" max="{self._total}"></progress>'
        return {"text/plain": plain, "text/html": f"<div>{bar} {html.escape(plain)}</div>"}
