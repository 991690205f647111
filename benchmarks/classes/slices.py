"""A smaller Fashion-MNIST, as data of one's own: a sweep names it `slices:fashion_mnist_5000`."""

from __future__ import annotations

from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.datasets import load_dataset


def fashion_mnist_5000() -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """The first 5,000 training images, and all 10,000 of the test set."""
    data = load_dataset("fashion_mnist")
    return (data.x_train[:5000], data.y_train[:5000]), (data.x_test, data.y_test)
