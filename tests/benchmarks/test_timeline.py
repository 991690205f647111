"""A timed sweep: how calls become parts of the slots' time, and what is found of a real one."""

from __future__ import annotations

import sys
import threading
import time
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from real_runs import DATA

from benchmarks.timeline.figure import draw
from benchmarks.timeline.job import first_call_apart
from benchmarks.timeline.parts import (
    MAIN,
    Timeline,
    cpu_by_part,
    driver_lanes,
    flatten,
    meanwhile,
    outermost,
    own_cpu,
    read,
    seconds_by_part,
    slot_lanes,
    write,
)
from benchmarks.timeline.recorder import Interval, Recorder
from benchmarks.timeline.sweep import DRIVER
from benchmarks.timeline.table import markdown
from benchmarks.timeline.wrapped import (
    ANSWER,
    BETWEEN,
    END,
    FIGURES,
    LACK,
    LOGGING,
    LOOP,
    REST,
    START,
    TEST,
    TRACING,
    TRAIN,
    TRAINING,
    VALIDATION,
    WAITING,
    Wrapped,
)


def call(
    what: str, part: str, start: float, end: float, process: str = "0", cpu: float = 0.0
) -> Interval:
    return Interval(what, part, process, MAIN, start, end, cpu)


NESTED = [
    call(TRAIN, REST, 0, 10, cpu=9),
    call("train", TRAINING, 1, 6, cpu=5),
    call("first", TRACING, 1, 3, cpu=2),
    call("train", TRAINING, 7, 9, cpu=2),
]


def test_nested_calls_are_counted_once() -> None:
    """The innermost call counts, and the parts add up to the whole, seconds and CPU."""
    lane = flatten(reversed(NESTED))
    assert [(s.part, s.start, s.end) for s in lane] == [
        (REST, 0, 1),
        (TRACING, 1, 3),
        (TRAINING, 3, 6),
        (REST, 6, 7),
        (TRAINING, 7, 9),
        (REST, 9, 10),
    ]
    assert seconds_by_part([lane]) == {TRAINING: 5, REST: 3, TRACING: 2}
    assert [(i.what, cpu) for i, cpu in own_cpu(NESTED)] == [
        (TRAIN, 2),
        ("train", 3),
        ("first", 2),
        ("train", 2),
    ]
    assert outermost(NESTED) == [NESTED[0]]


def test_calls_apart_leave_a_gap() -> None:
    """What nobody timed is no segment; a call that begins as another ends is not inside of it."""
    lane = flatten([call("a", LOGGING, 0, 2), call("b", FIGURES, 2, 3), call("c", LOGGING, 5, 6)])
    assert [(s.part, s.start, s.end) for s in lane] == [
        (LOGGING, 0, 2),
        (FIGURES, 2, 3),
        (LOGGING, 5, 6),
    ]


# Two slots from 100 to 130: data first, then three trainings, then a test.
SWEEP = Timeline(
    begun=100,
    ended=130,
    slots=2,
    cores=2,
    title="a sweep",
    intervals=(
        call("prepare_data", START, 102, 104, "data", cpu=1),
        call(TRAIN, REST, 106, 114, "baseline", cpu=6),
        call("TrainingLoop.train", TRAINING, 107, 112, "baseline", cpu=5),
        call("report", ANSWER, 112, 114, "baseline"),
        call(TRAIN, REST, 107, 121, "0", cpu=13),
        call(TRAIN, REST, 117, 119, "1", cpu=2),
        call("evaluate_on_test_set", TEST, 124, 126, "test", cpu=2),
        call("imports", START, 100, 101, DRIVER, cpu=1),
        call("preparation.prepare_data", START, 101, 105, DRIVER, cpu=0.5),
        call("Publisher.trial_ended", LOGGING, 114, 116.5, DRIVER, cpu=2),
        call("Figure.savefig", FIGURES, 115, 116, DRIVER, cpu=1),
        call("LocalEngine.wait", WAITING, 117, 121, DRIVER),
    ),
    cpu={"data": 1, "baseline": 6, "0": 13, "1": 2, "test": 2, DRIVER: 5, "server": 4},
)


def test_every_moment_of_a_slot_is_counted() -> None:
    """Idle between two trainings, and idle when none is left, are told from start and end."""
    lanes = slot_lanes(SWEEP)
    assert [[(s.part, s.start, s.end) for s in lane] for lane in lanes] == [
        [
            (START, 100, 102),
            (START, 102, 104),
            (START, 104, 106),
            (REST, 106, 107),
            (TRAINING, 107, 112),
            (ANSWER, 112, 114),
            (BETWEEN, 114, 117),
            (REST, 117, 119),
            (LACK, 119, 121),
            (END, 121, 130),
        ],
        [
            (START, 100, 106),
            (BETWEEN, 106, 107),
            (REST, 107, 121),
            (END, 121, 124),
            (TEST, 124, 126),
            (END, 126, 130),
        ],
    ]
    assert sum(seconds_by_part(lanes).values()) == pytest.approx(60)


def test_what_the_driver_did_while_a_slot_was_idle() -> None:
    """By its outermost calls; the rest of the time is named by nothing."""
    segments = [s for lane in slot_lanes(SWEEP) for s in lane if s.part == BETWEEN]
    calls = outermost(i for i in SWEEP.intervals if i.process == DRIVER)
    assert meanwhile(segments, calls) == {"Publisher.trial_ended": 2.5, "": 1.5}


