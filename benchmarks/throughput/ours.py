"""This project, as its README says: `clr-sweep run` of a sweep file.

Jobs, storage and tracking are the defaults: a trial a core, and SQLite for both in the current
folder. Beside what the others do it writes checkpoints, figures and a report, and evaluates the
best trial and the baseline on the test set.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from benchmarks.throughput.workload import Workload


def main(workload: Workload) -> None:
    command = [sys.executable, "-m", "clr_sweep", "run", workload.sweep]
    os.execv(sys.executable, command)


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])))
