"""The limit: bare training loops, a process on each core; no study, no tracking, nothing kept.

Each process imports Keras, maps the images and trains its share of the trials one after the other,
a whole epoch in one call into TensorFlow's graph, on one thread. What is left of a sweep's time
when everything but the training is taken away.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.throughput.workload import BATCH_SIZE, Workload, build_model

EVALUATION_BATCH = 1000


def main(workload: Workload) -> None:
    # Forked while nothing is imported yet: each imports Keras on its own core.
    context = multiprocessing.get_context("fork")
    cores = sorted(os.sched_getaffinity(0))
    processes = [
        context.Process(target=share, args=(workload, place, core))
        for place, core in enumerate(cores)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    if any(process.exitcode for process in processes):
        sys.exit("a process of the limit failed: see above")


def share(workload: Workload, place: int, core: int) -> None:
    """Train every so-manyth trial, all being equally long, and write what came of it."""
    os.sched_setaffinity(0, {core})
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    x, y = (np.load(Path(workload.data, f"{n}_train.npy"), mmap_mode="r") for n in "xy")
    images, labels = tf.constant(x), tf.constant(y)
    outcomes = {
        str(workload.trials[i]["max_lr"]): train(workload, workload.trials[i], images, labels)
        for i in range(place, len(workload.trials), workload.cores)
    }
    Path(f"outcomes-{place}.json").write_text(json.dumps(outcomes))


def train(workload: Workload, params: Any, images: Any, labels: Any) -> list[float]:
    """The validation accuracy after each epoch."""
    import keras
    import tensorflow as tf

    train_rows, validation_rows = workload.split_rows()
    keras.utils.set_random_seed(0)
    model = build_model(params, -(-len(train_rows) // BATCH_SIZE))

    def batch(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(tf.gather(images, rows), tf.float32), tf.gather(labels, rows)

    def over(rows: tf.Tensor, size: int, step: Any) -> None:
        def body(start: tf.Tensor) -> tuple[tf.Tensor]:
            step(batch(rows[start : start + size]))
            return (start + size,)

        tf.while_loop(
            lambda start: start < tf.size(rows), body, [tf.constant(0)], parallel_iterations=1
        )

    @tf.function(autograph=False, jit_compile=False)
    def epoch(rows: tf.Tensor) -> None:
        over(rows, BATCH_SIZE, model.train_step)

    @tf.function(autograph=False, jit_compile=False)
    def evaluate(rows: tf.Tensor) -> None:
        over(rows, EVALUATION_BATCH, model.test_step)

    # What Keras makes on first use cannot be made inside the graph's loop.
    model.test_step(batch(validation_rows[:2]))
    model.optimizer.build(model.trainable_variables)
    order, accuracies = np.random.default_rng(0), []
    for _ in range(workload.epochs):
        model.reset_metrics()
        epoch(tf.constant(order.permutation(train_rows)))
        model.reset_metrics()
        evaluate(tf.constant(validation_rows))
        accuracies.append(float(model.get_metrics_result()["accuracy"]))
    return accuracies


if __name__ == "__main__":
    main(Workload.read(Path(sys.argv[1])))
