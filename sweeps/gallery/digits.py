"""A small convolutional network with batch normalisation, and digits that are moved and turned."""

from __future__ import annotations

import keras
from keras import layers


def network(input_shape: tuple[int, int, int], classes: int, filters: int = 16) -> keras.Model:
    """Of images of 8 x 8 with values from 0 to 16, the probability of each class.

    Moved and turned anew in every epoch, in training alone.
    """
    return keras.Sequential(
        [
            keras.Input(input_shape),
            layers.Rescaling(1 / 16),
            layers.RandomTranslation(0.1, 0.1, fill_mode="constant"),
            layers.RandomRotation(0.05, fill_mode="constant"),
            layers.Conv2D(filters, 3, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.Conv2D(2 * filters, 3, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(momentum=0.9),
            layers.Activation("relu"),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )
