"""Whether labels are so large that no rate of plain gradient descent suits a squared loss."""

from __future__ import annotations

import numpy as np

from clr_sweep.training.data.arrays import Array, rows_of

# Of the root mean square: a squared loss of a model that begins at 0 begins at 10,000.
_LARGE = 100.0
# Its gradient grows with the labels; that of an absolute error, huber or log_cosh is bounded.
_SQUARED = "mean_squared_error"


def root_mean_square(labels: Array) -> float:
    """The size of labels, by which both a mean and a spread count."""
    # In units of the largest: squares of very large numbers are infinite.
    unit = max(float(np.abs(rows.astype("float64")).max()) for _, rows in rows_of(labels)) or 1.0
    total = sum(
        float(np.square(rows.astype("float64") / unit).sum()) for _, rows in rows_of(labels)
    )
    return unit * float(np.sqrt(total / labels.size))


def large_labels(size: float, loss: str, output: str | None = None) -> str:
    """What is wrong with the size of labels under SGD, and its cure; else empty.

    Args:
        size: their root mean square.
        loss: the name of Keras' function.
        output: whose labels they are, where a model has several.
    """
    if loss != _SQUARED or not size >= _LARGE:
        return ""
    of_output = f" of {output}" if output else ""
    return (
        f"the labels{of_output} are large, {shown_size(size)} by their root mean square, so under "
        f"{loss} sgd may diverge at every rate: standardise them (subtract their mean, divide by "
        "their standard deviation, both of the training examples)"
    )


def shown_size(size: float) -> str:
    """As people write it, with three digits where it is small or very large."""
    return f"{size:,.0f}" if 100 <= size < 1e9 else f"{size:.3g}"
