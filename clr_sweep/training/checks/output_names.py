"""The names of outputs: labels, losses and the model's outputs have the same."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from clr_sweep.common.nearest import hint
from clr_sweep.definition.outputs import Output


def name_problems(outputs: Sequence[Output], labels: Any, predicted: Any) -> Iterator[str]:
    """What is wrong with the names, before labels are held against outputs.

    Args:
        outputs: those that the sweep has losses for.
        labels: the labels, one or a mapping of them by name.
        predicted: what the model returns, likewise; several without names are a list.
    """
    if outputs[0].name is None:
        yield from _of_one(outputs[0], labels, predicted)
        return
    names = [str(one.name) for one in outputs]
    listed = ", ".join(names)
    if isinstance(labels, Mapping):
        yield from _differences("y_train.{}", "there are no labels y_train.{}", labels, names)
    else:
        yield (
            f"y_train: must be labels by the names of the outputs that training.loss has "
            f"({listed}), got one array: give a dict of arrays, in a file y_train.{names[0]}, ..."
        )
    if isinstance(predicted, Mapping):
        yield from _differences(
            "the model's output {!r}", "the model has no output {!r}", predicted, names
        )
    else:
        made = ", ".join(f"{name!r}: ..." for name in names)
        got = f"{len(predicted)} without names" if isinstance(predicted, (list, tuple)) else "one"
        yield (
            f"the model: must return its outputs by name, as keras.Model(inputs, {{{made}}}) does, "
            f"since training.loss has losses by name, got {got}"
        )


def _of_one(output: Output, labels: Any, predicted: Any) -> Iterator[str]:
    """What is wrong where the sweep has one loss."""
    if isinstance(labels, Mapping):
        of_each = ", ".join(f"{name}: ..." for name in labels)
        yield (
            f"training.loss: must have a loss for each of the labels, {{outputs: {{{of_each}}}}}, "
            f"got {output.loss} alone"
        )
    elif isinstance(predicted, (list, tuple, Mapping)):
        yield (
            f"y_train: is one array of labels, and the model has {len(predicted)} outputs, which "
            f"Keras holds against as many arrays; return one output, or give labels by the names "
            f"of the outputs and a loss for each, training.loss.outputs, or compute the loss in a "
            f"compute_loss of the model's own"
        )


def _differences(
    key: str, missing: str, found: Iterable[Any], names: Sequence[str]
) -> Iterator[str]:
    """Names that are there without a loss, and losses whose names are not there.

    Args:
        key, missing: what a name that is there stands for, and what is said of one that is not.
    """
    there = [str(name) for name in found]
    for name in there:
        if name not in names:
            yield (
                f"{key.format(name)}: has no loss in training.loss.outputs ({', '.join(names)})"
                f"{hint(name, names)}; give it one, or leave it out"
            )
    for name in names:
        if name not in there:
            yield (
                f"training.loss.outputs.{name}: {missing.format(name)}{hint(name, there)} (there "
                f"are {', '.join(there)})"
            )
