"""Commands that are refused: started all at once, since each waits for what it imports."""

from __future__ import annotations

from collections.abc import Sequence

from real_runs import CLR_SWEEP, Place, Running

# What is asked for, the exit status, and what is said.
Refusal = tuple[tuple[str, ...], int, str]


def refused_together(
    place: Place, command: str, cases: Sequence[Refusal]
) -> dict[tuple[str, ...], Running]:
    """What became of a command with each of these arguments; nothing may be made by them."""
    before = {path.name for path in place.folder.iterdir()}
    started = {words: place.start(*CLR_SWEEP, command, *words) for words, _, _ in cases}
    for running in started.values():
        running.wait()
    outputs = {running.output_file.name for running in started.values()}
    assert {path.name for path in place.folder.iterdir()} == before | outputs
    return started


def assert_refused(running: Running, status: int, message: str) -> None:
    """It ended with this status and said why, without a traceback."""
    assert running.process.returncode == status, running.output
    assert message in running.output
    assert "Traceback" not in running.output
