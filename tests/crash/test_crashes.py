"""Sweeps that are killed at random moments end as if nothing had happened.

`pytest tests/crash -m crash -s` makes the many kills whose figures stand in docs/reliability.md.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from crash_kills import (
    FAULTS,
    KINDS,
    OF_TRIALS,
    fault,
    kill,
    plan,
    wait_for_a_moment,
    wait_for_fault,
)
from crash_places import (
    CrashPlace,
    assert_as_undisturbed,
    assert_nothing_left,
    database_is_sound,
    resumptions,
)
from gone_processes import assert_gone
from real_runs import Running

SHORT, LONG = 8, 60


class Havoc:
    """Kills sweeps, and lets each come to its end in between.

    Args:
        folder: where the sweeps are run, each in a folder of its own.
        reference: the same sweep, undisturbed.
    """

    def __init__(self, folder: Path, reference: CrashPlace, seed: int) -> None:
        self.folder = folder
        self.reference = reference
        self.chance = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.starts = self.sweeps = self.resumptions = 0
        self.place: CrashPlace | None = None
        self.running: Running | None = None

    def make(self, kind: str) -> None:
        """One kill; a sweep that ends before it comes is looked at, and another begun."""
        while True:
            place, running = self._running(kind)
            if kind in FAULTS:
                happened = wait_for_fault(place, running)
            else:
                wait_for_a_moment(place, running, self.chance)
                place.processes()
                happened = kill(kind, running, self.chance)
            if happened:
                self.kills[kind] += 1
                if kind not in OF_TRIALS:
                    self._after_death()
                return
            if running.process.poll() is not None:
                self.finish()

    def finish(self) -> None:
        """Let the sweep come to its end, and compare it with the undisturbed one."""
        if self.place is None:
            return
        place, running = self.place, self.running or self._start(None)
        assert running.wait() == 0, running.output
        for name in ("optuna.db", "mlflow.db"):
            assert database_is_sound(place.folder / name), name
        assert_as_undisturbed(place, self.reference)
        assert_nothing_left(place)
        examined = place.sweep("doctor", status=0)
        assert examined.output == "study tiny: all is well\n"
        self.sweeps += 1
        self.resumptions += resumptions(place)
        self.place = self.running = None

    def _running(self, kind: str) -> tuple[CrashPlace, Running]:
        if self.place is None:
            self.place = CrashPlace(self.folder / f"sweep-{self.sweeps}")
        if kind in FAULTS and self.running is not None:
            # A fault is there from the start on.
            if kill("driver", self.running, self.chance):
                self.kills["driver"] += 1
            self._after_death()
        if self.running is None:
            self._start(fault(kind, self.chance) if kind in FAULTS else None)
        assert self.running is not None
        return self.place, self.running

    def _start(self, chosen: dict[str, object] | None) -> Running:
        assert self.place is not None
        self.running = self.place.start_sweep(chosen)
        self.starts += 1
        return self.running

    def _after_death(self) -> None:
        """The driver is dead: its processes end by themselves."""
        assert self.place is not None
        assert self.running is not None
        self.running.wait()
        assert "Traceback" not in self.running.output, self.running.output
        assert_gone(self.place.processes())
        self.running = None

    def close(self) -> None:
        if self.place is not None:
            self.place.close()


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CrashPlace]:
    """The sweep without a disturbance."""
    place = CrashPlace(tmp_path_factory.mktemp("crash") / "undisturbed")
    running = place.start_sweep()
    assert running.wait() == 0, running.output
    assert_nothing_left(place)
    yield place
    place.close()


@pytest.mark.crash
@pytest.mark.timeout(900)
@pytest.mark.parametrize("jobs", [1, 3])
def test_any_number_of_jobs(tmp_path: Path, reference: CrashPlace, jobs: int) -> None:
    """A deterministic sweep is the same with one trial at a time as with several."""
    place = CrashPlace(tmp_path / "jobs")
    place.sweep("run", str(place.file), "--jobs", str(jobs), status=0)
    assert_as_undisturbed(place, reference)


def wreak(havoc: Havoc, number: int, seed: int) -> None:
    began = time.monotonic()
    try:
        for kind in plan(number, seed):
            havoc.make(kind)
        havoc.finish()
    finally:
        havoc.close()
    print(
        f"\n{havoc.kills.total()} kills in {havoc.starts} starts of {havoc.sweeps} sweeps, "
        f"{time.monotonic() - began:.0f} s:"
    )
    for kind in KINDS:
        print(f"  {kind:20} {havoc.kills[kind]}")
    print(f"trials that went on in their middle: {havoc.resumptions}")
    assert havoc.kills.total() >= number
    assert havoc.resumptions > 0


@pytest.mark.heavy
@pytest.mark.timeout(1200)
def test_some_kills(tmp_path: Path, reference: CrashPlace) -> None:
    """A few kills; which, the seed decides."""
    wreak(Havoc(tmp_path, reference, seed=1), SHORT, seed=1)


@pytest.mark.crash
@pytest.mark.timeout(7200)
def test_many_kills(tmp_path: Path, reference: CrashPlace) -> None:
    """Every kind of kill, five times."""
    wreak(Havoc(tmp_path, reference, seed=2), LONG, seed=2)
