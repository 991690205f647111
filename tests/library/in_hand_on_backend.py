"""Run by test_in_hand_on_backends.py in a fresh process: a range test is all that is imported.

Prints one line of JSON.
"""

from __future__ import annotations

from clr_sweep import range_test  # isort: split

import json
import sys

import keras
import numpy as np
from models_in_hand import RAMP, data, model, state

import clr_sweep

x, y = data()
report = {"backend": keras.backend.backend(), "tensorflow": "tensorflow" in sys.modules}
schedule = clr_sweep.TriangularCyclicalLearningRate(0.01, 0.1, 20)
for name, rate in (("number", 0.01), ("schedule", schedule)):
    made = model(keras.optimizers.SGD(rate, momentum=0.5))
    made.train_on_batch(x[:32], y[:32])
    before = state(made)
    found = range_test(made, x, y, **RAMP, quiet=True)
    (curve,) = found.record.curves()
    report[name] = {
        "unchanged": state(made) == before,
        "steps": len(curve.rates),
        "planned": curve.planned,
        "ratios": np.diff(np.log(curve.rates)).tolist(),
        "summary": found.summary,
    }
print(json.dumps(report))
