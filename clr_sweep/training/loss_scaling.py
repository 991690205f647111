"""Keras' loss scaling under `mixed_float16`, which skips the steps whose gradients overflow.

`compile` wraps the optimizer. The one inside takes the steps that are not skipped, so at a skipped
one weights and schedule stand still.
"""

from __future__ import annotations

import keras


def is_scaled(optimizer: keras.optimizers.Optimizer) -> bool:
    """Whether an optimizer may skip steps."""
    return isinstance(optimizer, keras.optimizers.LossScaleOptimizer)


def inner(optimizer: keras.optimizers.Optimizer) -> keras.optimizers.Optimizer:
    """The optimizer that updates the weights: the one that is wrapped, or itself."""
    found: keras.optimizers.Optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    return found


def skipped_steps(optimizer: keras.optimizers.Optimizer, steps: int) -> int:
    """How many of the first so many steps of a training were skipped."""
    return max(0, steps - int(optimizer.iterations)) if is_scaled(optimizer) else 0
