"""What stands in place of clr-sweep in a Slurm job: it says what it finds, and is held.

It runs until a file `go` is there, or SIGTERM comes, with the exit statuses of clr-sweep.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import ray


def stopped(*_: Any) -> None:
    say("stopped")
    os._exit(128 + signal.SIGTERM)


def say(what: str, **more: Any) -> None:
    with Path("said.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps({"said": what, **more}) + "\n")


signal.signal(signal.SIGTERM, stopped)
ray.init(address="auto", log_to_driver=False, logging_level="ERROR")
signal.signal(signal.SIGTERM, stopped)  # Ray has taken it
say("started", arguments=sys.argv[1:], cpus=ray.cluster_resources()["CPU"])
nodes = sum(node["Alive"] for node in ray.nodes())
while not Path("go").exists():
    time.sleep(0.1)
    alive = sum(node["Alive"] for node in ray.nodes())
    if alive < nodes:
        say("a node less", cpus=ray.cluster_resources()["CPU"])
        nodes = alive
say("ended")
