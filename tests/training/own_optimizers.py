"""Optimizers of a user's own, named as `own_optimizers:name`."""

from __future__ import annotations

from typing import Any

import keras


@keras.saving.register_keras_serializable("own_optimizers")
class SignDescent(keras.optimizers.Optimizer):
    """A step in the direction of the gradient's signs, with slots of its own."""

    def __init__(self, learning_rate: Any = 0.01, keep: float = 0.5, **arguments: Any) -> None:
        super().__init__(learning_rate, **arguments)
        self.keep = keep

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.means = [self.add_variable_from_reference(v, "mean") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        mean = self.means[self._get_variable_index(variable)]
        self.assign(mean, self.keep * mean + (1 - self.keep) * gradient)
        self.assign_sub(variable, learning_rate * 0.1 * keras.ops.sign(mean))

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "keep": self.keep}


def focused_muon(learning_rate: Any, excluded: str = "dense_1") -> keras.optimizers.Optimizer:
    """One of Keras', made as a sweep file cannot."""
    return keras.optimizers.Muon(learning_rate, exclude_layers=[excluded, "bias"])


def at_another_rate(learning_rate: Any) -> keras.optimizers.Optimizer:  # noqa: ARG001
    """It loses the schedule."""
    return keras.optimizers.SGD(0.125)


def gathering(learning_rate: Any) -> keras.optimizers.Optimizer:
    """Most of its steps change nothing."""
    return keras.optimizers.SGD(learning_rate, gradient_accumulation_steps=4)


def no_optimizer(learning_rate: Any) -> Any:
    """What it was given."""
    return learning_rate
