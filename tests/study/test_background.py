"""MLflow is told in a thread: in order, epochs merged, and no error is lost."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from small_trials import small_config

from clr_sweep.common.errors import LockLostError
from clr_sweep.study import background
from clr_sweep.study.background import Background
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport


class Heard:
    """A publisher that notes what it is told, and waits where it is held."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.held = threading.Event()
        self.held.set()
        self.error: Exception | None = None

    def trial_started(self, record: TrialRecord) -> None:
        self._note("started", record.key)

    def epochs(self, record: TrialRecord, reports: list[EpochReport]) -> None:
        self._note("epochs", record.key, [report.epoch for report in reports])

    def trial_ended(self, record: TrialRecord) -> None:
        self._note("ended", record.key)

    def trial_stopped(self, record: TrialRecord, state: str, reason: str) -> None:
        self._note("stopped", record.key, state, reason)

    def refresh(self, study: Any) -> None:
        self._note("refresh", study)

    def _note(self, *what: Any) -> None:
        assert self.held.wait(60)
        if self.error is not None:
            raise self.error
        self.calls.append(what)


def trial(number: int) -> TrialRecord:
    """A trial that runs."""
    return TrialRecord("trial", number, "running", None, small_config(), Path("unused"))


def epoch(number: int) -> EpochReport:
    """The end of an epoch."""
    return EpochReport(number, 8 * number, {"val_accuracy": 0.5}, 1.0, 1.0)


@contextmanager
def behind_a_held_call() -> Iterator[tuple[Background, Heard]]:
    """One that has started, and whose publisher is held at its first call to the block's end."""
    heard = Heard()
    heard.held.clear()
    with Background(heard) as told:  # type: ignore[arg-type]
        told.start()
        try:
            yield told, heard
        finally:
            heard.held.set()


def test_nothing_is_told_before_the_start_and_all_after_it() -> None:
    """In the order in which it was asked for."""
    heard = Heard()
    with Background(heard) as told:  # type: ignore[arg-type]
        told.trial_started(trial(0))
        told.trial_started(trial(1))
        told.epoch(trial(1), epoch(1))
        assert not told.has_started
        assert heard.calls == []
        told.start()
        told.start()
        told.trial_ended(trial(0))
    assert heard.calls == [
        ("started", "0"), ("started", "1"), ("epochs", "1", [1]), ("ended", "0"),
    ]  # fmt: skip


def test_without_a_start_nothing_is_ever_told() -> None:
    """The user's model does not work: no run is to be made."""
    heard = Heard()
    with Background(heard) as told:  # type: ignore[arg-type]
        told.trial_started(trial(0))
    assert heard.calls == []


def test_epochs_that_wait_are_told_as_one() -> None:
    """Of each trial by itself; with its end they need no call, since that tells all of them."""
    with behind_a_held_call() as (told, heard):
        told.trial_started(trial(0))  # which is held
        for number in (1, 2):
            told.epoch(trial(0), epoch(number))
            told.epoch(trial(1), epoch(number))
        told.trial_ended(trial(1))
        told.epoch(trial(0), epoch(3))
    assert heard.calls == [("started", "0"), ("epochs", "0", [1, 2, 3]), ("ended", "1")]


def test_a_trial_that_waits_with_its_end_is_told_as_one() -> None:
    """Its end alone; of one that goes on the start, and then its epochs."""
    with behind_a_held_call() as (told, heard):
        told.trial_started(trial(0))  # which is held
        for number in (1, 2):
            told.trial_started(trial(number))
            told.epoch(trial(number), epoch(1))
        told.trial_ended(trial(2))
        heard.held.set()
        told.wait()
        told.trial_ended(trial(1))
    assert heard.calls == [
        ("started", "0"), ("started", "1"), ("epochs", "1", [1]), ("ended", "2"), ("ended", "1"),
    ]  # fmt: skip


