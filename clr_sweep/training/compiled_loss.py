"""What a model is compiled with as its loss: one of Keras', or of the user's own."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

# A function with arguments; what `compile` puts a plain function into. Keras exports it nowhere.
from keras.src.losses.losses import LossFunctionWrapper

from clr_sweep.common.errors import InputError
from clr_sweep.definition.losses import CLASS_OF, LossConfig
from clr_sweep.definition.outputs import Output
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.definition.pair_functions import check_pair
from clr_sweep.training.losses import function_name

_PLACE = "training.loss"


def compiled_losses(outputs: Sequence[Output], search_path: Sequence[Path]) -> Any:
    """The loss as `compile` takes it, of several outputs one of each by its name.

    Raises:
        InputError, TrialFailedError: see `compiled_loss`.
    """
    found = {one.name: compiled_loss(one.loss, search_path, one.place("loss")) for one in outputs}
    return found.get(None, found)


def compiled_loss(loss: LossConfig, search_path: Sequence[Path], place: str = _PLACE) -> Any:
    """The loss of an output as `compile` takes it.

    Args:
        place: where the sweep says it.

    Raises:
        InputError: Keras has no loss of this name, or the module none, or it takes no arguments.
        TrialFailedError: the module, or making the loss, raised an exception.
    """
    if loss.is_own:
        return _own(loss, search_path, place)
    function = function_name(loss.name)
    if not loss.arguments:
        return loss.name
    return getattr(keras.losses, CLASS_OF[function])(**loss.arguments)


def _own(loss: LossConfig, search_path: Sequence[Path], place: str) -> Any:
    try:
        found, _ = import_function(loss.name, search_path)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
    if inspect.isclass(found):
        if not issubclass(found, keras.losses.Loss):
            raise InputError(
                f"{place}: {loss.name} must be a keras.losses.Loss, or a function of "
                f"(y_true, y_pred), got another class, {found.__name__}"
            )
        return called(f"making the loss {loss}", lambda: found(**loss.arguments))
    is_made = isinstance(found, keras.losses.Loss)
    if not is_made:
        check_pair(found, loss.name, place, loss.arguments)
    if not loss.arguments:
        return found
    if is_made:
        raise InputError(
            f"{place}.arguments: {loss.name} is a loss that is made already: name its class, "
            f"which takes them, or leave them out"
        )
    return LossFunctionWrapper(found, name=found.__name__, **loss.arguments)
