"""How a training's graph comes by its examples: all of them in memory, or stretch by stretch.

Either way the graph is the same and gathers each batch by the same operation, so that the numbers
are the same to the bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import tensorflow as tf

from clr_sweep.training.data.arrays import Array, forget
from clr_sweep.training.data.memory import Stacked

ROWS = tf.TensorSpec([None], tf.int32)
"""Of rows, however many."""

Stretch = tuple[tuple[tf.Tensor, ...], tf.Tensor]

# Of a stretch. Larger ones are kept by the C library's heap when they are freed.
_STRETCH_BYTES = 2**22


class Feed(Protocol):
    """Gives the examples of rows, an array of examples and others that go with it, as labels.

    Attributes:
        specs: of the arrays that the graph gets, for any number of examples.
    """

    specs: tuple[tf.TensorSpec, ...]

    def __init__(self, arrays: Sequence[Array | Stacked]) -> None: ...

    def __len__(self) -> int: ...

    def stretches(self, rows: Array, size: int) -> Iterator[Stretch]:
        """The examples of these rows in their order, in stretches of whole batches.

        Args:
            size: of a batch; the last one takes what is left.

        Returns:
            The arrays, and which of their rows make the stretch, in its order; at least one,
            for no rows too.
        """
        ...


def feed(arrays: Sequence[Array | Stacked], streamed: bool) -> Feed:
    """A feed of arrays that are as long as one another."""
    return (Streamed if streamed else InMemory)(arrays)


class InMemory:
    """All examples lie in TensorFlow's memory; the graph picks those of each batch."""

    def __init__(self, arrays: Sequence[Array | Stacked]) -> None:
        stacked = _stacked(arrays)
        self.specs = _specs(stacked)
        self.tensors = tuple(tf.constant(one.whole()) for one in stacked)
        for array in (array for one in stacked for array in one.arrays):
            forget(array)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def stretches(self, rows: Array, size: int) -> Iterator[Stretch]:  # noqa: ARG002 - one stretch
        """All rows at once."""
        yield self.tensors, tf.constant(rows, tf.int32)


class Streamed:
    """Examples stay in their files, and each stretch of batches is read when it is needed."""

    def __init__(self, arrays: Sequence[Array | Stacked]) -> None:
        self._arrays = _stacked(arrays)
        self.specs = _specs(self._arrays)
        self._example_bytes = sum(one.example_bytes for one in self._arrays)

    def __len__(self) -> int:
        return len(self._arrays[0])

    def stretches(self, rows: Array, size: int) -> Iterator[Stretch]:
        """So many batches at once as are 4 MiB, or one."""
        step = size * max(1, _STRETCH_BYTES // (size * self._example_bytes))
        for start in range(0, max(1, len(rows)), step):
            taken = rows[start : start + step]
            tensors = tuple(tf.constant(one.take(taken)) for one in self._arrays)
            yield tensors, tf.range(len(taken), dtype=tf.int32)


def _stacked(arrays: Sequence[Array | Stacked]) -> tuple[Stacked, ...]:
    return tuple(one if isinstance(one, Stacked) else Stacked((np.asarray(one),)) for one in arrays)


def _specs(arrays: Sequence[Stacked]) -> tuple[tf.TensorSpec, ...]:
    return tuple(tf.TensorSpec([None, *one.example_shape], one.dtype) for one in arrays)
