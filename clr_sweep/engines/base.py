"""What an engine is: a place where jobs run, whatever it is made of, and what it tells of them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from clr_sweep.common.errors import ClrSweepError


@dataclass(frozen=True)
class Message:
    """A job said something and waits for `Engine.answer`."""

    key: Hashable
    value: Any


@dataclass(frozen=True)
class Done:
    """A job returned."""

    key: Hashable
    value: Any


@dataclass(frozen=True)
class Failed:
    """A job raised an exception, given with its traceback as text."""

    key: Hashable
    error: BaseException
    traceback: str

    @property
    def reason(self) -> str:
        """Of our own errors the sentence, which says it all; of others the traceback."""
        return str(self.error) if isinstance(self.error, ClrSweepError) else self.traceback


@dataclass(frozen=True)
class Died:
    """A job's process ended without a word: killed, out of memory, or crashed."""

    key: Hashable
    reason: str


Event = Message | Done | Failed | Died


@dataclass(frozen=True)
class Device:
    """Something that jobs run on, such as a GPU.

    Attributes:
        name: for people.
        environment: variables that limit a job's process to this device.
    """

    name: str
    environment: Mapping[str, str]


class Engine(Protocol):
    """Runs up to `slots` jobs at once, each in a process of its own that it ends with the job.

    A job that ends, in whatever way, shows as one of Done, Failed and Died, once; before, it may
    send Messages, for each of which it waits until it is answered.

    Attributes:
        slots: how many jobs run at once.
    """

    slots: int

    @property
    def devices(self) -> tuple[Device, ...]:
        """What jobs are spread over; empty where that is the cores alone."""

    @property
    def place(self) -> str:
        """Where jobs run, for people; empty: on this machine."""

    def capacity(self) -> int:
        """How many jobs there is room for, of an engine of other machines.

        Raises:
            InputError: for none.
        """

    @property
    def running(self) -> tuple[Hashable, ...]:
        """The keys of the jobs that have not ended."""

    @property
    def has_room(self) -> bool:
        """Whether one more job may be started; where nothing runs, perhaps not yet."""

    def use(self, slots: int, devices: Sequence[Device]) -> None:
        """From the next start on: so many jobs at once, each on the device with the fewest."""

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:
        """Start `function(payload, report)`; what it prints goes to the file `log`.

        Args:
            key: names the job in its events.
            function: as `module:name`, so that the caller need not import it. It takes the
                payload and `report(value)`, which sends a Message and waits for the answer.
            payload: anything that can be pickled.
            log: file that standard output and error of the job are appended to.

        Raises:
            ValueError: a job of this key is running.
            ClrSweepError: no process can be started.
        """

    def answer(self, key: Hashable, value: Any) -> None:
        """Answer a Message. A job that has died meanwhile shows as Died at the next wait."""

    def wait(self, timeout: float) -> list[Event]:
        """The events of the next `timeout` seconds, as soon as there is one."""

    def stop(self, key: Hashable) -> None:
        """End one job, by force if it does not end by itself.

        No event of it follows; those that `wait` has returned are the caller's.

        Raises:
            ValueError: no job of this key is running.
        """

    def stop_all(self) -> tuple[Hashable, ...]:
        """End every job as `stop` does, all at once; their keys."""
