"""Jobs on a Ray cluster: a pool of workers, each an actor that holds one job at a time."""

from __future__ import annotations

import contextlib
import itertools
import logging
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayError

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.definition.engine_config import EngineConfig
from clr_sweep.engines.base import Device, Died, Event, Message
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.local.engine import DEATH_SECONDS, GRACE_SECONDS
from clr_sweep.engines.ray.cluster import Cluster, joined
from clr_sweep.engines.ray.shared_folder import Beacon, beacon
from clr_sweep.engines.ray.worker import Greeting, Worker, versions

logger = logging.getLogger("clr_sweep")

# Workers in a row that did not come to their greeting: it is no node that was just lost.
_FAILED_STARTS = 3
_PATIENCE_SECONDS = 30.0


@dataclass(eq=False)
class _Hired:
    """A worker, as the driver knows it.

    Attributes:
        greeting: what it is waited for with, until it has come.
        node: where it is; empty before it has said so.
    """

    actor: Any
    greeting: Any
    node: str = ""
    is_free: bool = False


@dataclass(eq=False)
class _Job:
    worker: _Hired
    number: int
    event: Any = field(default=None)


class RayEngine:
    """An `Engine` of the nodes of a Ray cluster.

    A worker reserves what one job needs and is used for one job after another, since its server
    imports Keras. One that is lost, with its node as a rule, shows as the death of its job, and
    another is asked for, which Ray places as soon as there is room.

    Args:
        shared: in the folder that jobs write into, which every node has to share.
    """

    def __init__(self, cluster: Cluster, shared: Beacon) -> None:
        self.slots = 0
        self._cluster, self._shared = cluster, shared
        self._workers: list[_Hired] = []
        self._jobs: dict[Hashable, _Job] = {}
        self._numbers = itertools.count()
        self._failed_starts = 0
        self._empty_since: float | None = None
        config = cluster.config
        # A worker's `stop` has to be heard while it waits for an event.
        self._hire = ray.remote(Worker).options(
            num_cpus=config.cpus,
            num_gpus=config.gpus,
            max_restarts=0,
            max_concurrency=2,
            scheduling_strategy="SPREAD",
        )

    def capacity(self) -> int:
        """See `Engine.capacity`."""
        return self._cluster.capacity()

    @property
    def place(self) -> str:
        """See `Engine.place`."""
        return f"the Ray cluster {self._cluster.address} ({self._cluster.size})"

    @property
    def devices(self) -> tuple[Device, ...]:
        """See `Engine.devices`: Ray gives them to the workers."""
        return tuple(Device(name, {}) for name in self._cluster.gpus)

    @property
    def running(self) -> tuple[Hashable, ...]:
        return tuple(self._jobs)

    @property
    def has_room(self) -> bool:
        """See `Engine.has_room`; not before a worker has come, which `wait` waits for."""
        return len(self._jobs) < self.slots and any(worker.is_free for worker in self._workers)

    def use(self, slots: int, devices: Sequence[Device]) -> None:  # noqa: ARG002 - Ray gives them
        """See `Engine.use`.

        Raises:
            InputError: a job fits nowhere, and nothing will come where it does.
        """
        if self._cluster.config.address == "local":
            self.capacity()
        self.slots = slots
        self._fill_pool()

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:
        """See `Engine.start`; there has to be room."""
        if key in self._jobs:
            raise ValueError(f"a job named {key!r} is running already")
        worker = next(worker for worker in self._workers if worker.is_free)
        number = next(self._numbers)
        log.parent.mkdir(parents=True, exist_ok=True)
        event = worker.actor.start.remote(number, key, function, payload, str(log))
        worker.is_free = False
        self._jobs[key] = _Job(worker, number, event)

    def answer(self, key: Hashable, value: Any) -> None:
        """See `Engine.answer`."""
        job = self._jobs[key]
        job.event = job.worker.actor.answer.remote(job.number, key, value)

    def wait(self, timeout: float) -> list[Event]:
        """See `Engine.wait`.

        Raises:
            ClrSweepError: jobs cannot run on a node, or no worker can be started.
        """
        jobs = {job.event: key for key, job in self._jobs.items() if job.event is not None}
        coming = {worker.greeting: worker for worker in self._workers if worker.greeting}
        if not jobs and not coming:
            time.sleep(timeout)
            return []
        waited_for = [*jobs, *coming]
        ready, _ = ray.wait(waited_for, num_returns=1, timeout=timeout)
        if ready:  # and all else that is there by now
            ready, _ = ray.wait(waited_for, num_returns=len(waited_for), timeout=0)
        for reference in ready:
            if reference in coming:
                self._greeted(coming[reference])
        self._say_that_nobody_comes()
        return [self._received(jobs[reference]) for reference in ready if reference in jobs]

    def stop(self, key: Hashable) -> None:
        """See `Engine.stop`."""
        if key not in self._jobs:
            raise ValueError(f"no job named {key!r} is running: {self.running}")
        self._stop([key])

    def stop_all(self) -> tuple[Hashable, ...]:
        """See `Engine.stop_all`."""
        stopped = self.running
        self._stop(stopped)
        return stopped

    def _stop(self, keys: Sequence[Hashable]) -> None:
        jobs = [self._jobs.pop(key) for key in keys]
        stops = {job.worker.actor.stop.remote(job.number): job.worker for job in jobs}
        if not stops:
            return
        # As long as a process of this machine gets.
        patience = GRACE_SECONDS + DEATH_SECONDS
        ended, _ = ray.wait(list(stops), num_returns=len(stops), timeout=patience)
        for reference, worker in stops.items():
            try:
                if reference not in ended:
                    raise RayActorError
                ray.get(reference)
                worker.is_free = True
            except RayError:
                self._dismiss(worker)

    def _fill_pool(self) -> None:
        """Ask for as many workers as there are slots, and let go those that are too many."""
        for worker in [one for one in self._workers if one.is_free or one.greeting]:
            if len(self._workers) > self.slots:
                self._dismiss(worker, refill=False)
        while len(self._workers) < self.slots:
            actor = self._hire.remote(str(Path.cwd()), forkserver.PRELOAD)
            self._workers.append(_Hired(actor, actor.greet.remote(self._shared)))

    def _greeted(self, worker: _Hired) -> None:
        try:
            greeting: Greeting = ray.get(worker.greeting)
        except RayError as error:
            self._failed_starts += 1
            if self._failed_starts == _FAILED_STARTS:
                raise ClrSweepError(
                    f"{self.place}: no worker can be started: {_reason(error)}"
                ) from error
            self._dismiss(worker)
            return
        self._failed_starts = 0
        if problem := greeting.problem or _other_versions(greeting.versions):
            raise ClrSweepError(f"the node {greeting.node} {problem}")
        worker.node, worker.greeting, worker.is_free = greeting.node, None, True

    def _received(self, key: Hashable) -> Event:
        job = self._jobs[key]
        try:
            event: Event = ray.get(job.event)
        except RayActorError:
            del self._jobs[key]
            self._dismiss(job.worker)
            return Died(key, f"its worker on the node {job.worker.node} was lost, or the node was")
        except RayError as error:
            del self._jobs[key]
            job.worker.is_free = True
            return Died(key, f"on the node {job.worker.node}: {_reason(error)}")
        if isinstance(event, Message):
            job.event = None  # until it is answered
        else:
            del self._jobs[key]
            job.worker.is_free = True
        return event

    def _dismiss(self, worker: _Hired, *, refill: bool = True) -> None:
        """Let a worker go, its job's process with it, and ask for another."""
        self._workers.remove(worker)
        # It may be there all the same, and only not to be reached for a moment.
        with contextlib.suppress(RayError):
            ray.kill(worker.actor)
        if refill:
            self._fill_pool()

    def _say_that_nobody_comes(self) -> None:
        """Say from time to time that the cluster has no room, for as long as it has none."""
        if self._jobs or not all(worker.greeting for worker in self._workers):
            self._empty_since = None
            return
        now = time.monotonic()
        if self._empty_since is None:
            self._empty_since = now
        elif now - self._empty_since > _PATIENCE_SECONDS:
            self._empty_since = now
            config = self._cluster.config
            logger.info(
                "%s has had no room for %.0f s: a trial reserves %g CPUs and %g GPUs; waiting",
                self.place, _PATIENCE_SECONDS, config.cpus, config.gpus,
            )  # fmt: skip


