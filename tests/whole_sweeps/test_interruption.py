"""Sweeps that are interrupted in every way: the same command again finishes them."""

from __future__ import annotations

import dataclasses
import shlex
import signal
from collections.abc import Callable

import psutil
import pytest
from gone_processes import assert_gone
from real_runs import CLR_SWEEP, Place, Running, assert_whole, definition, results

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

TRIALS = 3


@dataclasses.dataclass(frozen=True)
class Stop:
    """What was found after a start was ended from outside."""

    pid: int
    exit_status: int
    output: str
    states: list[str]
    run_states: dict[str, str]


def after(place: Place, running: Running, processes: list[psutil.Process]) -> Stop:
    """Wait for the end, and look at what is there."""
    status = running.wait()
    assert_gone(processes)
    runs = {run.info.run_name: run.info.status for run in place.runs()}
    return Stop(running.process.pid, status, running.output, place.states(), runs)


@pytest.fixture(scope="module")
def reference(places: Callable[..., Place]) -> tuple[Place, Running]:
    """The same study without any interruption, started."""
    place = places("undisturbed")
    file = place.write_held_sweep(TRIALS)
    return place, place.start(*CLR_SWEEP, "run", str(file))


@pytest.fixture(scope="module")
def undisturbed(reference: tuple[Place, Running]) -> Place:
    """That study at its end."""
    place, running = reference
    assert running.wait() == 0, running.output
    return place


@pytest.fixture(scope="module")
def place(places: Callable[..., Place]) -> Place:
    """Where one study is interrupted again and again."""
    return places("interrupted")


@pytest.fixture(scope="module")
def stops(place: Place, reference: tuple[Place, Running]) -> dict[str, Stop]:
    """One study, ended once in each way, and then left to finish.

    The baseline is held first, then trial 0 twice, trial 1, trial 2: a start that was ended
    trains again what it was training. The undisturbed study runs beside it.
    """
    assert reference[1].process.pid
    file = place.write_held_sweep(TRIALS)
    found = {}

    running = place.start_held(file)
    found["second driver"] = after(place, place.sweep("run", str(file)), [])
    processes = running.descendants()
    running.signal_group(signal.SIGINT)
    found["ctrl-c in the baseline"] = after(place, running, processes)

    # Two signals are both there when the driver goes on, since it is stopped meanwhile.
    two = (signal.SIGSTOP, signal.SIGINT, signal.SIGTERM, signal.SIGCONT)
    for way, ahead, send, numbers in (
        ("sigterm in trial 0", 2, Running.signal, (signal.SIGTERM,)),
        ("sigkill in trial 0", 1, Running.signal, (signal.SIGKILL,)),
        ("sigterm to the group in trial 1", 2, Running.signal_group, (signal.SIGTERM,)),
        ("two signals in trial 1", 1, Running.signal, two),
    ):
        running = place.start_held(file, ahead=ahead)
        processes = running.descendants()
        for number in numbers:
            send(running, number)
        found[way] = after(place, running, processes)

    found["finished"] = after(place, place.sweep("run", str(file)), [])
    return found


def test_a_second_driver_is_refused(stops: dict[str, Stop]) -> None:
    """One study, one driver: the second says which process holds it, and disturbs nothing."""
    stop = stops["second driver"]
    assert stop.exit_status == 2
    assert f"run by another process (process {stops['ctrl-c in the baseline'].pid})" in stop.output
    assert "--study" in stop.output
    assert stop.run_states == {"tiny": "RUNNING", "baseline": "RUNNING"}


def test_ctrl_c(stops: dict[str, Stop]) -> None:
    """Ctrl-C ends all processes with status 130, a plain message, and no run RUNNING."""
    stop = stops["ctrl-c in the baseline"]
    assert stop.exit_status == 130
    assert stop.output.rstrip().endswith("clr-sweep: stopped by SIGINT")
    assert "Traceback" not in stop.output
    assert stop.run_states == {"tiny": "KILLED", "baseline": "KILLED"}


def test_sigterm(stops: dict[str, Stop]) -> None:
    """SIGTERM ends with status 143; the trial waits, its run is ended."""
    stop = stops["sigterm in trial 0"]
    assert stop.exit_status == 143
    assert "clr-sweep: stopped by SIGTERM" in stop.output
    assert stop.states == ["WAITING"]
    assert stop.run_states == {"tiny": "KILLED", "baseline": "FINISHED", "trial-000": "KILLED"}


def test_sigkill_of_the_driver(stops: dict[str, Stop]) -> None:
    """The trials of a killed driver end by themselves; what it left is mended by the next start."""
    stop = stops["sigkill in trial 0"]
    assert stop.exit_status == -signal.SIGKILL
    assert stop.states == ["RUNNING"]
    # MLflow is told in a thread, which may not have opened the run again by then.
    assert stop.run_states["tiny"] in ("RUNNING", "KILLED")
    assert "continuing the interrupted trial 0" in stops["sigterm to the group in trial 1"].output


def test_sigterm_to_the_group(stops: dict[str, Stop]) -> None:
    """Where a signal ends the trials too, they are interrupted, not failed."""
    stop = stops["sigterm to the group in trial 1"]
    assert stop.exit_status == 143
    assert stop.states == ["COMPLETE", "WAITING"]
    assert stop.run_states["trial-001"] == "KILLED"
    assert "Traceback" not in stop.output


