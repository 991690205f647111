"""Devices handed to jobs: who gets which, as arithmetic and as real processes see it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from engine_events import only_event, outcome, said
from hypothesis import given
from hypothesis import strategies as st

from clr_sweep.engines.base import Device, Done
from clr_sweep.engines.local import forkserver
from clr_sweep.engines.local.engine import LocalEngine, least_loaded, local_engine

NAMES = ["DEVICE", "OUTER"]


def devices(count: int) -> tuple[Device, ...]:
    """So many, numbered from 0."""
    return tuple(Device(f"device {n}", {"DEVICE": str(n)}) for n in range(count))


# ---- who gets which


@given(count=st.integers(1, 5), each=st.integers(1, 4), data=st.data())
def test_no_device_has_more_than_its_share(count: int, each: int, data: st.DataObject) -> None:
    """Whatever job ends when: never more than `each` on one while there are places elsewhere."""
    there = devices(count)
    running: list[Device | None] = []
    for _ in range(data.draw(st.integers(1, 40), label="events")):
        if len(running) == count * each or (running and data.draw(st.booleans(), label="ends")):
            running.pop(data.draw(st.integers(0, len(running) - 1), label="which"))
            continue
        before = [running.count(device) for device in there]
        given_one = least_loaded(there, running)
        assert given_one is there[before.index(min(before))]
        running.append(given_one)
        assert max(running.count(device) for device in there) <= each
    while len(running) < count * each:
        running.append(least_loaded(there, running))
    assert [running.count(device) for device in there] == [each] * count


def test_without_devices_a_job_gets_none() -> None:
    """On a machine whose cores alone are shared."""
    assert least_loaded((), [None, None]) is None


# ---- what processes see


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalEngine]:
    """An engine of one slot, whose server imports nothing and so is there at once."""
    monkeypatch.setenv("OUTER", "as it was")
    monkeypatch.setenv("DEVICE", "all of them")
    if sys.platform == "linux":
        forkserver.end_server()
        monkeypatch.setattr(forkserver, "PRELOAD", ())
    with local_engine() as made:
        yield made
    forkserver.end_server()


def started(engine: LocalEngine, key: str, folder: Path) -> list[str | None]:
    """A new job, which waits, and what it finds in its environment."""
    return list(said(engine, key, "variables", NAMES, folder / f"{key}.txt"))


def test_processes_of_jobs_have_their_devices(engine: LocalEngine, tmp_path: Path) -> None:
    """Four jobs on two devices, and the place of one that ended or was stopped goes to the next."""
    engine.use(4, devices(2))
    found = {key: started(engine, key, tmp_path) for key in "abcd"}
    assert found == {key: [device, "as it was"] for key, device in zip("abcd", "0101", strict=True)}
    assert not engine.has_room
    engine.answer("b", None)
    assert only_event(engine) == Done("b", None)
    engine.stop("d")
    assert [started(engine, key, tmp_path)[0] for key in "ef"] == ["1", "1"]
    engine.stop("a")
    assert started(engine, "g", tmp_path)[0] == "0"


def test_without_devices_the_environment_stays(engine: LocalEngine, tmp_path: Path) -> None:
    """A job finds what the driver has; one that runs when devices come counts on none of them."""
    assert started(engine, "a", tmp_path) == ["all of them", "as it was"]
    engine.use(3, devices(2))
    assert [started(engine, key, tmp_path)[0] for key in "bc"] == ["0", "1"]


def test_a_device_is_there_when_the_job_is_imported(
    engine: LocalEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is imported with the job reads the environment once, as CUDA does."""
    code = "import os\nSEEN = os.environ['DEVICE']\ndef seen(payload, report):\n    return SEEN\n"
    (tmp_path / "reads_at_import.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    engine.use(1, devices(1))
    engine.start("a", "reads_at_import:seen", None, tmp_path / "log.txt")
    assert only_event(engine) == Done("a", "0")
    assert outcome(engine, "echo", 1, tmp_path / "log.txt") == Done("job", 1)
