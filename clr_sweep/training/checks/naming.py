"""How messages on labels call the loss and the metrics that take them."""

from __future__ import annotations

from typing import NamedTuple

from clr_sweep.definition.outputs import Output


class Naming(NamedTuple):
    """By their places in a sweep file, or as those of a model in hand, which no file describes.

    Attributes:
        between: what stands between the loss and a name that is to be written for it.
        more_outputs: how the model gets more outputs, after the word that it needs them.
    """

    loss: str
    metrics: str
    between: str = ": "
    more_outputs: str = " (model.arguments.classes, where its function has that)"

    def loss_is(self, name: str) -> str:
        """The loss as a cure has it: `training.loss: mean_squared_error`."""
        return f"{self.loss}{self.between}{name}"


IN_HAND = Naming("the loss", "the metrics", between=" ", more_outputs="")


def in_file(output: Output) -> Naming:
    """Of one of the outputs of a sweep file: `training.loss`, `training.loss.outputs.age`."""
    return Naming(output.place("loss"), output.place("metrics"))
