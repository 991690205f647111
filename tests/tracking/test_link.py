"""A tracker that fails, is away for a while, and comes back."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from mlflow.exceptions import MlflowException, RestException
from requests import ConnectionError as NoConnectionError
from sqlalchemy.exc import OperationalError

from clr_sweep.tracking import link as links
from clr_sweep.tracking.link import FIRST_PAUSE, LONGEST_PAUSE, Link


class Tracker:
    """Stands for what is called: fails while `error` is set; and a clock that stands still."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.calls: list[object] = []
        self.now = 1000.0
        self.said: list[str] = []
        self.link = Link(self.said.append)

    def tell(self, what: object = None) -> None:
        self.calls.append(what)
        if self.error is not None:
            raise self.error


@pytest.fixture
def tracker(monkeypatch: pytest.MonkeyPatch) -> Tracker:
    made = Tracker()
    monkeypatch.setattr(links.time, "monotonic", lambda: made.now)
    return made


AWAY = [
    MlflowException("API request failed"),
    NoConnectionError("Connection refused"),
    OperationalError("SELECT", {}, Exception("database is locked")),
    OSError("No space left on device"),
    TimeoutError("it took too long"),
]


@pytest.mark.parametrize("error", AWAY, ids=lambda error: type(error).__name__)
def test_away_and_back(tracker: Tracker, error: Exception) -> None:
    """Calls are left out for a pause; the first that succeeds says so, and calls go on."""
    assert tracker.link.call(tracker.tell, 1)
    assert (tracker.link.missed, tracker.link.away, tracker.said) == (0, False, [])
    tracker.error = error
    assert not tracker.link.call(tracker.tell, 2)
    assert tracker.link.away
    assert len(tracker.said) == 2
    assert "could not be told" in tracker.said[0]
    assert "training goes on" in tracker.said[1]
    tracker.error = None
    tracker.now += FIRST_PAUSE - 0.001
    assert not tracker.link.call(tracker.tell, 3)
    assert tracker.calls == [1, 2]
    assert tracker.link.missed == 2
    tracker.now += 0.001
    assert tracker.link.call(tracker.tell, 4)
    assert not tracker.link.away
    assert tracker.said[2:] == [
        "MLflow answers again, after 5 s; it missed 2 calls, which are made up for now"
    ]
    assert tracker.link.missed == 2  # what was missed is still missing
    tracker.link.completed()
    assert tracker.link.missed == 0
    assert tracker.link.call(tracker.tell, 5)
    assert tracker.calls == [1, 2, 4, 5]


def test_the_pauses_grow(tracker: Tracker) -> None:
    """Twice as long each time, up to the longest; said once, since it is one absence."""
    tracker.error = OSError("away")
    tried: list[float] = []
    while len(tried) < 7:
        before = len(tracker.calls)
        assert not tracker.link.call(tracker.tell)
        if len(tracker.calls) > before:
            tried.append(tracker.now)
        tracker.now += 0.5
    gaps = [later - earlier for earlier, later in itertools.pairwise(tried)]
    assert gaps == [FIRST_PAUSE, 10, 20, 40, 80, LONGEST_PAUSE]
    assert len(tracker.said) == 2


def test_a_second_absence_begins_anew(tracker: Tracker) -> None:
    """With the short pause, and it is said again."""
    for _ in range(2):
        tracker.error = OSError("away")
        assert not tracker.link.call(tracker.tell)
        tracker.now += FIRST_PAUSE
        assert not tracker.link.call(tracker.tell)
        tracker.now += 2 * FIRST_PAUSE
        tracker.error = None
        assert tracker.link.call(tracker.tell)
    assert len([text for text in tracker.said if "MLflow answers again" in text]) == 2
    assert len([text for text in tracker.said if "goes on" in text]) == 2


def test_the_last_call_is_not_left_out(tracker: Tracker) -> None:
    """At the end of a sweep it is tried, even in a pause."""
    tracker.error = OSError("away")
    assert not tracker.link.call(tracker.tell)
    tracker.error = None
    assert tracker.link.call_now(tracker.tell)
    assert not tracker.link.away


@pytest.mark.parametrize("code", ["INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST"])
def test_a_refusal_is_no_absence(tracker: Tracker, code: str) -> None:
    """The server is there and refuses this one thing: it is said, counted, and calls go on."""
    tracker.error = RestException({"error_code": code, "message": "no such thing\nand more"})
    assert not tracker.link.call(tracker.tell)
    assert (tracker.link.missed, tracker.link.away) == (1, False)
    assert tracker.said == [f"MLflow could not be told: {code}: no such thing"]
    tracker.error = None
    assert tracker.link.call(tracker.tell)
    assert len(tracker.said) == 1


def test_errors_of_our_own_are_raised(tracker: Tracker) -> None:
    """A mistake in what is called is no absence of the tracker."""
    tracker.error = KeyError("ours")
    with pytest.raises(KeyError):
        tracker.link.call(tracker.tell)


def test_arguments_are_passed_on() -> None:
    """By place and by name."""
    found: list[object] = []

    def tell(first: int, *, second: int) -> None:
        found.append((first, second))

    call: Callable[..., bool] = Link(print).call
    assert call(tell, 1, second=2)
    assert found == [(1, 2)]
