"""What grows how with the slots of a cluster: `python -m benchmarks.scaling`.

Trainings that sleep through their ten epochs, run by the real driver and Ray engine on a real
Ray cluster of this machine, whose nodes say that they have as many cores as there are slots. The
study is in PostgreSQL and its runs on an MLflow server that keeps them there too (`servers`), or
both in SQLite (`files`). Prints a line of JSON for each; --json appends it to a file.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from benchmarks.driver.parts import rounded
from benchmarks.scaling import figure
from benchmarks.scaling.kept import KINDS, read
from benchmarks.scaling.measured import measure
from clr_sweep.commands.run import keep_imports


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slots", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--stores", nargs="+", default=KINDS, choices=KINDS)
    parser.add_argument("--per-slot", type=int, default=3, help="trainings of each slot")
    parser.add_argument("--seconds", type=float, default=3.0, help="of an epoch's sleep")
    parser.add_argument("--json", type=Path, help="append the lines to this file")
    parser.add_argument("--figure", type=Path, help="draw what --json has into this PNG")
    options = parser.parse_args()
    file = options.json.absolute() if options.json else None
    keep_imports()
    for kind in options.stores:
        for slots in options.slots:
            line = _in_a_folder(kind, slots, options.per_slot * slots, options.seconds)
            print(line, flush=True)
            if file:
                with file.open("a", encoding="utf-8") as opened:
                    opened.write(line + "\n")
    if file and options.figure:
        figure.draw(read(file), options.figure)


def _in_a_folder(kind: str, slots: int, trainings: int, seconds: float) -> str:
    back = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        try:
            return json.dumps(rounded(measure(Path(folder), kind, slots, trainings, seconds)))
        finally:
            os.chdir(back)


if __name__ == "__main__":
    main()
