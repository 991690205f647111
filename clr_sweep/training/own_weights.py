"""Whether the model that a function returns is the one whose metrics it reported last.

A callback may put other weights in it when `fit` ends: `EarlyStopping(restore_best_weights=True)`
does so even where it has not stopped anything. The value would then be of one model, and what is
kept, tested and exported another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Set

import keras


def digests(model: keras.Model) -> frozenset[bytes]:
    """A digest of each weight of a model; the states of random generators are none of them."""
    return frozenset(
        hashlib.blake2b(keras.ops.convert_to_numpy(weight).tobytes(), digest_size=16).digest()
        for weight in model.weights
    )


def are_others(reported: Set[bytes], model: keras.Model) -> bool:
    """Whether a model has other weights than were reported.

    A part of the model that was trained has them, and so has a model that it is a part of.
    """
    returned = digests(model)
    return not (returned <= reported or reported <= returned)
