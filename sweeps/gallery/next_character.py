"""The next character of real English: the help pages that Python brings along."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pydoc_data.topics import topics

import keras
import numpy as np

ALPHABET = " abcdefghijklmnopqrstuvwxyz.,:()'_=-"
"""What is told apart, in lower case; digits and all else are one further class, the last."""
LENGTH, STRIDE = 40, 30


def data() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """40 characters each, uint8 (n, 40), and the one that follows, uint8 (n,).

    The test set is the last fifth of each page, of which the training sees nothing.
    """
    pages = [_numbers(topics[name]) for name in sorted(topics)]
    train, test = zip(*(np.split(page, [4 * len(page) // 5]) for page in pages), strict=True)
    return _windows(train), _windows(test)


def network(input_shape: tuple[int], classes: int, units: int = 48) -> keras.Model:
    """A GRU over embedded characters, eight at a time, and the probability of what follows."""
    return keras.Sequential(
        [
            keras.Input(input_shape, dtype="uint8"),
            keras.layers.Embedding(classes, 16),
            keras.layers.Conv1D(units, 4, strides=4, activation="relu"),
            keras.layers.Conv1D(units, 2, strides=2, activation="relu"),
            keras.layers.GRU(units),
            keras.layers.Dense(classes, activation="softmax"),
        ]
    )


def _numbers(page: str) -> np.ndarray:
    """Each character's place in the alphabet; line breaks and runs of spaces are one space."""
    text = re.sub(r"\s+", " ", page.lower())
    places = {character: place for place, character in enumerate(ALPHABET)}
    return np.array([places.get(one, len(ALPHABET)) for one in text], dtype="uint8")


def _windows(parts: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Windows that begin every 30 characters, and the character after each."""
    found = [
        np.lib.stride_tricks.sliding_window_view(part, LENGTH + 1)[::STRIDE]
        for part in parts
        if len(part) > LENGTH
    ]
    all_of_them = np.concatenate(found)
    return all_of_them[:, :-1], all_of_them[:, -1]
