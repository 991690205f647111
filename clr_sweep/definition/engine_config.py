"""Where the trials of a sweep run: on this machine, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import Frozen, expected
from clr_sweep.definition.fields import AboveZero, AtLeastZero


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


class EngineConfig(Frozen):
    """Where trials run, and what one of them gets there.

    Attributes:
        name: `local`, processes of this machine; or `ray`, those of the nodes of a Ray cluster.
        address: of the cluster: `auto`, the one that this machine is part of, or that
            RAY_ADDRESS names; `local`, one of its own on this machine, for as long as the sweep
            runs; or the address of its head, HOST:PORT.
        cpus: cores that a trial reserves. It trains with one thread all the same.
        gpus: GPUs that a trial reserves: a whole number, or a part of one below 1.
    """

    name: Literal["local", "ray"] = "local"
    address: Annotated[StrictStr, Field(min_length=1, max_length=300), AfterValidator(_address)] = (
        "auto"
    )
    cpus: AboveZero = 1
    gpus: AtLeastZero = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        # Ray counts no smaller parts than a ten-thousandth.
        small = {"cpus": self.cpus, "gpus": self.gpus or 1}
        if found := [
            ((key,), _SMALL.format(value)) for key, value in small.items() if value < 0.01
        ]:
            raise FieldProblemsError(found)
        if self.gpus > 1 and self.gpus != int(self.gpus):
            text = f"must be a whole number, or a part of one GPU below 1, got {self.gpus:g}"
            raise FieldProblemsError([(("gpus",), text)])
        if self.name == "local":
            # A stored sweep has them all: at their defaults they say nothing.
            text = "has no effect on the engine local: add name: ray, or leave it out"
            fields = type(self).model_fields
            said = [key for key in fields if getattr(self, key) != fields[key].default]
            if said:
                raise FieldProblemsError([((key,), text) for key in said])
        return self


def renamed(section: Mapping[str, Any], name: Any) -> dict[str, Any]:
    """What stands under `engine`, with the name that an option gives.

    What it says of a cluster is not meant where that is this machine.
    """
    return {"name": name} if name == "local" else {**section, "name": name}
