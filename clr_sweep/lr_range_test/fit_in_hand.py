"""Examples and labels in hand held against the model, by the checks of sweeps, before a step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras

from clr_sweep.definition.losses import FUNCTION_OF
from clr_sweep.training.checks.labels_for_loss import problems, problems_of_values
from clr_sweep.training.checks.model_inputs import is_keras, shape_problem
from clr_sweep.training.checks.naming import IN_HAND
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.losses import TAKEN_BY
from clr_sweep.training.model_ends import declared_inputs, declared_outputs


class Output(NamedTuple):
    """Labels, what the model returns for them (None: not known yet), and the loss between."""

    key: str
    labels: Array
    returned: Any
    loss: Any
    name: str | None = None


def fit_problems(model: keras.Model, x: Any, y: Any) -> Iterator[str]:
    """What is wrong with examples and labels for a model that Keras trains in its own way.

    A model with a training step of its own makes of them what it wants; so may a loss of the user's
    own. What Keras says itself, when it is first called with them, is left to it.

    Args:
        x, y: arrays as `fit` takes them, of numbers; y may be None.
    """
    kind = type(model)
    steps = (kind.train_step, kind.test_step, kind.compute_loss)
    if not all(is_keras(step) for step in steps):
        return
    if is_keras(kind.call):
        wrong = list(_input_problems(model, x))
        yield from wrong
        if wrong:
            return
    returned = declared_outputs(model)
    yield from _name_problems(returned, y, model.loss)
    for output in outputs_of(returned, y, model.loss):
        yield from _label_problems(output)


def _input_problems(model: keras.Model, x: Any) -> Iterator[str]:
    """What is wrong with the shape of the arrays that are taken one by one."""
    if (inputs := declared_inputs(model)) is None:
        return
    pairs = {"x": (inputs, x)}
    if isinstance(inputs, Mapping):
        if isinstance(x, Mapping):
            pairs = {f"x[{name!r}]": (inputs[name], x[name]) for name in inputs if name in x}
        elif isinstance(x, list | tuple) and len(x) == len(inputs):
            both = zip(model.inputs, x, strict=True)
            pairs = {f"x[{place}]": pair for place, pair in enumerate(both)}
        else:
            yield (
                f"x: must be {len(inputs)} arrays, for the inputs {', '.join(inputs)} of the "
                f"model, got {_kind(x)}"
            )
            return
    for key, (taken, array) in pairs.items():
        if not hasattr(array, "shape"):
            continue  # Keras finds out what it is
        if array.dtype.kind in "OSU" and taken.dtype != "string":
            yield f"{key}: must hold numbers, as the model takes them, got dtype {array.dtype}"
            continue
        if (wrong := shape_problem(key, taken, array)) is not None:
            yield wrong


def _name_problems(returned: Any, y: Any, loss: Any) -> Iterator[str]:
    """Labels by name that are not those of the outputs which have a loss."""
    if returned is None or not isinstance(y, Mapping):
        return
    if isinstance(returned, Mapping):
        wanted = [name for name in returned if not isinstance(loss, Mapping) or loss.get(name)]
        if missing := [str(name) for name in wanted if name not in y]:
            yield (
                f"y: must have the labels of each output that has a loss, got {_kind(y)}: "
                f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing"
            )
    elif not isinstance(returned, list | tuple):
        yield f"y: must be one array of labels, as the model returns one output, got {_kind(y)}"


def outputs_of(returned: Any, y: Any, loss: Any) -> Iterator[Output]:
    """The outputs whose labels and loss are beyond doubt."""
    if isinstance(returned, Mapping):
        names = [name for name in returned if isinstance(y, Mapping) and name in y]
        for name in names:
            one = _loss_of(loss, name)
            yield Output(f"y[{name!r}]", y[name], returned[name], one, str(name))
    elif isinstance(returned, list | tuple):
        if isinstance(y, list | tuple) and len(y) == len(returned):
            for place, (array, one) in enumerate(zip(y, returned, strict=True)):
                key = f"y[{place}]"
                yield Output(key, array, one, _loss_of(loss, place), key)
    elif hasattr(y, "shape"):
        yield Output("y", y, returned, loss)


def _loss_of(loss: Any, place: str | int) -> Any:
    """That of one of several outputs, as `compile` has it; None where it has none, or by names."""
    if isinstance(loss, Mapping):
        return loss.get(place)
    if isinstance(loss, Sequence) and not isinstance(loss, str):
        return loss[place] if isinstance(place, int) and place < len(loss) else None
    return loss


def _label_problems(output: Output) -> Iterator[str]:
    name = function_of(output.loss)
    if (taken := TAKEN_BY.get(name)) is None:
        return
    labels, by = output.labels, f"{IN_HAND.loss} {name}"
    found = {output.key: labels}
    shape = () if output.returned is None else tuple(output.returned.shape[1:])
    if shape and None not in shape:
        yield from problems(taken, by, found, tuple(labels.shape), (len(labels), *shape), IN_HAND)
    else:
        yield from problems_of_values(taken, by, found, IN_HAND, shape[-1] if shape else None)


def function_of(loss: Any) -> str:
    """The name of the function of one of Keras' losses; empty of any other."""
    if isinstance(loss, str):
        return FUNCTION_OF.get(loss, "")
    made = isinstance(loss, keras.losses.Loss)
    named = type(loss) if made else loss
    if not is_keras(named):
        return ""
    # Labels that are no class, and classes along another axis.
    if getattr(loss, "ignore_class", None) is not None or getattr(loss, "axis", -1) != -1:
        return ""
    return FUNCTION_OF.get(getattr(named, "__name__", ""), "")


def _kind(x: Any) -> str:
    if isinstance(x, Mapping):
        return f"a dict of {', '.join(map(str, x))}"
    return f"{len(x)} arrays" if isinstance(x, list | tuple) else "one array"
