"""The exceptions of clr-sweep, each with the exit status that the command line gives it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator

from clr_sweep.common.secrets import hidden


class ClrSweepError(Exception):
    """Something the user has to know about: shown as a message, without a traceback.

    What it says holds no secret, whoever it came from.
    """

    exit_status = 1

    def __init__(self, message: str = "") -> None:
        super().__init__(hidden(message))


class InputError(ClrSweepError):
    """What the user gave cannot be used. Holds every problem found, not the first alone.

    Args:
        problems: one sentence for each problem, each naming the place, the value found and
            what is allowed.
        source: the file or command line that the problems are in, put before each of them.
    """

    exit_status = 2

    def __init__(self, problems: str | Iterable[str], source: str | None = None) -> None:
        given = (problems,) if isinstance(problems, str) else tuple(problems)
        self.problems = tuple(hidden(problem) for problem in given)
        self.source = source
        super().__init__("\n".join(self.with_source()))

    def with_source(self) -> list[str]:
        """The problems, each with the source before it."""
        prefix = f"{self.source}: " if self.source else ""
        return [prefix + problem for problem in self.problems]


@contextlib.contextmanager
def problems_in(source: str) -> Iterator[None]:
    """Says the source of input that is refused in the block, where that is not said yet.

    Raises:
        InputError: with it before each problem.
    """
    try:
        yield
    except InputError as error:
        if error.source is not None:
            raise
        raise type(error)(error.problems, source) from None


class FieldProblemsError(ValueError):
    """What is wrong with the fields of a record; raised by its validator, never shown itself.

    Args:
        problems: the keys that lead from the record to the field, and what is wrong there.
    """

    def __init__(self, problems: Iterable[tuple[tuple[str, ...], str]]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(f"{'.'.join(keys)}: {text}" for keys, text in self.problems))


class DataError(InputError):
    """A data set cannot be found, read or trusted."""


class StudyChangedError(InputError):
    """The stored study was made from another sweep definition, other data or another model."""


class StoreError(ClrSweepError):
    """A study storage or a tracking store cannot be reached or written."""


class LockLostError(ClrSweepError):
    """Another process has taken over the study: this one must not write into it any more."""


class DiskFullError(StoreError):
    """A file cannot be written, since the disk or the quota is full; what was written stays."""


class OutOfMemoryError(ClrSweepError):
    """A trial found no memory, of the machine or of its GPU: it may find some another time."""


class FolderHeldError(ClrSweepError):
    """Another process writes into a trial's folder: one that was taken for dead, as a rule."""


class GpuLostError(ClrSweepError):
    """A GPU that was there when the command started is not there for a job that it was given."""


class TrialFailedError(ClrSweepError):
    """The user's model or data code raised an exception; the message holds its traceback."""
