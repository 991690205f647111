"""GPUs in a job's process, where there may be none: stand-ins, and TensorFlow's own word."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from ended_jobs import ended
from platforms import needs_linux

from clr_sweep.common.errors import GpuLostError
from clr_sweep.common.gpus import ASSIGNED_GPU
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.engines.base import Device, Done, Failed
from clr_sweep.engines.local.engine import LocalEngine
from clr_sweep.training.requests import FIND_GPUS, PREPARE_DATA, DataJob

# In the place of NVIDIA's driver: says when it is woken, and what it may show, and that it has no
# device (CUDA_ERROR_NO_DEVICE).
DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
int cuInit(unsigned flags) {
    const char *visible = getenv("CUDA_VISIBLE_DEVICES");
    FILE *file = fopen(getenv("WOKEN"), "a");
    fprintf(file, "%s\n", visible ? visible : "all");
    fclose(file);
    return 100;
}
"""
ASKS = f"""
import sys
from pathlib import Path
from clr_sweep.engines.base import Device
from clr_sweep.engines.local.engine import local_engine

with local_engine() as engine:
    for visible in (None, "5", "MIG-a"):
        if visible is not None:
            engine.use(1, [Device("GPU", {{"CUDA_VISIBLE_DEVICES": visible}})])
        engine.start("a", "{FIND_GPUS}", None, Path("log.txt"))
        while not (events := engine.wait(600)):
            pass
        print(events[0].value, flush=True)
"""


@pytest.mark.parametrize("error", [None, RuntimeError, ValueError])
def test_memory_grows_on_each_gpu(
    engine: LocalEngine, tmp_path: Path, error: type[Exception] | None
) -> None:
    """Trials share a GPU's memory as they need it; a GPU that is settled already stays as it is."""
    calls = [("/physical_device:GPU:0", True), ("/physical_device:GPU:1", True)]
    assert ended(engine, "gpu_jobs:prepared", error, tmp_path / "log.txt") == Done("job", calls)


def test_tensorflows_own_refusal_is_borne(engine: LocalEngine, tmp_path: Path) -> None:
    """The real call, for devices that it does not know."""
    event = ended(engine, "gpu_jobs:prepared_by_tensorflow", None, tmp_path / "log.txt")
    assert isinstance(event, Done), event
    assert event.value.startswith("Unrecognized device")


def test_gpus_have_names(engine: LocalEngine, tmp_path: Path) -> None:
    """As their driver tells them."""
    found = Done("job", ("NVIDIA A", "unnamed"))
    assert ended(engine, "gpu_jobs:names", None, tmp_path / "log.txt") == found


def test_a_gpu_that_is_gone(engine: LocalEngine, tmp_path: Path) -> None:
    """A job that was handed a GPU never trains on the CPU in silence."""
    hidden = {"CUDA_VISIBLE_DEVICES": "-1", ASSIGNED_GPU: "3 (NVIDIA A)"}
    engine.use(1, [Device("NVIDIA A", hidden)])
    job = DataJob("not_looked_for.npz", DataOptions(), (), tmp_path)
    event = ended(engine, PREPARE_DATA, job, tmp_path / "log.txt")
    engine.use(1, [])
    assert isinstance(event, Failed)
    assert isinstance(event.error, GpuLostError)
    assert str(event.error).startswith("GPU 3 (NVIDIA A) was there when this command started")


def test_no_device_is_looked_for_before_the_fork(engine: LocalEngine, tmp_path: Path) -> None:
    """Neither by the imports nor by the server: a process that forks after it has none to use."""
    assert ended(engine, "gpu_jobs:asked_before", None, tmp_path / "log.txt") == Done(
        "job", (False, False)
    )


@pytest.mark.heavy
@needs_linux
def test_the_driver_is_woken_by_the_job_alone(tmp_path: Path) -> None:
    """Importing TensorFlow wakes no driver; a job's process does, and shows it its own device."""
    (tmp_path / "driver.c").write_text(DRIVER)
    library = tmp_path / "libcuda.so.1"
    build = ["cc", "-shared", "-fPIC", "-o", str(library), str(tmp_path / "driver.c")]
    subprocess.run(build, check=True)
    woken = tmp_path / "woken.txt"
    outer = {name: value for name, value in os.environ.items() if "VISIBLE_DEVICES" not in name}
    done = subprocess.run(
        [sys.executable, "-c", ASKS],
        env={**outer, "LD_LIBRARY_PATH": str(tmp_path), "WOKEN": str(woken)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.stdout == "()\n" * 3, done.stderr
    assert woken.read_text().splitlines() == ["all", "5", "MIG-a"]
