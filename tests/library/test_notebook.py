"""A sweep in a notebook, executed as Jupyter does: progress, an interrupted cell, pictures."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

MODULE = """%%writefile my_model.py
import keras
import numpy as np


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(640, 4)).astype("float32")
    y = (x.sum(axis=1) > 0).astype("uint8")
    return (x[:512], y[:512]), (x[512:], y[512:])


def network(input_shape, classes):
    layers = [keras.layers.Dense(8, "relu"), keras.layers.Dense(classes, "softmax")]
    return keras.Sequential([keras.Input(input_shape), *layers])
"""

REFUSED = """
import clr_sweep, my_model

def in_a_cell(input_shape, classes):
    return my_model.network(input_shape, classes)

settings = dict(
    dataset=my_model.data,
    training={"epochs": 4, "batch_size": 32},
    search_space={
        "init_lr": {"low": 1e-3, "high": 1e-2, "log": True},
        "max_lr": {"low": 3e-2, "high": 0.3, "log": True},
        "step_size_factor": [1, 2],
    },
    study={"trials": 2, "seed": 3, "jobs": 1},
)
try:
    clr_sweep.Sweep("cells", model=in_a_cell, **settings)
except clr_sweep.InputError as error:
    print(error)
"""

INTERRUPTED = """
import os, pathlib, signal, threading, time

def interrupt():  # as the button does, when a training has reported an epoch
    while not any(file.stat().st_size for file in pathlib.Path("trials").rglob("epochs.jsonl")):
        time.sleep(0.01)
    os.kill(os.getpid(), signal.SIGINT)

sweep = clr_sweep.Sweep("cells", model=my_model.network, **settings)
handler = signal.getsignal(signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    clr_sweep.run(sweep)
except clr_sweep.InterruptedSweepError as error:
    print("stopped in order:", error)
assert signal.getsignal(signal.SIGINT) is handler
"""

CONTINUED = """
study = clr_sweep.run(sweep)
study
"""

RANGE_TEST = """
clr_sweep.range_test(sweep, epochs=10, seeds=1)
"""

IN_HAND = """
model = my_model.network((4,), 2)
model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
clr_sweep.range_test(model, *my_model.data()[0], low=1e-3, high=30.0, epochs=24)
"""

NO_BOUNDS = """
clr_sweep.range_test(model, *my_model.data()[0], low=1e-9, high=1e-8, epochs=3, rule="valley")
"""


def printed(cell: Any) -> str:
    """What a cell has printed; nothing of ours goes to standard error, which is shown in red."""
    ours = [one for one in cell.outputs if one.output_type == "stream"]
    assert not [one.text for one in ours if one.name == "stderr" and "clr" in one.text]
    return "".join(one.text for one in ours if one.name == "stdout")


@pytest.mark.heavy
@pytest.mark.timeout(900)
def test_a_sweep_in_cells(tmp_path: Path) -> None:
    """Model and data by a written module; refused, interrupted, continued, and shown."""
    sources = (MODULE, REFUSED, INTERRUPTED, CONTINUED, RANGE_TEST, IN_HAND, NO_BOUNDS)
    notebook = nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, sources)])
    client = NotebookClient(
        notebook, timeout=800, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    notebook.cells[-1].metadata.tags = ["raises-exception"]
    client.execute()
    _, refused, interrupted, continued, *tests, without = notebook.cells
    assert "in_a_cell is defined in the notebook" in printed(refused)
    assert "%%writefile my_model.py" in printed(refused)
    assert "stopped in order: stopped by SIGINT" in printed(interrupted)
    assert "the same command goes on" in printed(interrupted)
    assert "baseline  complete" in printed(interrupted) + printed(continued)
    bars = [one.data for one in continued.outputs if one.output_type == "display_data"]
    assert [bar["text/plain"].partition("  ")[0] for bar in bars] == ["trials 2/2"]
    assert '<progress value="2" max="2">' in bars[0]["text/html"]
    (shown,) = (one.data for one in continued.outputs if one.output_type == "execute_result")
    assert "## Best trial against the baseline" in shown["text/markdown"]
    assert shown["text/plain"].startswith("<Study cells: complete; 2 trials: 2 complete")
    for test, name in zip(tests, ("cells", "sequential"), strict=True):
        (picture,) = (one.data for one in test.outputs if one.output_type == "execute_result")
        assert base64.b64decode(picture["image/png"]).startswith(b"\x89PNG")
        assert picture["text/plain"].startswith(f"range test of {name}, rule smith: base ")
    said, picture, error = without.outputs
    assert said.text.startswith("clr-sweep: range test of sequential: 1 x 45 steps at rates from")
    assert base64.b64decode(picture.data["image/png"]).startswith(b"\x89PNG")
    assert error.ename == "RangeTestError"
