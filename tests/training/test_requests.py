"""What is asked of jobs: records that any process can read, and names that lead to functions."""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path

import pytest
from own_process import python
from small_trials import small_config, stored_in

from clr_sweep.training import requests


@pytest.mark.parametrize("name", ["PREPARE_DATA", "INSPECT_TRIAL", "RUN_TRIAL", "TEST_TRIAL"])
def test_the_names_lead_to_functions(name: str) -> None:
    """Each job that the driver names is a function of two arguments."""
    module, _, function = getattr(requests, name).partition(":")
    found = getattr(importlib.import_module(module), function)
    assert found.__code__.co_argcount == 2


def test_requests_travel() -> None:
    """A job arrives as it was sent."""
    job = requests.TrialJob(
        small_config(), stored_in(Path("data")), Path("trial"), (Path("a"),), True
    )
    assert pickle.loads(pickle.dumps(job)) == job


def test_asking_imports_no_keras() -> None:
    """The driver asks without importing TensorFlow, which the jobs' server does once."""
    script = (
        "import sys, clr_sweep.training.requests; print({'keras', 'tensorflow'} & {*sys.modules})"
    )
    assert python("-c", script).stdout.strip() == "set()"
