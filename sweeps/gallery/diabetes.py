"""A small network for a regression whose labels stay in their own unit."""

from __future__ import annotations

import keras
from keras import layers

MEAN, SPREAD = 150.0, 75.0
"""About those of the labels (25 to 346): what the network itself gives is then of the size of 1."""


def network(input_shape: tuple[int], units: int = 24) -> keras.Model:
    """Of ten columns (age, sex, blood) the progression of diabetes after a year."""
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.BatchNormalization(momentum=0.9),
            layers.Dense(units, activation="relu"),
            layers.Dropout(0.1),
            layers.Dense(units, activation="relu"),
            layers.Dense(1),
            layers.Rescaling(SPREAD, offset=MEAN),
        ]
    )
