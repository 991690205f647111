"""Constant rates beside the best trial: `python -m benchmarks.documented.constants`.

Trains the best trial that is kept of `sweeps/fashion_mnist.yaml` again at constant rates, with its
seed and all else that it had, by `clr-sweep train`, and writes what came out. Nothing is chosen by
these runs: they tell what of the best trial's gain a larger rate alone would bring.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.documented.kept import FOLDER, read

FILE = FOLDER / "constants.json"
RATES = (0.1, 0.3)
_METRIC = re.compile(r"^ +(\w+): ([-+.\de]+)$", re.MULTILINE)


def main() -> None:
    best = read("fashion_mnist").study.best
    assert best is not None
    found = {str(rate): _trained(best.config.model_dump(mode="json"), rate) for rate in RATES}
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    print(f"{len(found)} constant rates in {FILE}")


def _trained(config: dict[str, object], rate: float) -> dict[str, float]:
    schedule = {
        "policy": "constant", "init_lr": rate, "max_lr": rate, "step_size_factor": 0,
        "step_size": 0,
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "constant.yaml"
        file.write_text(yaml.safe_dump({"config": {**config, "schedule": schedule}}), "utf-8")
        train = [sys.executable, "-m", "clr_sweep", "train", str(file)]
        ran = subprocess.run(train, cwd=folder, capture_output=True, text=True, check=True)
    metrics = {name: float(value) for name, value in _METRIC.findall(ran.stdout)}
    print(f"constant {rate:g}: {metrics}", flush=True)
    return metrics


def kept_constants() -> dict[float, dict[str, float]]:
    """By rate what the runs ended with."""
    stored = json.loads(FILE.read_text(encoding="utf-8"))
    return {float(rate): metrics for rate, metrics in stored.items()}


if __name__ == "__main__":
    main()
