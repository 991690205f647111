"""Where the trials of a sweep run: on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictStr

from clr_sweep.definition.dimensions import expected
from clr_sweep.definition.fields import AboveZero, AtLeastZero
from clr_sweep.definition.problems import Problem
from clr_sweep.definition.sections import Section


def _address(value: str) -> str:
    if value.startswith("ray://"):
        raise expected(
            "no address of a Ray Client: the driver needs the study's folder, so start it on a "
            "node of the cluster (`ray job submit`, or the head) with address: auto"
        )
    host, _, port = value.rpartition(":")
    is_head = host and port.isdecimal() and len(port) < 6 and 0 < int(port) < 2**16
    if value not in ("local", "auto") and not is_head:
        raise expected(
            "local, auto, or the address of a cluster's head, such as 10.0.0.1:6379, with a port "
            "from 1 to 65535"
        )
    return value


_SMALL = "must be at least 0.01, got {:g}"


class EngineConfig(Section):
    """Where trials run, and what one of them gets there.

    Attributes:
        name: `local`, processes of this machine; or `ray`, those of the nodes of a Ray cluster.
        address: of the cluster: `auto`, the one that this machine is part of, or that
            RAY_ADDRESS names; `local`, one of its own on this machine, for as long as the sweep
            runs; or the address of its head, HOST:PORT.
        cpus: cores that a trial reserves. It trains with one thread all the same.
        gpus: GPUs that a trial reserves: a whole number, or a part of one below 1.
    """

    stands_for = ("name", "address")
    name: Literal["local", "ray"] = "local"
    address: Annotated[StrictStr, Field(min_length=1, max_length=300), AfterValidator(_address)] = (
        "auto"
    )
    cpus: AboveZero = 1
    gpus: AtLeastZero = 0

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        cpus, gpus = values.get("cpus", 1), values.get("gpus", 0)
        # Ray counts no smaller parts than a ten-thousandth.
        for key, value in {"cpus": cpus, "gpus": gpus or 1}.items():
            if value < 0.01:
                yield (key,), _SMALL.format(value)
        if gpus > 1 and gpus != int(gpus):
            yield ("gpus",), f"must be a whole number, or a part of one GPU below 1, got {gpus:g}"
        if values.get("name") == "local":
            # A stored sweep has them all: at their defaults they say nothing.
            for key, value in values.items():
                if value != cls.model_fields[key].default:
                    text = "has no effect on the engine local: add name: ray, or leave it out"
                    yield (key,), text


def renamed(section: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """What stands under `engine`, with the name that an option gives.

    What it says of a cluster is not meant where that is this machine.
    """
    return {"name": name} if name == "local" else {**section, "name": name}