def test_every_moment_and_all_cpu_of_the_driver_is_counted() -> None:
    """What no call was timed for is the start, the rest, or the end."""
    lane = driver_lanes(SWEEP)[MAIN]
    found = seconds_by_part([lane])
    assert sum(found.values()) == pytest.approx(30)
    assert found == {
        LOOP: pytest.approx(8.5),
        END: pytest.approx(9),
        START: pytest.approx(6),
        WAITING: pytest.approx(4),
        LOGGING: pytest.approx(1.5),
        FIGURES: pytest.approx(1),
    }
    cpu = cpu_by_part(SWEEP, of_driver=True)
    assert cpu == {START: 1.5, LOGGING: 1, FIGURES: 1, WAITING: 0, LOOP: 1.5}


def test_a_recorder_times_what_a_table_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Methods, and functions where others imported them too; names that are gone are told."""
    home, other = ModuleType("clr_sweep.timed_home"), ModuleType("clr_sweep.timed_other")
    exec(
        "class Store:\n"
        "    def put(self): return 'put'\n"
        "    def wait(self): return self.put()\n"
        "def ask(): return Store().wait()\n"
        "def _hidden(): return 1\n",
        vars(home),
    )
    other.ask = home.ask
    for module in (home, other):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    recorder = Recorder("here", time.thread_time)
    recorder.wrap(
        (
            Wrapped(LOGGING, "clr_sweep.timed_home:Store.put"),
            Wrapped(WAITING, "clr_sweep.timed_home:Store.wait", inside=False),
            Wrapped(LOOP, "clr_sweep.timed_home:*"),
            Wrapped(LOOP, "clr_sweep.timed_home:Store.gone"),
            Wrapped(LOOP, "clr_sweep.no_such_module:any"),
        )
    )
    assert other.ask() == "put"
    assert [i.what for i in recorder.intervals] == ["Store.put", "timed_home.ask"]
    assert home.Store().wait() == "put"
    assert [i.what for i in recorder.intervals[2:]] == ["Store.put", "Store.wait"]
    assert recorder.missing == ["clr_sweep.timed_home:Store.gone", "clr_sweep.no_such_module:any"]
    thread = threading.Thread(target=other.ask, name="publisher")
    thread.start()
    thread.join()
    assert {i.thread for i in recorder.intervals} == {MAIN, "publisher"}


def test_a_timeline_is_read_as_it_was_written_and_drawn(tmp_path: Path) -> None:
    """Tables and figure can be made again without the sweep."""
    write(SWEEP, tmp_path / "timeline.jsonl")
    assert read(tmp_path / "timeline.jsonl") == SWEEP
    text = markdown(SWEEP)
    assert "a sweep: 30.0 s" in text
    assert "| training steps" in text
    draw(SWEEP, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")


def test_a_first_call_of_no_steps_changes_no_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Losses and weights are the same to the bit, dropout's random numbers among them."""
    import keras

    from clr_sweep.training.data.splits import epoch_order
    from clr_sweep.training.loop import TrainingLoop

    with np.load(DATA / "fashion_mnist_slice.npz") as data:
        x, y = data["x_train"][:200], data["y_train"][:200]

    def trained() -> list[Any]:
        keras.utils.set_random_seed(3)
        layers = [keras.layers.Flatten(), keras.layers.Dropout(0.5), keras.layers.Dense(10)]
        model = keras.Sequential([keras.Input(x.shape[1:]), *layers])
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(optimizer=keras.optimizers.SGD(0.001), loss=loss)
        loop = TrainingLoop(model, x, y, batch_size=50)
        order = epoch_order(np.arange(200), 3, 1)
        parts = [loop.train(order, 0, 3), loop.train(order, 3, 4)]
        return [*(array for part in parts for array in part), *model.get_weights()]

    expected = trained()
    # Its own value: taken back after the test.
    monkeypatch.setattr(TrainingLoop, "train", TrainingLoop.train)
    recorder = Recorder("0", time.process_time)
    first_call_apart(recorder)
    for found, array in zip(trained(), expected, strict=True):
        np.testing.assert_array_equal(found, array)
    assert [(i.what, i.part) for i in recorder.intervals] == [("first call of train", TRACING)]
    assert recorder.missing == []


@pytest.mark.heavy
def test_a_real_sweep_is_timed(tmp_path: Path) -> None:
    """All of the table is still there, every training is whole, and nothing overlaps."""
    from benchmarks.timeline.__main__ import measured

    dataset = str(DATA / "fashion_mnist_slice.npz")
    timeline = measured(tmp_path, dataset, images=2000, trials=2, epochs=2, jobs=2)
    assert timeline.missing == ()
    assert timeline == read(tmp_path / "timeline.jsonl")
    assert {job.process for job in timeline.trainings} == {"baseline", "0", "1"}
    lanes = slot_lanes(timeline)
    found = seconds_by_part(lanes)
    assert sum(found.values()) == pytest.approx(2 * timeline.seconds)
    assert {START, TRACING, TRAINING, VALIDATION, ANSWER, END} <= found.keys()
    assert {START, LOGGING, FIGURES, WAITING} <= seconds_by_part(
        driver_lanes(timeline).values()
    ).keys()
    for lane in lanes:
        assert all(a.end <= b.start for a, b in pairwise(lane))
