"""The policies without a cycle as Keras schedules: linear, cosine and one-cycle.

Keras' own PolynomialDecay and CosineDecay work in float32: they lose count above 2**24 steps, and
differ in the last bits from what a sweep plans. These work in float64 by the arithmetic of
`policies` and hand out float32, so that the rate of each step is the planned one, to the bit.

Each is registered with Keras, as the schedules of `cyclical` are, and counts steps as those do.
"""

from __future__ import annotations

from typing import Any, SupportsFloat

from clr_sweep.schedules import arguments, decays, policies
from clr_sweep.schedules.keras.base import Float64Schedule, public


class _Decay(Float64Schedule):
    """From the initial rate to 0, by a policy of `policies` that subclasses name."""

    policy: str
    _saved = ("initial_learning_rate", "decay_steps")

    def __init__(
        self, initial_learning_rate: SupportsFloat, decay_steps: SupportsFloat, name: str
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate = arguments.learning_rate(
            "initial_learning_rate", initial_learning_rate, at_least=0.0
        )
        self.decay_steps = arguments.half_cycle("decay_steps", decay_steps)

    def _rate(self, step: Any) -> Any:
        return policies.learning_rate(
            step,
            policy=self.policy,
            init_lr=0.0,
            max_lr=self.initial_learning_rate,
            steps=self.decay_steps,
        )


@public
class LinearLearningRate(_Decay):
    """A rate that falls along a line to 0: initial * (1 - t / decay_steps), 0 from there on.

    The values of `torch.optim.lr_scheduler.LinearLR` from factor 1 to 0.

    Args:
        initial_learning_rate: the rate at step 0, >= 0.
        decay_steps: optimizer steps until the rate is 0, > 0.
        name: a name for the schedule.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range.

    Example:
        >>> schedule = LinearLearningRate(0.5, decay_steps=4)
        >>> [float(schedule(step)) for step in range(6)]
        [0.5, 0.375, 0.25, 0.125, 0.0, 0.0]
    """

    policy = "linear"

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        decay_steps: SupportsFloat,
        name: str = "LinearLearningRate",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)


@public
class CosineLearningRate(_Decay):
    """A rate that falls along half a cosine to 0: initial * (1 + cos(pi t / decay_steps)) / 2.

    The values of `torch.optim.lr_scheduler.CosineAnnealingLR` down to 0, which then stay there.
    Source: Loshchilov and Hutter, arXiv:1608.03983, without restarts.

    Args:
        initial_learning_rate: the rate at step 0, >= 0.
        decay_steps: optimizer steps until the rate is 0, > 0.
        name: a name for the schedule.

    Raises:
        TypeError, ValueError: as `LinearLearningRate`.

    Example:
        >>> schedule = CosineLearningRate(0.5, decay_steps=4)
        >>> [round(float(schedule(step)), 4) for step in range(6)]
        [0.5, 0.4268, 0.25, 0.0732, 0.0, 0.0]
    """

    policy = "cosine"

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        decay_steps: SupportsFloat,
        name: str = "CosineLearningRate",
    ) -> None:
        super().__init__(initial_learning_rate, decay_steps, name)


@public
class OneCycleLearningRate(Float64Schedule):
    """One rise and one longer fall, far below where it began, along half a cosine each.

    The values of `torch.optim.lr_scheduler.OneCycleLR` with two phases, under its names and
    defaults: the peak is at step pct_start * total_steps - 1, the end at total_steps - 1. Past it
    PyTorch raises; here the last rate stays. Source: Smith and Topin, arXiv:1708.07120.

    Args:
        max_lr: the rate at the peak, >= 0.
        total_steps: optimizer steps in all, > 0.
        pct_start: the part of the steps in which the rate rises, in (0, 1).
        div_factor: the rate starts at max_lr / div_factor; >= 1.
        final_div_factor: and ends at max_lr / div_factor / final_div_factor; >= 1.
        name: a name for the schedule.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range.

    Example:
        >>> schedule = OneCycleLearningRate(1.0, total_steps=100)
        >>> [round(float(schedule(step)), 6) for step in (0, 29, 64, 99)]
        [0.04, 1.0, 0.500002, 4e-06]
    """

    _saved = ("max_lr", "total_steps", "pct_start", "div_factor", "final_div_factor")

    def __init__(
        self,
        max_lr: SupportsFloat,
        total_steps: SupportsFloat,
        pct_start: SupportsFloat = decays.PCT_START,
        div_factor: SupportsFloat = decays.DIV_FACTOR,
        final_div_factor: SupportsFloat = decays.FINAL_DIV_FACTOR,
        name: str = "OneCycleLearningRate",
    ) -> None:
        super().__init__(name)
        self.max_lr = arguments.learning_rate("max_lr", max_lr, at_least=0.0)
        self.total_steps = arguments.half_cycle("total_steps", total_steps)
        self.pct_start = arguments.part("pct_start", pct_start)
        self.div_factor = arguments.finite_number("div_factor", div_factor, at_least=1.0)
        self.final_div_factor = arguments.finite_number(
            "final_div_factor", final_div_factor, at_least=1.0
        )

    def _rate(self, step: Any) -> Any:
        start_lr = self.max_lr / self.div_factor
        return decays.one_cycle_rate(
            step,
            self.total_steps,
            start_lr=start_lr,
            max_lr=self.max_lr,
            end_lr=start_lr / self.final_div_factor,
            pct_start=self.pct_start,
        )
