"""How many jobs run at once, and on what: with stand-ins for GPUs, which need not be there."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from real_runs import definition

from clr_sweep.commands.check import describe_plan
from clr_sweep.common.cores import usable_cores
from clr_sweep.common.errors import GpuLostError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.engines.base import Device
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.study import slots
from clr_sweep.study.slots import at_once, gpus, processor, take_slots

# Jobs in the place of the one that asks TensorFlow.
FOUND = """
def two(payload, report):
    return ("NVIDIA A", "NVIDIA B")

def one(payload, report):
    return ("NVIDIA A",)
"""


@pytest.fixture
def engine() -> Iterator[LocalEngine]:
    """An engine that does not know yet how many jobs it runs at once."""
    with local_engine() as made:
        yield made


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Lets the jobs of FOUND be found, and no variable of the machine be in the way."""
    (tmp_path / "found_gpus.py").write_text(FOUND)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return monkeypatch


def test_usable_cores() -> None:
    """Those that this process may use, which may be fewer than the machine's."""
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    if sys.platform == "linux":
        allowed = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(allowed)})
        try:
            assert usable_cores() == 1
        finally:
            os.sched_setaffinity(0, allowed)


@pytest.mark.parametrize(
    ("visible", "found", "expected"),
    [
        (None, 0, []),
        (None, 3, ["0", "1", "2"]),
        ("", 0, []),
        ("-1", 0, []),
        ("NoDevFiles", 0, []),
        ("2,0", 2, ["2", "0"]),
        (" 3 , 1 ", 2, ["3", "1"]),
        ("1,7,0", 1, ["1"]),
        ("0,2,-1,1", 2, ["0", "2"]),
        ("GPU-8932f937,GPU-1c5a", 2, ["GPU-8932f937", "GPU-1c5a"]),
        ("MIG-1d2f,MIG-77aa,MIG-c0de", 1, ["MIG-1d2f", "MIG-77aa", "MIG-c0de"]),
        ("MIG-1d2f", 0, []),
    ],
)
def test_gpus_are_named_as_the_environment_does(
    visible: str | None, found: int, expected: list[str]
) -> None:
    """TensorFlow finds so many; which they are, an outer CUDA_VISIBLE_DEVICES says."""
    outer = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    made = gpus([f"kind {n}" for n in range(found)], outer)
    assert [device.environment["CUDA_VISIBLE_DEVICES"] for device in made] == expected
    for device in made:
        assert device.name in device.environment["CLR_SWEEP_GPU"]
    if visible is None or not visible.startswith("MIG"):
        assert [device.name for device in made] == [f"kind {n}" for n in range(found)]


# ---- what TensorFlow says, asked by a real job


@pytest.mark.parametrize(
    ("study", "at_most", "expected"),
    [({}, None, None), ({"trials_per_gpu": 7}, None, None), ({"jobs": 5}, None, 5), ({}, 1, 1)],
)
def test_without_gpus_as_many_as_cores(
    engine: LocalEngine,
    tmp_path: Path,
    study: dict[str, int],
    at_most: int | None,
    expected: int | None,
) -> None:
    """TensorFlow itself is asked; what the machine may have is hidden from it."""
    engine.use(1, [Device("none", {"CUDA_VISIBLE_DEVICES": "-1"})])
    take_slots(engine, StudyConfig(**study), tmp_path, StopRequest(), at_most)
    assert engine.devices == ()
    assert engine.slots == (expected or usable_cores())
    assert at_once(engine) == f"{expected or usable_cores()} at once"
    assert processor(engine) == "CPU"


@pytest.mark.parametrize(
    ("study", "at_most", "expected"),
    [
        ({}, None, "2 at once on 2 GPUs (NVIDIA A and NVIDIA B)"),
        ({"trials_per_gpu": 3}, None, "6 at once on 2 GPUs (NVIDIA A and NVIDIA B)"),
        ({"trials_per_gpu": 3}, 4, "4 at once on 2 GPUs (NVIDIA A and NVIDIA B)"),
        ({"jobs": 5}, None, "5 at once on 2 GPUs (NVIDIA A and NVIDIA B)"),
        ({"jobs": 1, "trials_per_gpu": 3}, None, "1 at once on 2 GPUs (NVIDIA A and NVIDIA B)"),
    ],
)
def test_jobs_follow_from_the_gpus(
    engine: LocalEngine,
    tmp_path: Path,
    stand_ins: pytest.MonkeyPatch,
    study: dict[str, int],
    at_most: int | None,
    expected: str,
) -> None:
    """So many on each, unless `jobs` says otherwise."""
    stand_ins.setattr(slots, "FIND_GPUS", "found_gpus:two")
    take_slots(engine, StudyConfig(**study), tmp_path, StopRequest(), at_most)
    assert at_once(engine) == expected
    assert processor(engine) == "GPU"


def test_gpus_of_one_kind_are_named_once(
    engine: LocalEngine, tmp_path: Path, stand_ins: pytest.MonkeyPatch
) -> None:
    """Slices of a GPU are told to be many, though TensorFlow finds the first alone."""
    stand_ins.setattr(slots, "FIND_GPUS", "found_gpus:one")
    take_slots(engine, StudyConfig(), tmp_path, StopRequest())
    assert at_once(engine) == "1 at once on 1 GPU (NVIDIA A)"
    stand_ins.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-b")
    take_slots(engine, StudyConfig(), tmp_path, StopRequest())
    assert at_once(engine) == "2 at once on 2 GPUs (NVIDIA A)"


@pytest.mark.heavy
def test_a_command_hands_gpus_to_its_jobs(tmp_path: Path, stand_ins: pytest.MonkeyPatch) -> None:
    """The stand-ins are gone when the first job looks: it refuses to train on the CPU instead."""
    stand_ins.setattr(slots, "FIND_GPUS", "found_gpus:two")
    stand_ins.setenv("CUDA_VISIBLE_DEVICES", "5,3")
    file = tmp_path / "t.yaml"
    file.write_text(yaml.safe_dump(definition()))
    with pytest.raises(GpuLostError, match=r"^GPU 5 \(NVIDIA A\) was there .* start the same"):
        describe_plan(file, measure=True)
