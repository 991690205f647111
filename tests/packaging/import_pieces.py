"""Pieces of code that a process runs first, and what runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import clr_sweep

NAMES = [name for name in clr_sweep.__all__ if name != "__version__"]
SCHEDULES = [name for name in NAMES if name.endswith("LearningRate")]
LIBRARY = [name for name in NAMES if name not in SCHEDULES]
# TensorFlow's notes on the processor are not what is looked at.
ENVIRONMENT = os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3"}

REGISTERED = f"""
import keras
for name in {SCHEDULES}:
    assert keras.saving.get_registered_object("clr_sweep>" + name) is not None, name
"""

MODEL = """
import clr_sweep, keras, pickle
schedule = clr_sweep.Triangular2CyclicalLearningRate(0.25, 0.75, 2)
model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
model.compile(keras.optimizers.SGD(schedule), loss="mse")
model.save("model.keras")
open("schedule.pickle", "wb").write(pickle.dumps(schedule))
"""

LOADED = """
import keras
loaded = keras.models.load_model("model.keras").optimizer._learning_rate
assert [float(loaded(step)) for step in (0, 2, 4, 6)] == [0.25, 0.75, 0.25, 0.5]
"""

UNPICKLED = """
import pickle
unpickled = pickle.load(open("schedule.pickle", "rb"))
assert [float(unpickled(step)) for step in (0, 2, 4, 6)] == [0.25, 0.75, 0.25, 0.5]
"""

Run = Callable[[str], None]


class Forks:
    """The process of `first_imports.py`, which has imported what these modules import."""

    def __init__(self, folder: Path, *modules: str, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("first_imports.py")), *modules],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=folder,
            env=ENVIRONMENT | environment,
        )

    def run(self, code: str) -> None:
        """Runs the code in a process of its own; fails with what it printed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(code), file=self._process.stdin, flush=True)
        status, output = json.loads(self._process.stdout.readline())
        assert status == 0, f"{code}\n{output}"

    def close(self) -> None:
        """Ends the process."""
        self._process.communicate(timeout=60)
