"""What changes while a model trains: its variables, and what else its graphs keep."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from clr_sweep.training.loop import TrainingLoop

_PYTHON = ("PyFunc", "EagerPyFunc", "PyFuncStateless")


@dataclass(frozen=True)
class TrainingState:
    """All that a training goes on from, between two epochs.

    Attributes:
        variables: of the model, of its optimizer, and every other one that the graphs of training
            and evaluation touch (seed generators, Keras' global one too, a user's own
            variables), each once, with its path, in an order that is the same in every process.
        unsaveable: names of what the graphs hold whose state nobody can read: TensorFlow's
            stateful random operations, calls of Python functions, resources other than
            variables. Empty where the variables are all.
    """

    variables: tuple[tuple[str, tf.Variable], ...]
    unsaveable: tuple[str, ...]


def training_state(loop: TrainingLoop) -> TrainingState:
    """The state of a loop's training. It traces the graphs, which training then uses.

    What a model keeps in Python and changes by other means than a function in its graph (a
    thread of its own, a file) cannot be seen here.
    """
    graphs = loop.graphs()
    found: dict[int, tuple[str, tf.Variable]] = {}
    for known in (*loop.model.variables, *loop.model.optimizer.variables):
        found.setdefault(id(known.value.handle), (known.path, known.value))
    unsaveable = set()
    for graph in graphs:
        # `graph.variables` comes in no order; what a graph captures does.
        by_handle = {id(variable.handle): variable for variable in graph.variables}
        for captured in graph.captured_inputs:
            variable = by_handle.get(id(captured))
            if variable is not None:
                found.setdefault(id(captured), (variable.name, variable))
            elif captured.dtype in (tf.resource, tf.variant):
                unsaveable.add("a resource that is no variable")
        unsaveable |= _operations_with_state(graph.graph.as_graph_def())
    own = {id(variable.handle) for variable in loop.recordings}
    variables = tuple(pair for handle, pair in found.items() if handle not in own)
    for path, variable in variables:
        if np.dtype(variable.dtype.as_numpy_dtype).hasobject:
            unsaveable.add(f"the variable {path} of {variable.dtype.name}s")
    return TrainingState(variables, tuple(sorted(unsaveable)))


def _operations_with_state(graph: Any) -> set[str]:
    nodes: Iterable[Any] = (
        node
        for part in (graph.node, *(f.node_def for f in graph.library.function))
        for node in part
    )
    return {node.op for node in nodes if node.op in _PYTHON or _draws(node)}


def _draws(node: Any) -> bool:
    # An operation with seeds of its own keeps its generator to itself; the stateless ones get
    # theirs as an input. A cuDNN layer has seeds for its dropout alone.
    if "seed2" not in node.attr:
        return False
    return not (node.op.startswith("CudnnRNN") and node.attr["dropout"].f == 0)
