"""What the tests of training share: a few real images, and operations that are repeatable."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from small_trials import few_images

from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.training.data.materialized import Dataset


@pytest.fixture(scope="session")
def images() -> Dataset:
    """The first 320 images of the slice; their arrays cannot be written to."""
    return few_images()


@pytest.fixture(scope="module")
def engine() -> Iterator[LocalEngine]:
    """One engine of two slots for all jobs of a file."""
    with local_engine(2) as made:
        yield made


@pytest.fixture(scope="module")
def deterministic_ops() -> None:
    """TensorFlow's operations give the same bits at each call, as in every trial."""
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


@pytest.fixture
def as_written() -> Iterator[None]:
    """Graphs run as they were traced: TensorFlow's optimizer of graphs rewrites nothing."""
    import tensorflow as tf

    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": True})
    yield
    tf.config.optimizer.set_experimental_options({"disable_meta_optimizer": False})
