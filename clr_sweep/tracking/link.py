"""The line to a tracking server that may be away for a while: training never waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, ParamSpec

from clr_sweep.common.durations import duration
from clr_sweep.common.secrets import hidden
from clr_sweep.tracking.tracker_errors import of_tracker, refuses

P = ParamSpec("P")

# A call to a server that is away takes seconds; after a failure the next ones are left out for
# a while, which grows up to the longest.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 120.0


class Link:
    """Makes calls that may fail.

    Args:
        say: shows a line to the user.

    Attributes:
        missed: calls that failed or were left out since the server last answered, or since
            `completed` was called.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self.missed = 0
        self._say = say
        self._away_since: float | None = None
        self._pause = 0.0
        self._next = 0.0

    @property
    def away(self) -> bool:
        return self._away_since is not None

    def call(self, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Call, unless the server was away just now. False if it was not done."""
        if self.away and time.monotonic() < self._next:
            self.missed += 1
            return False
        return self.call_now(function, *args, **kwargs)

    def call_now(self, function: Callable[P, Any], *args: P.args, **kwargs: P.kwargs) -> bool:
        """Call, even if the server was away just now. False if it failed."""
        try:
            function(*args, **kwargs)
        except of_tracker() as error:
            self.missed += 1
            self._failed(error)
            return False
        if self._away_since is not None:
            gone = duration(time.monotonic() - self._away_since)
            self._say(
                f"MLflow answers again, after {gone}; it missed {self.missed} calls, which are "
                "made up for now"
            )
            self._away_since = None
        return True

    def completed(self) -> None:
        """What was missed has been made up for."""
        self.missed = 0

    def _failed(self, error: Exception) -> None:
        why = hidden(str(error)).strip().split("\n")[0]
        if refuses(error):
            self._say(f"MLflow could not be told: {why}")
            return
        if self._away_since is None:
            self._away_since = time.monotonic()
            self._pause = FIRST_PAUSE
            self._say(f"MLflow could not be told: {why}")
            self._say("training goes on; what MLflow misses is logged when it answers again")
        else:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
        self._next = time.monotonic() + self._pause
