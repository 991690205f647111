"""A real MLflow server: its client prints no lines of its own between those of the sweep."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest
from real_runs import Place

# In a process of its own, as a sweep is: the setting lies in the environment.
ENDS_A_RUN = """
import os, sys
from clr_sweep.tracking.store import connect
client = connect(sys.argv[1])
run = client.create_run("0")
print("before", flush=True)
client.set_terminated(run.info.run_id)
print("after", client.get_run(run.info.run_id).info.status)
"""


@pytest.fixture(scope="module")
def server(places: Callable[..., Place]) -> Iterator[tuple[Place, str]]:
    """A server, and its address."""
    place = places("quiet")
    running, uri = place.start_server()
    yield place, uri
    running.process.terminate()
    running.wait()


def printed(server: tuple[Place, str], **environment: str) -> list[str]:
    """What a process prints that ends a run of the server."""
    place, uri = server
    done = subprocess.run(
        [sys.executable, "-c", ENDS_A_RUN, uri],
        env=place.environment | environment,
        cwd=place.folder,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return done.stdout.splitlines()


@pytest.mark.heavy
def test_nothing_is_printed_between(server: tuple[Place, str]) -> None:
    """Neither "View run" nor "View experiment", and all else stays."""
    assert printed(server) == ["before", "after FINISHED"]


@pytest.mark.heavy
def test_who_wants_the_lines_gets_them(server: tuple[Place, str]) -> None:
    """MLflow's own switch, set by the user, is left as it is."""
    lines = printed(server, MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT="false")
    assert (lines[0], lines[-1]) == ("before", "after FINISHED")
    assert "View run" in lines[1]
