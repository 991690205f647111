"""Jobs of an engine that are run to their end, whatever it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from clr_sweep.engines.base import Done, Event, Message
from clr_sweep.engines.local.engine import LocalEngine


def ended(
    engine: LocalEngine, function: str, job: Any, log: Path, told: list[Any] | None = None
) -> Event:
    """How a job ended, a trial being let go on after each epoch.

    Args:
        told: gets what it reports.
    """
    engine.start("job", function, job, log)
    while True:
        for event in engine.wait(600):
            if not isinstance(event, Message):
                return event
            if told is not None:
                told.append(event.value)
            engine.answer("job", True)


def value(event: Event) -> Any:
    """What a job returned."""
    assert isinstance(event, Done), event
    return event.value
