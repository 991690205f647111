"""What runs in a process of its own: looking at a sweep, training a trial, testing a model.

Importing this module imports Keras; the engine's server does so once, before it forks.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from clr_sweep.common.errors import DataError, GpuLostError, OutOfMemoryError, TrialFailedError
from clr_sweep.common.gpus import ASSIGNED_GPU
from clr_sweep.lr_range_test.recording import record_curve
from clr_sweep.training.checks.model_inputs import check_inputs
from clr_sweep.training.compiling import check_objective, compiled_model, data_facts
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.materialized import Dataset, materialize, open_materialized
from clr_sweep.training.data.memory import streams
from clr_sweep.training.data.named import each, rows
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.first_look import first_look
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.input_scale import input_scale
from clr_sweep.training.inspection import INSPECTED, seconds
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.model_identity import model_identity, refuse_another
from clr_sweep.training.models import build_model
from clr_sweep.training.own_training import evaluate_by_function, train_by_function
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import (
    EVALUATED,
    DataJob,
    Inspection,
    LookJob,
    ModelIdentity,
    ModelLook,
    PreparedData,
    RangeTestJob,
    StoredData,
    TrialJob,
)
from clr_sweep.training.set_up import set_up
from clr_sweep.training.trial import train

Report = Callable[[Any], Any]
_OUT_OF_MEMORY = (MemoryError, tf.errors.ResourceExhaustedError)


def find_gpus(_payload: None, _report: Report) -> tuple[str, ...]:
    """The names of the GPUs that TensorFlow can use, in its order; nothing is put on them."""
    found = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(device) for device in found]
    return tuple(str(each.get("device_name", "unnamed")) for each in details)


def prepare_data(job: DataJob, _report: Report) -> PreparedData:
    """Load the data set once, into memory-mapped files that all trials share."""
    _prepare_process(job.search_path)
    data = _loaded(job)
    assert data.folder is not None
    return PreparedData(
        name=data.name,
        source=data.source,
        digest=data.digest,
        train=data.training_examples,
        test=data.test_examples,
        input_shape=each(data.x_train, lambda array: tuple(array.shape[1:])),
        input_dtype=each(data.x_train, lambda array: str(array.dtype)),
        stored=StoredData(data.folder, data.digest, job),
    )


def _loaded(job: DataJob) -> Dataset:
    """A data set in memory-mapped files, those of the cache or of the folder that the job names."""
    data = load_dataset(job.name, job.options, job.search_path, job.into)
    # Known data sets, files and what loaders give are in memory-mapped files already.
    return data if data.folder is not None else materialize(data, job.into)


def opened(data: StoredData) -> Dataset:
    """The data of a job, prepared on this machine if it is another one than the driver's.

    Raises:
        DataError: there are none here, or others.
    """
    is_here = data.folder.is_dir()
    found = open_materialized(data.folder) if is_here else _loaded(data.made_by)
    if found.digest != data.digest:
        raise DataError(
            f"the data {found.name} on the machine {platform.node()} ({found.source}) are others "
            f"than the driver's: SHA-256 {found.digest}, not {data.digest}: put the same there"
        )
    size = found.nbytes()
    if not streams(size, data.made_by.options.in_memory):
        return found
    print(f"the {size / 2**30:.3g} GiB of examples are read from {found.folder} as they are needed")
    return replace(found, streamed=True)


def look_at_model(job: LookJob, _report: Report) -> ModelLook:
    """Build a model, and find out what comes out of it, what its labels are, and how they fit."""
    _prepare_process(job.search_path)
    data = opened(job.data)
    model = build_model(job.model, data_facts(data), job.search_path)
    check_inputs(model, data)
    scale = input_scale(model, data.x_train)
    return ModelLook(first_look(model, data), scale.problem, scale.settles)


def inspect_trial(job: TrialJob, _report: Report) -> Inspection:
    """Build and compile a trial's model and time some of its steps; nothing is kept."""
    data = _prepare(job)
    started = seconds()
    ready = set_up(job.config, data, job.search_path)
    loop = ready.loop
    order = epoch_order(ready.train_rows, job.config.seed, 1)
    loop.train(order, 0, 1)
    some = ready.validation_rows[:EVALUATED]
    check_objective(job.config, loop.evaluate(some))  # a graph is traced for each number of rows
    traced = seconds()
    count = min(ready.steps_per_epoch, INSPECTED)
    loop.train(order, 0, count)
    trained = seconds()
    loop.evaluate(some)
    ended = seconds()
    return Inspection(
        model=ready.identity,
        seconds_per_step=(trained - traced) / count,
        seconds_per_example=(ended - trained) / len(some),
        fixed_seconds=traced - started,
    )


def identify_model(job: TrialJob, _report: Report) -> ModelIdentity:
    """Build a trial's model, take no step, and find out what it is."""
    # As for its training: some models have their variables only when they have seen data.
    return set_up(job.config, _prepare(job), job.search_path).identity


