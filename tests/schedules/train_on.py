"""Run by test_keras_training.py as a fresh process: loads each model of a folder and trains it on.

Prints one line of JSON. Nothing of clr_sweep is imported until Keras has refused to load.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np


def train_on(path: Path) -> dict[str, Any]:
    """Loads a model in safe mode, trains for 10 batches and returns their rates."""
    x = np.linspace(-1, 1, 40, dtype="float32").reshape(20, 2)
    y = x.sum(axis=1, keepdims=True)
    model = keras.models.load_model(path, safe_mode=True)
    rates: list[float] = []
    callback = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: rates.append(float(model.optimizer.learning_rate))
    )
    model.fit(x, y, batch_size=2, shuffle=False, verbose=0, callbacks=[callback])
    return {
        "rates": rates,
        "weights": np.concatenate([w.ravel() for w in model.get_weights()]).tolist(),
        "name": model.optimizer._learning_rate.name,
    }


def main(folder: Path) -> None:
    """Prints what happened before and after the schedules were imported."""
    files = sorted(folder.glob("*.keras"))
    refusal = ""
    try:
        keras.models.load_model(files[0])
    except TypeError as error:
        refusal = str(error)
    uncompiled = keras.models.load_model(files[0], compile=False)

    assert "clr_sweep.schedules.keras" not in sys.modules
    import clr_sweep  # noqa: F401 - registers, as Keras is there already

    assert "clr_sweep.schedules.keras" in sys.modules
    modules = sorted({name for name in sys.modules if not name.startswith("_")})

    def inverse_cycle(cycle: Any) -> Any:
        return 1.0 / cycle

    keras.saving.register_keras_serializable(package="clr_sweep_tests")(inverse_cycle)

    report = {
        "refusal": refusal,
        "loaded_uncompiled": uncompiled.built,
        "modules": modules,
        "there": {path.stem: train_on(path) for path in files},
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
