"""A model's code that leaves processes behind: the sweep ends, in time, and nothing is left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from gone_processes import is_gone
from real_runs import Place, definition

pytestmark = pytest.mark.heavy

# A program, a fork that has all that is open (the lock of the trial's folder too), a thread that
# is no daemon; and the second trial hangs in Python, where it is told to.
MODEL = """
import os, subprocess, threading, time
from pathlib import Path
import keras

HERE = Path(__file__).parent

def build(input_shape, classes):
    left = [subprocess.Popen(["sleep", "300"]).pid]
    left.append(subprocess.Popen(["sleep", "300"], start_new_session=True).pid)
    if (pid := os.fork()) == 0:
        time.sleep(300)
        os._exit(0)
    left.append(pid)
    threading.Thread(target=time.sleep, args=(300,)).start()
    with (HERE / "left").open("a") as file:
        file.write("".join(f"{pid}\\n" for pid in left))
    if (HERE / "hang").exists() and len((HERE / "left").read_text().split()) == 9:
        time.sleep(600)
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    return keras.Model(inputs, keras.layers.Dense(classes, activation="softmax")(hidden))
"""


@pytest.fixture
def place(places: Callable[[str], Place]) -> Place:
    """A folder with that model."""
    made = places("leaving")
    (made.folder / "leaving.py").write_text(MODEL)
    return made


def assert_nothing_left(folder: Path, trainings: int) -> None:
    """None of what the model function started is there."""
    pids = [int(line) for line in (folder / "left").read_text().split()]
    assert len(pids) >= 3 * trainings
    there = [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]
    assert [process for process in there if not is_gone(process)] == []


def test_a_sweep(place: Place) -> None:
    """All trials complete, one after the other, and nothing outlives the sweep."""
    content = definition(trials=2)
    content["model"] = {"name": "leaving:build"}
    place.sweep("run", str(place.write_sweep(content)), status=0)
    assert place.states() == ["COMPLETE", "COMPLETE"]
    assert_nothing_left(place.folder, 3)
    log = (place.folder / "trials" / "tiny" / "0000" / "log.txt").read_text()
    assert "started by the trial's code: sleep 300 (process " in log


@pytest.mark.slow
def test_a_trial_s_deadline(place: Place) -> None:
    """A trial that hangs beside what it has started is ended in time, with all of it."""
    content = definition(trials=2, trial_timeout=30)
    content["model"] = {"name": "leaving:build"}
    (place.folder / "hang").touch()
    running = place.sweep("run", str(place.write_sweep(content)))
    assert sorted(place.states()) == ["COMPLETE", "FAIL"], running.output
    assert "it took longer than study.trial_timeout, 30 s" in running.output
    assert_nothing_left(place.folder, 3)
