"""The range test of a model in hand on Keras' other backends, in a process that has that alone."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from own_process import modules, python

BACKENDS = ["jax", pytest.param("torch", marks=pytest.mark.torch)]


@pytest.mark.heavy
@pytest.mark.parametrize("backend", BACKENDS)
def test_on_the_backend_that_keras_has(backend: str) -> None:
    """Whether the rate is a number or a schedule: it rises as planned, and nothing is changed."""
    script = Path(__file__).with_name("in_hand_on_backend.py")
    done = python(script, PYTHONPATH=modules(), KERAS_BACKEND=backend, TF_CPP_MIN_LOG_LEVEL="3")
    report = json.loads(done.stdout.splitlines()[-1])
    assert report["backend"] == backend
    for name in ("number", "schedule"):
        found = report[name]
        assert found["unchanged"]
        assert found["planned"] == 336
        wanted = np.log(30.0 / 1e-3) / 335
        np.testing.assert_allclose(found["ratios"], wanted, rtol=1e-3)
        assert "rule smith: base " in found["summary"]
