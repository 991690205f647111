"""What a model is, as far as the built model tells: by it a changed module is noticed.

A trial's folder keeps it. Whoever builds the model anew from its code, to train it on or to put
trained weights into it, holds it against that: weights of the same shapes fit other models too.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict

import keras

from clr_sweep.common.errors import StoreError, StudyChangedError
from clr_sweep.training.durable import write_text
from clr_sweep.training.folder import TrialFolder
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


def keep_identity(folder: TrialFolder, model: ModelIdentity) -> None:
    """Keep what the model is whose training begins in a folder."""
    write_text(folder.identity_file, json.dumps(asdict(model)))


def kept_identity(folder: TrialFolder) -> ModelIdentity | None:
    """What the model is that was trained in a folder; an earlier version has kept nothing.

    Raises:
        StoreError: its file cannot be read.
    """
    try:
        return ModelIdentity(**json.loads(folder.identity_file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(
            f"{folder.identity_file} cannot be read ({error}): put it back or remove it"
        ) from error


def refuse_another(folder: TrialFolder, name: str, model: ModelIdentity) -> None:
    """Find out whether what was trained in a folder was this model.

    Args:
        name: of the model, as in the configuration.

    Raises:
        StudyChangedError: it was another one.
        StoreError: what it was cannot be read.
    """
    kept = kept_identity(folder)
    if kept is not None and kept != model:
        raise StudyChangedError(
            f"what {folder.path} holds was trained with another model: {name} "
            f"{model.changed_from(kept)}: put its code back"
        )
