"""Whether the nodes of a cluster share the folder that jobs write into, and its locks."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from clr_sweep.common import file_locks

_PREFIX = ".shared-"


@dataclass(frozen=True)
class Beacon:
    """A file that its writer holds the lock of: who sees both shares the folder.

    That locks hold between machines is what keeps a process that was taken for dead from writing
    into a trial's folder beside the one that took its place.
    """

    file: Path
    text: str

    def problem(self) -> str | None:
        """What is wrong with the folder, as another process sees it, perhaps on another machine."""
        folder = self.file.parent
        try:
            seen = self.file.read_text(encoding="utf-8")
        except OSError as error:
            return (
                f"does not see the folder {folder} of the study ({error.strerror}): put the study "
                "on storage that all nodes have under the same path, and start the command there"
            )
        if seen != self.text:
            return (
                f"sees an older state of the folder {folder} of the study: its storage has to show "
                "on every node what another has just written"
            )
        try:
            with self.file.open("a") as opened:
                held_elsewhere = not file_locks.lock(opened)
        except OSError as error:
            return f"cannot use {folder}: {file_locks.problem('locked', self.file, error)}"
        if not held_elsewhere:
            return (
                f"does not see the locks of the folder {folder} of the study, which keep two "
                "processes from writing into one trial: mount it with locks that hold between "
                "machines (NFS: version 4, or 3 with its lock service; without nolock and "
                "local_lock; Lustre: with flock)"
            )
        return None


@contextlib.contextmanager
def beacon(folder: Path) -> Iterator[Beacon]:
    """A beacon in a folder, for as long as the block runs.

    Raises:
        StoreError: the folder cannot be written, or its file system gives no lock.
    """
    file = folder / f"{_PREFIX}{uuid.uuid4().hex}"
    made = Beacon(file, uuid.uuid4().hex)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(folder)
        opened = file.open("w", encoding="utf-8")
        file_locks.lock(opened)
        opened.write(made.text)
        opened.flush()
        os.fsync(opened.fileno())
    except OSError as error:
        raise file_locks.problem("written", folder, error) from None
    with opened:
        try:
            yield made
        finally:
            file.unlink(missing_ok=True)


def _remove_abandoned(folder: Path) -> None:
    """Remove those of drivers that were killed."""
    for file in folder.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError), file.open("a") as opened:
            if file_locks.lock(opened):
                file.unlink()
