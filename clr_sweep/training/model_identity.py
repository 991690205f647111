"""What a model is, as far as the built model tells: by it a changed module is noticed."""

from __future__ import annotations

import hashlib
import json

import keras

from clr_sweep.training.requests import ModelIdentity


def model_identity(model: keras.Model) -> ModelIdentity:
    """Of a model that is built: its variables in their order, and the classes of its layers.

    Not the names of either: Keras numbers those by what else the process has built.
    """
    told = {
        "variables": [
            [list(one.shape), str(one.dtype), bool(one.trainable)] for one in model.weights
        ],
        "layers": [type(layer).__name__ for layer in model._flatten_layers(include_self=False)],
    }
    digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
    return ModelIdentity(int(model.count_params()), digest)
