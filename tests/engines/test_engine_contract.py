"""What every engine does with real processes, on this machine and on a Ray cluster of two nodes."""

from __future__ import annotations

import signal
from collections.abc import Hashable, Iterator
from pathlib import Path
from typing import Any

import engine_jobs
import pytest
from engine_events import only_event, outcome
from platforms import needs_linux
from ray_engines import two_nodes

from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.engines.base import Died, Done, Engine, Failed, Message
from clr_sweep.engines.local.engine import local_engine

pytestmark = needs_linux


@pytest.fixture(scope="module", params=["local", pytest.param("ray", marks=pytest.mark.heavy)])
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Engine]:
    """An engine of two slots."""
    if request.param == "local":
        with local_engine(2) as made:
            yield made
    else:
        with two_nodes(tmp_path_factory.mktemp("shared")) as (_, on_ray):
            yield on_ray


def test_a_value_comes_back(engine: Engine, tmp_path: Path) -> None:
    """A job gets its payload and its value returns; the folder of its log is made."""
    payload = {"path": tmp_path, "numbers": (1, 2.5, None), "text": "ä"}
    log = tmp_path / "a" / "b" / "log.txt"
    assert outcome(engine, "echo", payload, log) == Done("job", payload)
    assert log.read_text() == ""


def test_messages_are_answered(engine: Engine, tmp_path: Path) -> None:
    """A job waits for the answer to each message, whatever the answer is."""
    engine.start(3, "engine_jobs:ask", ["one", "two", "three"], tmp_path / "log.txt")
    for value, answer in (("one", True), ("two", None), ("three", {"x": 1})):
        assert only_event(engine) == Message(3, value)
        engine.answer(3, answer)
    assert only_event(engine) == Done(3, [True, None, {"x": 1}])


def test_as_many_at_once_as_slots(engine: Engine, tmp_path: Path) -> None:
    """Both jobs have spoken before either is answered, so they run side by side."""
    assert engine.has_room
    for key in ("a", "b"):
        engine.start(key, "engine_jobs:ask", [key * 2], tmp_path / f"{key}.txt")
    assert engine.running == ("a", "b")
    assert not engine.has_room
    found: dict[Hashable, Any] = {}
    while len(found) < 2:
        found |= {event.key: event.value for event in engine.wait(600)}  # type: ignore[union-attr]
    assert found == {"a": "aa", "b": "bb"}
    engine.answer("b", 2)
    assert only_event(engine) == Done("b", [2])
    assert engine.has_room
    engine.answer("a", 1)
    assert only_event(engine) == Done("a", [1])


def test_a_key_runs_once(engine: Engine, tmp_path: Path) -> None:
    """A second job of the same key would hide the first: refused, and the first goes on."""
    engine.start("a", "engine_jobs:ask", ["x"], tmp_path / "log.txt")
    with pytest.raises(ValueError, match="a job named 'a' is running already"):
        engine.start("a", "engine_jobs:echo", None, tmp_path / "log.txt")
    assert only_event(engine) == Message("a", "x")
    engine.answer("a", 1)
    assert only_event(engine) == Done("a", [1])
    engine.start("a", "engine_jobs:echo", 2, tmp_path / "log.txt")
    assert only_event(engine) == Done("a", 2)


def test_a_huge_result_comes_back(engine: Engine, tmp_path: Path) -> None:
    """A result far larger than a pipe's buffer arrives whole."""
    event = outcome(engine, "many_bytes", 30_000_000, tmp_path / "log.txt")
    assert isinstance(event, Done)
    assert event.value == b"\xab" * 30_000_000


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("ä word", "ZeroDivisionError('ä word')"),
        ("exit", "SystemExit(3)"),
        ("end of file", "EOFError('the file of the user ends too early')"),
        ("broken pipe", 'BrokenPipeError("a pipe of the user\'s own")'),
    ],
)
def test_an_exception_comes_with_its_traceback(
    engine: Engine, tmp_path: Path, payload: str, expected: str
) -> None:
    """Any exception of a job is Failed, EOFError too, which an engine could take for its own."""
    event = outcome(engine, "fail", payload, tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert str(event.error) == expected
    assert "engine_jobs.py" in event.traceback
    assert expected.partition("(")[0] in event.traceback.rstrip().splitlines()[-1]
    # The log has our own frames too, which come before those of the user's code.
    *_, last = event.traceback.rstrip().partition("\n")
    assert "job.py" not in last
    assert (tmp_path / "log.txt").read_text().rstrip().endswith(last)


@pytest.mark.parametrize("name", list(engine_jobs.ERRORS))
def test_the_projects_errors_survive(engine: Engine, tmp_path: Path, name: str) -> None:
    """They arrive as they were raised; one that cannot be made again arrives as its text."""
    sent = engine_jobs.ERRORS[name]()
    event = outcome(engine, "raise_error", name, tmp_path / "log.txt")
    assert isinstance(event, Failed)
    assert str(sent) in event.traceback
    if name in ("InterruptedSweepError", "TwoArgumentsError"):
        assert type(event.error) is RuntimeError
        assert str(sent) in str(event.error)
        return
    assert type(event.error) is type(sent)
    assert str(event.error) == str(sent)
    assert isinstance(event.error, ClrSweepError)
    assert event.error.exit_status == sent.exit_status
    if isinstance(sent, InputError):
        assert isinstance(event.error, InputError)
        assert (event.error.problems, event.error.source) == (sent.problems, sent.source)


@pytest.mark.parametrize(
    ("function", "payload", "expected"),
    [
        ("end_by", int(signal.SIGKILL), "was ended by SIGKILL (out of memory?)"),
        ("end_by", int(signal.SIGTERM), "was ended by SIGTERM"),
        ("end_by", signal.SIGRTMIN + 1, f"was ended by signal {signal.SIGRTMIN + 1}"),
        ("end_by", -3, "ended with exit status 3"),
        ("end_by", 0, "ended with exit status 0"),
        ("crash", None, "was ended by SIGSEGV"),  # a fault in C++ code, as TensorFlow may have
    ],
)
def test_a_death_is_named(
    engine: Engine, tmp_path: Path, function: str, payload: int | None, expected: str
) -> None:
    """A process that ends without a word is Died, with the signal or the exit status."""
    event = outcome(engine, function, payload, tmp_path / "log.txt")
    assert event == Died("job", f"its process {expected}")
