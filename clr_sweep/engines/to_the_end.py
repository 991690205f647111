"""Jobs that are run to their end before anything else goes on: data, a look at a trial, tests."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from clr_sweep.common.errors import ClrSweepError, OutOfMemoryError, TrialFailedError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.engines.base import Died, Done, Engine, Failed

# Of a job whose process is killed or runs out of memory.
ATTEMPTS = 3
_SHOWN_LINES = 20


@dataclass(frozen=True)
class Job:
    """What `Engine.start` takes, but for the key."""

    function: str
    payload: object
    log: Path


def run_one(engine: Engine, job: Job, stop: StopRequest) -> object:
    """Run one job and return its value; see `run_all`."""
    return run_all(engine, {job.function: job}, stop)[job.function]


def run_all(
    engine: Engine,
    jobs: Mapping[str, Job],
    stop: StopRequest,
    done: Callable[[str], None] = lambda _: None,
) -> dict[str, object]:
    """Run jobs to their ends, as many at once as the engine has room for.

    Args:
        done: told of each job's end, by its key.

    Returns:
        Their values by key.

    Raises:
        ClrSweepError: what a job raised; an exception of the user's code with its traceback.
    """
    waiting, found = list(jobs), dict[str, object]()
    deaths = dict.fromkeys(jobs, 0)
    while len(found) < len(jobs):
        while waiting and engine.has_room:
            key = waiting.pop(0)
            engine.start(key, jobs[key].function, jobs[key].payload, jobs[key].log)
        if stop:
            engine.stop_all()
            raise stop.error()
        for event in engine.wait(0.2):
            key = str(event.key)
            if isinstance(event, Done):
                found[key] = event.value
                done(key)
            elif isinstance(event, Failed) and not isinstance(event.error, OutOfMemoryError):
                if isinstance(event.error, ClrSweepError):
                    raise event.error
                raise TrialFailedError(f"the model or data code failed:\n{event.traceback}")
            elif isinstance(event, (Died, Failed)):
                deaths[key] += 1
                if deaths[key] == ATTEMPTS:
                    raise TrialFailedError(
                        f"the model or data code failed: {event.reason}, {ATTEMPTS} times; "
                        f"{_last_words(jobs[key].log)}"
                    )
                waiting.append(key)
    return found


def _last_words(log: Path) -> str:
    """What a job printed last: its log may lie in a folder that goes with the command."""
    if not log.exists() or not log.stat().st_size:
        return "it printed nothing"
    with log.open(encoding="utf-8", errors="replace") as printed:
        lines = deque(printed, maxlen=_SHOWN_LINES)
    return "the last that it printed:\n" + "".join(lines).rstrip()
