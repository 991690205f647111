"""Run by test_scratch.py as a command of its own: `scratch_driver.py WHAT FOLDER`.

Prints one line of JSON, then waits for a signal (SIGTERM ends it in order).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.stopping import stop_request
from clr_sweep.engines.base import Done
from clr_sweep.engines.local import engine as local
from clr_sweep.engines.local import forkserver


def hold(logs: Path) -> None:
    """Leave temporary files in this process, its server and a job; wait for the end."""
    forkserver.PRELOAD = ()
    with stop_request() as stop, scratch_folder() as folder, local.local_engine(1) as engine:
        left: list[object] = [tempfile.mkdtemp(prefix="of-driver-")]
        engine.start("job", "engine_jobs:leave_temporary_file", "text", logs / "log.txt")
        (event,) = engine.wait(600)
        assert isinstance(event, Done), event
        left.append(event.value)
        # Of the command itself: what a job leaves behind ends with it.
        sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
        nowhere = subprocess.DEVNULL
        beside = subprocess.Popen(sleep, stdout=nowhere, stderr=nowhere, start_new_session=True)
        left.append(beside.pid)
        # Still there when this process is killed.
        engine.start("job", "engine_jobs:stay", "hear", logs / "log.txt")
        assert engine.wait(600)
        print(json.dumps({"folder": str(folder), "left": left}), flush=True)
        while not stop:
            time.sleep(0.02)
    beside.returncode = 0  # it goes on, and this is not to be complained of


def come_and_go(times: int) -> None:
    """Make and leave folders; none is taken away by another process that does the same."""
    for number in range(times):
        with scratch_folder() as folder:
            (folder / "mine").write_text(str(number))
            time.sleep(0.002)
            assert (folder / "mine").read_text() == str(number)
            assert (folder / "lock").exists()
        assert not folder.exists()


if __name__ == "__main__":
    if sys.argv[1] == "hold":
        hold(Path(sys.argv[2]))
    else:
        come_and_go(int(sys.argv[2]))