def test_a_second_signal_ends_at_once(stops: dict[str, Stop]) -> None:
    """The second signal does not wait for tidying up; no process is left behind."""
    stop = stops["two signals in trial 1"]
    assert stop.exit_status in (128 + signal.SIGINT, 128 + signal.SIGTERM)
    assert stop.states == ["COMPLETE", "RUNNING"]


def test_the_same_command_finishes(
    stops: dict[str, Stop], place: Place, undisturbed: Place
) -> None:
    """After all of that every trial is there once, with the numbers of an undisturbed study."""
    assert stops["finished"].exit_status == 0, stops["finished"].output
    assert_whole(place, TRIALS)
    assert results(place.study()) == results(undisturbed.study())
    assert undisturbed.trainings == TRIALS + 1
    assert not any("already reported" in stop.output for stop in stops.values())


def test_nothing_is_left_in_the_folders(stops: dict[str, Stop], place: Place) -> None:
    """The data that a killed driver left behind is gone."""
    assert stops["finished"].exit_status == 0
    left = {path.name for path in (place.folder / "trials" / "tiny").iterdir()}
    assert left == {"0000", "0001", "0002", "baseline", "best.yaml", "driver.lock"}


def test_fewer_trials(stops: dict[str, Stop], place: Place) -> None:
    """Fewer trials than have ended: nothing is trained, and that is no error."""
    assert stops["finished"].exit_status == 0
    before = place.trainings
    done = place.sweep("run", str(place.folder / "t.yaml"), "--trials", "1", status=0)
    assert "nothing left to train" in done.output
    assert place.trainings == before
    assert_whole(place, TRIALS)


def test_more_trials(stops: dict[str, Stop], place: Place) -> None:
    """More trials than before continue the study."""
    assert stops["finished"].exit_status == 0
    before = results(place.study())
    place.sweep("run", str(place.folder / "t.yaml"), "--trials", "4", status=0)
    assert_whole(place, 4)
    found = results(place.study())
    assert {number: found[number] for number in before} == before


def test_a_changed_sweep_is_refused(finished: Place) -> None:
    """A study goes on with the definition it was made from; every change is named."""
    content = definition()
    content["training"]["batch_size"] = 32
    content["search_space"]["max_lr"] = {"low": 0.02, "high": 0.3, "log": True}
    before = finished.states()
    refused = finished.sweep("run", str(finished.write_sweep(content, "changed.yaml")), status=2)
    assert "training.batch_size: was 64, is now 32" in refused.output
    assert "search_space.max_lr.low: was 0.01, is now 0.02" in refused.output
    assert "Traceback" not in refused.output
    assert finished.states() == before
    assert_whole(finished, 2)


def test_ctrl_c_of_a_pipe(places: Callable[..., Place]) -> None:
    """`run ... | tee log`: tee ends first; what can no longer be told to it changes nothing."""
    place = places("piped")
    file = place.write_held_sweep(1)
    place.hold(1)
    piped = f"exec {shlex.join((*CLR_SWEEP, 'run', str(file)))} > >(tee log) 2>&1"
    running = place.start("bash", "-c", piped)
    running.wait_until(lambda: place.trainings == 1, "a training")
    (tee,) = (process for process in running.descendants() if process.name() == "tee")
    tee.kill()
    running.wait_until(lambda: tee.status() == psutil.STATUS_ZOMBIE, "the end of tee")
    running.signal_group(signal.SIGINT)
    stop = after(place, running, [])
    assert stop.exit_status == 130
    assert stop.run_states == {"tiny": "KILLED", "baseline": "KILLED"}
    log = (place.folder / "log").read_text()
    assert "1 of 1 trial to run" in log
    assert "Traceback" not in log + stop.output
    place.sweep("run", str(file), status=0)
    assert_whole(place, 1)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_data_is_loaded(places: Callable[..., Place], number: int) -> None:
    """A start that is ended before its first trial leaves no run and no trial."""
    place = places("early")
    running = place.start(*CLR_SWEEP, "run", str(place.write_sweep()))
    running.wait_for("loading")
    processes = running.descendants()
    running.signal_group(number)
    assert running.wait() == 128 + number, running.output
    assert_gone(processes)
    assert f"clr-sweep: stopped by {signal.Signals(number).name}" in running.output
    assert "Traceback" not in running.output
    assert place.runs() == []
    assert not list((place.folder / "trials" / "tiny").glob("work-*"))


def test_a_signal_during_the_imports(places: Callable[..., Place]) -> None:
    """Ctrl-C while the packages are imported ends with a message, not with a traceback."""
    place = places("imports")
    running = place.start(*CLR_SWEEP, "run", str(place.write_sweep()), warm=False)
    driver = psutil.Process(running.process.pid)
    running.wait_until(
        lambda: any("sqlalchemy" in item.path for item in driver.memory_maps()), "the imports"
    )
    running.signal_group(signal.SIGINT)
    assert running.wait() == 130, running.output
    assert running.output == "clr-sweep: stopped by SIGINT\n"
    assert {path.name for path in place.folder.iterdir()} == {"t.yaml", running.output_file.name}
