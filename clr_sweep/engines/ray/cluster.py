"""Joining a Ray cluster, and what it has room for."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray

from clr_sweep.common.cores import usable_cores
from clr_sweep.common.counts import plural
from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.definition.engine_config import EngineConfig

# Ray makes sockets below its folder: .../ray/session_2026-11-29_14-58-34_887607_33760/sockets/...
_SOCKET_BYTES = 107
_BELOW = len("/ray/session_0000-00-00_00-00-00_000000_0000000/sockets/plasma_store.1")
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 30.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


@dataclass(frozen=True)
class Cluster:
    """A Ray cluster that this process has joined, and what a job reserves in it.

    Attributes:
        address: for people.
    """

    config: EngineConfig
    address: str

    def capacity(self) -> int:
        """How many jobs the nodes that are there have room for, were they empty.

        Raises:
            InputError: none of them has any.
        """
        config, nodes = self.config, self._nodes()
        if fitting := sum(self._fit(node) for node in nodes):
            return fitting
        most = {kind: max((node.get(kind, 0) for node in nodes), default=0) for kind in _KINDS}
        asked, there = (
            [plural(of["CPU"], "CPU"), plural(of["GPU"], "GPU")]
            for of in ({"CPU": config.cpus, "GPU": config.gpus}, most)
        )
        raise InputError(
            f"engine: a trial reserves {' and '.join(asked)}, and the Ray cluster {self.address} "
            f"has no such node (it has {self.size}; the most on one: {', '.join(there)}): ask for "
            "less with engine.cpus and engine.gpus, or, where nodes come when they are needed, say "
            "with study.jobs how many trials to run at once"
        )

    @property
    def size(self) -> str:
        """How many nodes it has, for people."""
        count = len(self._nodes())
        return f"{plural(count, 'node')}"

    @property
    def gpus(self) -> tuple[str, ...]:
        """The kinds of the GPUs that jobs may get, one for each."""
        found: list[str] = []
        for node in self._nodes() if self.config.gpus else ():
            kinds = [name.partition(":")[2] for name in node if name.startswith("accelerator_type")]
            found += [kinds[0] if kinds else "GPU"] * int(node.get("GPU", 0))
        return tuple(found)

    def _nodes(self) -> list[dict[str, float]]:
        return [node["Resources"] for node in ray.nodes() if node["Alive"]]

    def _fit(self, resources: dict[str, float]) -> int:
        asked = dict(zip(_KINDS, (self.config.cpus, self.config.gpus), strict=True))
        # Half a GPU twice is one: the sum of parts that no float holds is not cut short.
        return min(int(resources.get(kind, 0) / n + 1e-9) for kind, n in asked.items() if n)


_KINDS = ("CPU", "GPU")


@contextlib.contextmanager
def joined(config: EngineConfig, modules: Sequence[Path]) -> Iterator[Cluster]:
    """A cluster, for as long as the block runs.

    Args:
        modules: files and packages of the user's, which Ray brings to every node.

    Raises:
        InputError: there is none at the address.
        ClrSweepError: it cannot be joined.
    """
    if ray.is_initialized():
        raise ClrSweepError("engine: this process has joined a Ray cluster already")
    _refuse_nobody(config.address)
    try:
        with _signals_kept():
            context = ray.init(
                log_to_driver=False,
                logging_level=logging.ERROR,
                runtime_env={"py_modules": [str(module) for module in modules]} if modules else {},
                **_settings(config.address),
            )
    except ConnectionError as error:
        raise _nobody(config.address, _first(error)) from None
    except (RuntimeError, ValueError, OSError, ray.exceptions.RayError) as error:
        raise ClrSweepError(
            f"engine.address: the Ray cluster at {config.address!r} cannot be joined: "
            f"{_first(error)}"
        ) from error
    try:
        shown = "of this machine" if config.address == "local" else f"at {_gcs(context)}"
        yield Cluster(config, shown)
    finally:
        with _signals_kept():
            ray.shutdown()


def _refuse_nobody(address: str) -> None:
    """Ask whether a cluster answers at an address: `ray.init` would ask for minutes, or for ever.

    Raises:
        InputError: none does.
    """
    if address == "local":
        return
    named = (os.environ.get("RAY_ADDRESS") or address) if address == "auto" else address
    host, _, port = named.rpartition(":")
    try:
        if port.isdecimal():
            socket.create_connection((host, int(port)), timeout=_CONNECT_SECONDS).close()
        # In a process that can be ended.
        asked = (sys.executable, "-m", "ray.scripts.scripts", "health-check", "--address", address)
        done = subprocess.run(
            [*asked, "--skip-version-check"],
            capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False,
        )  # fmt: skip
    except (OSError, OverflowError) as error:
        raise _nobody(named, str(error)) from None
    except subprocess.TimeoutExpired:
        raise _nobody(named, "nothing answers there as Ray does") from None
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["it does not answer"]
        raise _nobody(named, lines[-1])


def _nobody(address: str, why: str) -> InputError:
    return InputError(
        f"engine.address: there is no Ray cluster at {address!r} ({why}): start one "
        "(`ray start --head`), name its head (HOST:PORT, or RAY_ADDRESS), or say address: local"
    )


def _settings(address: str) -> dict[str, Any]:
    if address != "local":
        return {"address": address}
    # Of its own: nobody else is to reach it, and nothing is told to Ray's makers.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Its workers would give way to all else, the driver and the drawing of its figures too.
    os.environ.setdefault("RAY_worker_niceness", "0")
    folder = tempfile.gettempdir()
    if len(os.fsencode(folder)) + _BELOW > _SOCKET_BYTES:
        raise InputError(
            f"engine.address: local: the path of the temporary folder {folder} is too long for "
            f"Ray's sockets: set TMPDIR to a shorter one"
        )
    return {
        "address": "local",
        "include_dashboard": False,
        "_node_ip_address": "127.0.0.1",
        "_temp_dir": f"{folder}/ray",
        "num_cpus": usable_cores(),
    }


def _gcs(context: Any) -> str:
    return str(context.address_info.get("gcs_address") or context.address_info["address"])


def _first(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


@contextlib.contextmanager
def _signals_kept() -> Iterator[None]:
    """Ctrl-C and SIGTERM are the sweep's again after the block; Ray takes them for itself."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
