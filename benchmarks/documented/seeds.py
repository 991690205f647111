"""Test values of every seed of `sweeps/keras_io.yaml`, of which a study tests the best alone.

    clr-sweep export keras-io --trial 0 -o keras_io_0.yaml     (and so on, to trial 4)
    clr-sweep train keras_io_0.yaml > keras_io_0.txt
    python -m benchmarks.documented.seeds keras_io_0.txt ... keras_io_4.txt

`train` trains the same configuration with the same seed again, says whether it came out the same,
and evaluates it on the test set. Nothing is chosen by these values.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from benchmarks.documented.kept import FOLDER, read

FILE = FOLDER / "keras_io_tests.json"
_METRIC = re.compile(r"^ +(\w+): ([-+.\de]+)$", re.MULTILINE)


def main(printed: list[str]) -> None:
    found = {}
    for number, file in enumerate(printed):
        metrics = dict(_METRIC.findall(Path(file).read_text(encoding="utf-8")))
        value = read("keras_io").study.trial(number).value
        if float(metrics["val_accuracy"]) != value:
            sys.exit(f"{file}: not trial {number}, which has validation accuracy {value}")
        found[number] = float(metrics["test_accuracy"])
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} seeds in {FILE}")


def kept_tests() -> dict[int, float]:
    """By trial its accuracy on the test set."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {int(number): accuracy for number, accuracy in stored.items()}


if __name__ == "__main__":
    main(sys.argv[1:])
