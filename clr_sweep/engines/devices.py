"""What jobs run on: each job is handed one device, and many may share one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """Something that jobs run on, such as a GPU.

    Attributes:
        name: for people.
        environment: variables that limit a job's process to this device.
    """

    name: str
    environment: Mapping[str, str]


def least_loaded(devices: Sequence[Device], taken: Sequence[Device | None]) -> Device | None:
    """The device that the fewest jobs are on, the first of several; None without devices.

    Args:
        taken: the device of each job that is running.
    """
    return min(devices, key=taken.count, default=None)
