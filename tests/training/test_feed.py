"""Examples from memory and from files: the same numbers to the bit, in how much memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import user_models
from compiled_models import BATCH, HELD_OUT, compiled
from interrupted_trials import CNN, REGULARISED, assert_same_trial, trained
from own_process import python

from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training import feed, loop
from clr_sweep.training.data.materialized import Dataset, materialize
from clr_sweep.training.data.memory import Stacked
from clr_sweep.training.feed import Streamed
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop

pytestmark = pytest.mark.usefixtures("deterministic_ops")

ON_TEST_SET = REGULARISED.model_copy(
    update={"dataset": DatasetConfig(name="few_images", validation="test")}
)


@pytest.fixture
def streamed(images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Dataset:
    """The images in files; an epoch and an evaluation take several stretches of several batches."""
    monkeypatch.setattr(feed, "_STRETCH_BYTES", 2 * 64 * 790)  # two batches, not three
    monkeypatch.setattr(loop, "EVALUATION_BATCH", 25)
    return replace(materialize(images, tmp_path / "data"), streamed=True)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "config", [REGULARISED, CNN, ON_TEST_SET], ids=["regularised", "cnn", "on the test set"]
)
def test_a_trial_is_the_same_from_memory_and_from_files(
    images: Dataset, streamed: Dataset, tmp_path: Path, config: TrialConfig
) -> None:
    """To the bit; interrupted, it goes on in the other way as if nothing had been."""
    trained(config, images, tmp_path / "memory")
    trained(config, streamed, tmp_path / "files")
    memory, files = (TrialFolder(tmp_path / name) for name in ("memory", "files"))
    assert_same_trial(files, memory)
    for number, (first, then) in enumerate(((images, streamed), (streamed, images))):
        trained(config, first, tmp_path / str(number), stop_after=2)
        assert trained(config, then, tmp_path / str(number)) == [2, 3, 4]
        assert_same_trial(TrialFolder(tmp_path / str(number)), memory)


def test_other_data_are_evaluated_alike(images: Dataset, streamed: Dataset) -> None:
    """The test set too is read stretch by stretch, to the same numbers."""
    found = []
    for data in (images, streamed):
        model = compiled(user_models.regularised)
        made = TrainingLoop(model, data.x_train, data.y_train, BATCH, streamed=data.streamed)
        found.append((made.evaluate_on(data.x_test, data.y_test), made.evaluate(HELD_OUT)))
    assert found[0] == found[1]


def test_stretches_are_whole_batches(streamed: Dataset) -> None:
    """In the order asked for, the last one what is left; of no rows there is an empty one."""
    x, y = streamed.x_train, streamed.y_train
    made = Streamed((Stacked((x[:100], x[100:])), y))
    rows = np.random.default_rng(0).permutation(len(x))[:150]
    lengths = []
    for (images, labels), some in made.stretches(rows, BATCH):
        taken = rows[sum(lengths) :][: len(some)]
        assert np.array_equal(np.asarray(images)[some], x[taken])
        assert np.array_equal(np.asarray(labels)[some], y[taken])
        lengths.append(len(some))
    assert lengths == [2 * BATCH, 150 - 2 * BATCH]
    assert [len(some) for _, some in made.stretches(rows[:0], BATCH)] == [0]


def test_large_examples_are_evaluated_in_small_batches() -> None:
    """A thousand at once, unless that would be more than 64 MiB of input."""
    sizes = [
        loop._evaluation_batch([shape]) for shape in ((28, 28), (), (224, 224, 3), (5000, 5000))
    ]
    assert sizes == [1000, 1000, 2**24 // (224 * 224 * 3), 1]


SIZES = """
import keras
import numpy as np

class Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return self.batches

    def __getitem__(self, index):
        drawn = np.random.default_rng(index)
        return drawn.random((1000, 1024), np.float32), drawn.integers(0, 2, 1000)

def little():
    return Batches(1), Batches(1)

def big():
    return Batches(100), Batches(10)

def network(input_shape, classes):
    return keras.Sequential([keras.Input(input_shape), keras.layers.Dense(classes, "softmax")])
"""

TRAINED = """
from pathlib import Path

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.configurations import baseline_config
from clr_sweep.training import jobs
from clr_sweep.training.requests import DataJob, TrialJob

def mebibytes(key):
    status = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(status[key].split()[0]) / 1024

def peak(work):
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts from here
    before = mebibytes("VmRSS")
    made = work()
    print(round(mebibytes("VmHWM") - before))
    return made

here = Path.cwd()

def train(name, measured):
    data, folder = f"sizes:{name}", here / name
    folder.mkdir()
    made_by = DataJob(data, DataOptions(in_memory=False), (here,), folder / "data")
    facts = measured(lambda: jobs.prepare_data(made_by, print))
    sweep = Sweep.model_validate({
        "name": name,
        "dataset": {"name": data, "validation": 0.1},
        "model": {"name": "sizes:network"},
        "training": {"batch_size": 100, "epochs": 1},
        "search_space": {
            "init_lr": {"low": 1e-4, "high": 1e-3}, "max_lr": {"low": 1e-2, "high": 0.1},
        },
    })
    config = baseline_config(sweep, facts.train)
    job = TrialJob(config, facts.stored, folder / "trial", (here,), with_test=True)
    measured(lambda: jobs.run_trial(job, lambda report: True))

train("little", lambda work: work())
train("big", peak)
"""


@pytest.mark.heavy
def test_data_larger_than_the_memory_used_are_trained_on(tmp_path: Path) -> None:
    """430 MiB: loading them, training and testing take a fraction of that.

    Few examples are trained on first: what libraries, threads and graphs take, more where pages are
    large, is there before the peak is measured.
    """
    (tmp_path / "sizes.py").write_text(SIZES)
    # What is freed is given back: the peak is what is held, not what the C library keeps.
    freed = {"MALLOC_MMAP_THRESHOLD_": str(2**20)}
    done = python("-c", TRAINED, folder=tmp_path, **freed)
    _, loaded, said, held = done.stdout.splitlines()
    assert said.startswith("the 0.42 GiB of examples are read from")
    assert int(loaded) < 100
    assert int(held) < 150
