"""A model that changes its examples at random while it trains, named in a configuration."""

from __future__ import annotations

import keras
from keras import layers


def augmented() -> keras.Model:
    """Images flipped, moved, turned and lit at random; statistics of batches beside them."""
    inputs = keras.Input((28, 28))
    found = layers.Reshape((28, 28, 1))(layers.Rescaling(1 / 255)(inputs))
    found = layers.RandomFlip("horizontal")(found)
    found = layers.RandomTranslation(0.1, 0.1)(found)
    found = layers.RandomRotation(0.05)(found)
    found = layers.RandomBrightness(0.2, value_range=(0, 1))(found)
    found = layers.BatchNormalization()(layers.Flatten()(found))
    found = layers.Dense(16, activation="relu")(found)
    return keras.Model(inputs, layers.Dense(10, activation="softmax")(found))
