"""A training that sleeps: a job of the real engine whose epochs cost nothing but time."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.driver.instant import made_up_reports, result_of
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import TrialJob

# By name: what the driver starts, and what is started on each worker before it is measured.
SLEEP_THROUGH = "benchmarks.scaling.jobs:sleep_through"
STAY = "benchmarks.scaling.jobs:stay"
# A variable of the nodes.
SECONDS = "CLR_SWEEP_BENCHMARK_SECONDS"
# In the folder that the driver is in, and so its jobs: what a training leaves beside its epochs.
LEFT = Path("left")
ANSWERS = "answers.json"


def sleep_through(job: TrialJob, report: Callable[[Any], Any]) -> TrialResult:
    """Sleep for each epoch, and leave what a training leaves.

    How many seconds went by from each report to its answer is kept in the trial's folder.
    """
    seconds, folder = float(os.environ[SECONDS]), TrialFolder(job.folder)
    shutil.copytree(LEFT, folder.path, dirs_exist_ok=True)
    folder.start(job.config)
    planned = made_up_reports(job.config)
    answers: list[float] = []
    for one in planned:
        time.sleep(seconds)
        folder.append(one)
        began = time.perf_counter()
        report(one)
        answers.append(time.perf_counter() - began)
    (folder.path / ANSWERS).write_text(json.dumps(answers), encoding="utf-8")
    result = result_of(job.config, planned)
    folder.save_result(result)
    return result


def stay(_: None, report: Callable[[Any], Any]) -> None:
    """Be there until the answer."""
    report(os.getpid())
