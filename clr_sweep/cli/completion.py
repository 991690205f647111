"""What a shell completes: names of studies and of sweeps, found without importing Optuna."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

_DEFAULT = "sqlite:///optuna.db"


def studies(ctx: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    """The studies of the storage that is named before, or of the current folder's.

    Those of a SQLite file alone: a server may take its time to answer, or be none.
    """
    import sqlite3
    from contextlib import closing

    from click.shell_completion import CompletionItem

    scheme, _, name = (ctx.params.get("storage") or _DEFAULT).partition(":///")
    file = Path(name)
    if scheme != "sqlite" or not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as database:
            names = database.execute("SELECT study_name FROM studies ORDER BY study_name")
            return [CompletionItem(found) for (found,) in names if found.startswith(begun)]
    except sqlite3.Error:  # in the middle of a line there is nobody to be told
        return []


def sweeps(_ctx: click.Context, _argument: click.Parameter, begun: str) -> list[CompletionItem]:
    """The shell's own files, and the sweeps that clr-sweep ships."""
    from click.shell_completion import CompletionItem

    from clr_sweep.definition.shipped_sweeps import shipped_sweeps

    names = [CompletionItem(name) for name in shipped_sweeps() if name.startswith(begun)]
    return [*names, CompletionItem(begun, type="file")]
