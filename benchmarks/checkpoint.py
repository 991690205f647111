"""What a checkpoint of a trial costs: `python benchmarks/checkpoint.py`.

Times the writing of checkpoint.npz as a trial of the tutorial's network has it in its last epoch
(SGD, 16 epochs of Fashion-MNIST), synced to the disk, against an epoch of training on this machine.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.configurations import baseline_config
from clr_sweep.training.checkpoint import Checkpoint, Progress
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.state import training_state

SWEEP = Path(__file__).parent.parent / "sweeps" / "fashion_mnist.yaml"
REPEATS = 30


def main() -> None:
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    sweep: Sweep = load_sweep(SWEEP)
    data: Dataset = load_dataset(sweep.dataset.name)
    config = baseline_config(sweep, len(data.x_train))
    keras.utils.set_random_seed(config.seed)
    loop = TrainingLoop(
        compiled_model(config, data, ()), data.x_train, data.y_train, config.training.batch_size
    )
    rows = np.arange(54000, dtype=np.int32)
    order, held_out = epoch_order(rows, config.seed, 1), np.arange(54000, 60000, dtype=np.int32)
    state = training_state(loop)
    loop.train(order, 0, 1)
    began = time.process_time()
    loop.train(order, 0, 844)
    loop.evaluate(held_out)
    epoch = time.process_time() - began
    curve = np.zeros(config.steps, np.float32)
    seconds = []
    with tempfile.TemporaryDirectory(dir=".") as folder:
        file = Path(folder) / "checkpoint.npz"
        checkpoint = Checkpoint(file, config, data.digest, state)
        for _ in range(REPEATS):
            began = time.perf_counter()
            checkpoint.save(Progress(16, curve, curve))
            seconds.append(time.perf_counter() - began)
        size = file.stat().st_size
    middle = 1000 * statistics.median(seconds)
    print(
        f"a checkpoint: {size / 1024:.0f} KiB, {middle:.1f} ms by the clock (median of {REPEATS})"
    )
    print(f"an epoch of training: {epoch:.1f} s of CPU")


if __name__ == "__main__":
    main()
