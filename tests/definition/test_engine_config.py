"""Where a sweep runs, as its file says it."""

from __future__ import annotations

from typing import Any

import pytest

from clr_sweep.definition.engine_config import EngineConfig, renamed
from clr_sweep.definition.validation import validation


def problems(**given: Any) -> dict[str, str]:
    return {".".join(keys): text for keys, text in validation(EngineConfig, given)[1]}


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"name": "ray"},
        {"name": "ray", "address": "10.0.0.1:6379", "cpus": 0.5, "gpus": 0.25},
        {"name": "ray", "address": "[::1]:65535", "gpus": 2},
        {"name": "local", "address": "auto", "cpus": 1, "gpus": 0},  # as it is stored
    ],
)
def test_what_may_stand_there(given: dict[str, Any]) -> None:
    assert problems(**given) == {}


@pytest.mark.parametrize(
    ("given", "key", "text"),
    [
        ({"name": "dask"}, "name", "must be one of local or ray, got 'dask'"),
        ({"name": "ray", "address": "ray://h:1"}, "address", "no address of a Ray Client"),
        ({"name": "ray", "address": "10.0.0.1"}, "address", "such as 10.0.0.1:6379"),
        ({"name": "ray", "address": ":6379"}, "address", "such as 10.0.0.1:6379"),
        ({"name": "ray", "address": "h:99999"}, "address", "a port from 1 to 65535"),
        ({"name": "ray", "cpus": 0}, "cpus", "must be a finite number above 0, got 0"),
        ({"name": "ray", "cpus": 1e-9}, "cpus", "must be at least 0.01, got 1e-09"),
        ({"name": "ray", "gpus": 1e-9}, "gpus", "must be at least 0.01, got 1e-09"),
        ({"name": "ray", "gpus": 1.5}, "gpus", "a whole number, or a part of one GPU below 1"),
        ({"cpus": 2}, "cpus", "has no effect on the engine local: add name: ray"),
        ({"address": "local"}, "address", "has no effect on the engine local"),
        ({"name": "ray", "cpu": 2}, "cpu", "did you mean 'cpus'?"),
    ],
)
def test_what_is_refused(given: dict[str, Any], key: str, text: str) -> None:
    found = problems(**given)
    assert list(found) == [key]
    assert text in found[key]


def test_an_options_name() -> None:
    """On this machine what the file says of a cluster has no effect, and is not in the way."""
    file = {"name": "ray", "address": "h:1", "cpus": 2}
    assert renamed(file, "ray") == file
    assert renamed(file, "local") == {"name": "local"}
    assert renamed({}, "ray") == {"name": "ray"}