@contextlib.contextmanager
def ray_engine(
    config: EngineConfig, folder: Callable[[], Path], modules: Sequence[Path]
) -> Iterator[RayEngine]:
    """An engine whose jobs do not outlive the block.

    Args:
        folder: finds the folder that jobs write below, which every node has to share.
        modules: files and packages of the user's that jobs import.

    Raises:
        InputError: there is no such cluster.
        StoreError: the folder cannot be written, or its file system gives no lock.
    """
    with joined(config, modules) as cluster, beacon(folder()) as shared:
        engine = RayEngine(cluster, shared)
        try:
            yield engine
        finally:
            engine.stop_all()


def _other_versions(there: dict[str, str]) -> str | None:
    """What other versions a node has than the driver."""
    other = {
        name: there.get(name, "none")
        for name, here in versions().items()
        if there.get(name) != here
    }
    if not other:
        return None
    listed = ", ".join(f"{name} {version}" for name, version in other.items())
    ours = ", ".join(f"{name} {versions()[name]}" for name in other)
    return (
        f"has {listed}, the driver {ours}: results would depend on where a trial runs; install "
        "the same versions on every node"
    )


def _reason(error: RayError) -> str:
    """What of Ray's words says why."""
    lines = [line.strip() for line in str(error).strip().splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
