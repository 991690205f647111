"""`clr-sweep` with the moments of its start marked: `python -m benchmarks.start.sweep run FILE`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from benchmarks.start.marks import mark, mark_after
from clr_sweep.common.when_imported import when_imported

# What the driver does until it starts the first training, in the order in which it began.
DRIVER = {
    "clr_sweep.tracking.store:connect": "MLflow's store open",
    "clr_sweep.search.storage:open_storage": "study's storage open",
    "clr_sweep.search.storage:open_study": "study open",
    "clr_sweep.study.parent_run:open_parent": "parent run open",
}


def _watch_engine() -> None:
    from clr_sweep.engines.local import forkserver

    local = sys.modules["clr_sweep.engines.local.engine"]
    around = ("benchmarks.start.server_began", "benchmarks.start.server_up")
    forkserver.PRELOAD = (around[0], *forkserver.PRELOAD, around[1])  # type: ignore
    start = local.LocalEngine.start

    def marked(engine: Any, key: Any, function: str, payload: Any, log: Path) -> None:
        mark(f"{function.partition(':')[2]} asked for")
        start(engine, key, "benchmarks.start.jobs:run", (function, payload), log)

    local.LocalEngine.start = marked


if __name__ == "__main__":
    mark("Python up")
    when_imported("clr_sweep.engines.local.engine", _watch_engine)
    when_imported("clr_sweep.commands.run", lambda: mark("driver's imports done"))
    for function, moment in DRIVER.items():
        mark_after(function, moment)
    from clr_sweep.cli import main

    main(prog_name="clr-sweep")
