"""A small network for columns of different size: batch normalisation stands in front."""

from __future__ import annotations

import keras
from keras import layers


def network(input_shape: tuple[int], classes: int, units: int = 24) -> keras.Model:
    """Of 30 measurements of a tumour's cells, the probability of each class."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.2),
            layers.Dense(units, activation="relu"),
            layers.Dense(classes, activation="softmax"),
        ]
    )