def run_trial(job: TrialJob, report: Report) -> TrialResult:
    """Train a trial; each epoch is reported, and the answer says whether to go on.

    An attempt that was interrupted goes on from its last checkpoint, see `train`.

    Raises:
        OutOfMemoryError: there was not enough memory.
        DiskFullError: the disk has no space left; the same job goes on later.
        FolderHeldError: another process writes into the trial's folder.
    """
    if job.config.training.function is not None:
        return _run_function(job, report)
    data = _prepare(job)
    folder = TrialFolder(job.folder)
    with _named_out_of_memory(), folder.held():
        result = train(
            job.config,
            data,
            folder,
            job.search_path,
            on_epoch=report,
            on_inspection=report if job.inspect else None,
        )
        if job.with_test:
            _test(job, data, folder)
    return result


def _run_function(job: TrialJob, report: Report) -> TrialResult:
    data, folder = _prepare_any(job), TrialFolder(job.folder)
    with _named_out_of_memory(), folder.held():
        result = train_by_function(job, data, folder, report)
        if job.with_test and result.state == "complete":
            evaluate_by_function(job, data, folder)
    return result


def run_range_test(job: RangeTestJob, _report: Report) -> None:
    """Record the curve of one seed of a range test, in a process that then ends.

    Raises:
        OutOfMemoryError, DiskFullError: as `run_trial`.
    """
    _prepare_process(job.search_path)
    with _named_out_of_memory():
        record_curve(job, opened(job.data))


def evaluate_on_test_set(job: TrialJob, _report: Report) -> Mapping[str, float]:
    """Evaluate a trained trial on the test set, which no choice has seen.

    Returns:
        The metrics, with `test_`; those that are finite are kept.

    Raises:
        OutOfMemoryError, DiskFullError, FolderHeldError: as `run_trial`.
        StudyChangedError: its code makes another model now.
    """
    data = _prepare_any(job)
    folder = TrialFolder(job.folder)
    with _named_out_of_memory(), folder.held():
        folder.remove_leftovers()
        if job.config.training.function is not None:
            return evaluate_by_function(job, data, folder)
        assert data is not None
        return _test(job, data, folder)


def _test(job: TrialJob, data: Dataset, folder: TrialFolder) -> dict[str, float]:
    keras.utils.set_random_seed(job.config.seed)
    # As in training: at a trial's end and later, the same numbers to the bit on any processor.
    tf.config.experimental.enable_op_determinism()
    model = compiled_model(job.config, data, job.search_path)
    # It builds a model that has no weights before it has seen data.
    first = rows(data.x_train, slice(2)), rows(data.y_train, slice(2))
    loop = TrainingLoop(model, *first, batch_size=2, streamed=data.streamed)
    refuse_another(folder, job.config.model.name, model_identity(model))
    model.load_weights(folder.model_file)
    found = loop.evaluate_on(data.x_test, data.y_test)
    values = {f"test_{name}": value for name, value in found.items()}
    folder.save_test(values)
    return values


@contextlib.contextmanager
def _named_out_of_memory() -> Iterator[None]:
    try:
        yield
    except (*_OUT_OF_MEMORY, TrialFailedError) as error:
        # The user's code, called by us, may be what found none.
        found = error.__cause__ if isinstance(error, TrialFailedError) else error
        if not isinstance(found, _OUT_OF_MEMORY):
            raise
        raise OutOfMemoryError(f"out of memory: {found}") from error


def _prepare_any(job: TrialJob) -> Dataset | None:
    """As `_prepare`; None where the data are those of a function of the user's own."""
    if job.config.dataset.examples is None:
        return _prepare(job)
    _prepare_process(job.search_path)
    return None


def _prepare(job: TrialJob) -> Dataset:
    _prepare_process(job.search_path)
    return opened(job.data)


def _prepare_process(search_path: tuple[Path, ...]) -> None:
    """Settle what must be settled before TensorFlow runs its first operation."""
    sys.path[:0] = [str(folder) for folder in search_path if str(folder) not in sys.path]
    # Two threads on one trial were measured no faster than one: the cores go to other trials.
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    gpus = tf.config.list_physical_devices("GPU")
    if (assigned := os.environ.get(ASSIGNED_GPU)) and not gpus:
        # TensorFlow would train on the CPU without a word, slowly and to other results.
        raise GpuLostError(
            f"GPU {assigned} was there when this command started, and TensorFlow finds it no "
            "longer: see whether `nvidia-smi` lists it, and start the same command again"
        )
    for gpu in gpus:
        # Already initialised, or a virtual device: then it stays as it is.
        with contextlib.suppress(RuntimeError, ValueError):
            tf.config.experimental.set_memory_growth(gpu, True)
