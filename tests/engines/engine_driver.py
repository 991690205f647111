"""Run by test_local.py as a driver of its own that can be killed: `engine_driver.py FOLDER WHAT`.

Prints one line of JSON for each thing that happened.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import engine_jobs
from engine_events import server_pid

from clr_sweep.common.stopping import stop_request
from clr_sweep.engines.base import Message
from clr_sweep.engines.local import engine as local
from clr_sweep.engines.local import forkserver


def say(**what: Any) -> None:
    """Tell the test."""
    print(json.dumps(what), flush=True)


def main(folder: Path, what: str) -> None:
    """Start two jobs and act on what comes."""
    # These jobs need no Keras, so their server is there at once.
    forkserver.PRELOAD = ("clr_sweep.engines.local.last_import",)
    with stop_request() as stop, local.local_engine(2) as engine:
        if what == "surroundings":
            engine.start("a", "engine_jobs:surroundings", None, folder / "a.txt")
            for event in engine.wait(600):
                say(**event.value)
            return
        if what == "count":
            engine.start("a", "engine_jobs:count", folder / "counted", folder / "a.txt")
            (first_word,) = engine.wait(600)
            say(reported=[first_word.value])
            engine.answer("a", None)
            while not stop:
                engine.wait(0.05)
            return
        if what == "killed server":
            # Another one takes its place; what the test sends then goes to that.
            os.kill(server_pid(), signal.SIGKILL)
        for key in ("a", "b"):
            function: str = "engine_jobs:ask"
            payload: Any = ["before", "after"]
            if what == "stay":
                function, payload = "engine_jobs:stay", "hear"
            elif what == "leave":
                (folder / key).mkdir()
                kinds = list(engine_jobs.LEFT)
                function, payload = "engine_jobs:leave", (folder / key, kinds, "stay")
            engine.start(key, function, payload, folder / f"{key}.txt")
        first: list[Any] = []
        while len(first) < 2:  # both may come at once
            first += engine.wait(600)
        say(reported=[event.value for event in first], server=server_pid())
        while not stop:
            time.sleep(0.02)
        say(stopped_by=stop.signal_number)
        for event in first:
            engine.answer(event.key, "go on")
        while engine.running:
            for event in engine.wait(600):
                if isinstance(event, Message):
                    engine.answer(event.key, "end")
                else:
                    say(event=type(event).__name__, value=getattr(event, "value", None))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