def test_what_was_before_a_stop_is_told() -> None:
    """Of a trial that was put back, goes on and ends while all of that waits."""
    with behind_a_held_call() as (told, heard):
        told.trial_started(trial(0))  # which is held
        told.trial_started(trial(1))
        told.trial_stopped(trial(1), "interrupted", "it was killed")
        told.trial_started(trial(1))
        told.epoch(trial(1), epoch(1))
        told.trial_ended(trial(1))
    assert heard.calls == [
        ("started", "0"), ("started", "1"), ("stopped", "1", "interrupted", "it was killed"),
        ("ended", "1"),
    ]  # fmt: skip


def test_no_epoch_overtakes_a_stop() -> None:
    """A trial that was put back and goes on: its next epochs come after."""
    with behind_a_held_call() as (told, heard):
        told.epoch(trial(0), epoch(1))
        told.trial_stopped(trial(0), "interrupted", "it was killed")
        told.trial_started(trial(0))
        told.epoch(trial(0), epoch(2))
    assert heard.calls == [
        ("epochs", "0", [1]), ("stopped", "0", "interrupted", "it was killed"),
        ("started", "0"), ("epochs", "0", [2]),
    ]  # fmt: skip


def test_wait_returns_when_all_is_told() -> None:
    """What was asked for before."""
    heard = Heard()
    with Background(heard) as told:  # type: ignore[arg-type]
        told.start()
        told.trial_started(trial(0))
        told.wait()
        assert heard.calls == [("started", "0")]


def failing() -> Background:
    """One that has been asked for a call at which the publisher raises an error."""
    heard = Heard()
    heard.error = ValueError("a mistake of ours")
    told = Background(heard)  # type: ignore[arg-type]
    told.start()
    told.trial_started(trial(0))
    return told


def test_an_error_is_raised_by_the_next_call() -> None:
    """And by `wait`, which would wait for ever."""
    told = failing()
    with pytest.raises(ValueError, match="a mistake of ours"):
        told.wait()
    with pytest.raises(ValueError, match="a mistake of ours"):
        told.trial_started(trial(1))


def test_an_error_is_raised_at_the_end() -> None:
    """Where no call follows."""
    told = failing()
    with pytest.raises(ValueError, match="a mistake of ours"):
        told.__exit__(None, None, None)
    assert not told._thread.is_alive()


def test_another_error_is_not_hidden() -> None:
    """What was asked for before is told all the same."""
    heard = Heard()
    told = Background(heard)  # type: ignore[arg-type]
    told.start()
    told.trial_started(trial(0))
    told.__exit__(KeyError, KeyError(), None)
    assert heard.calls == [("started", "0")]


def test_the_sweeps_run_is_not_refreshed_without_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The longer reading and telling take, the longer; never while one waits."""
    now = 1000.0
    monkeypatch.setattr(background.time, "monotonic", lambda: now)
    with behind_a_held_call() as (told, heard):
        assert told.is_refresh_due
        told.refresh("a study", took=0.5)  # type: ignore[arg-type]
        assert not told.is_refresh_due
        heard.held.set()
        told.wait()
        now += 9.9  # of 0.5 s at a twentieth
        assert not told.is_refresh_due
        now += 0.2
        assert told.is_refresh_due
    assert heard.calls == [("refresh", "a study")]


def test_a_study_that_another_process_has_taken_over() -> None:
    """The call that is being made ends; what waits is not told, since MLflow is the other's now."""
    heard = Heard()
    heard.held.clear()
    told = Background(heard)  # type: ignore[arg-type]
    told.trial_started(trial(0))
    told.start()
    told.trial_ended(trial(0))
    # The block's end waits for the call that is being made.
    threading.Timer(0.2, heard.held.set).start()
    with pytest.raises(LockLostError), told:
        raise LockLostError("it was lost")
    assert heard.calls in ([], [("started", "0")])


def test_a_study_is_lost_before_a_call() -> None:
    """That call is not made, nor any later one, and the next to ask for one is told."""
    heard, asked = Heard(), list[int]()

    def keep() -> None:
        asked.append(1)
        if len(asked) == 2:
            raise LockLostError("it was lost")

    told = Background(heard, keep)  # type: ignore[arg-type]
    for number in range(3):
        told.trial_started(trial(number))
    told.start()
    with pytest.raises(LockLostError), told:
        told.wait()
    assert heard.calls == [("started", "0")]
