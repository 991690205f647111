"""The cyclical policies as Keras schedules: three of TensorFlow Addons', one of the paper's."""

from __future__ import annotations

from functools import partial
from typing import Any, SupportsFloat

from clr_sweep.schedules import arguments, policies
from clr_sweep.schedules.keras.base import public
from clr_sweep.schedules.keras.cyclical import BOUNDS, CyclicalLearningRate, ScaleMode


@public
class TriangularCyclicalLearningRate(CyclicalLearningRate):
    """Smith's triangular policy: every cycle reaches the maximal rate.

    Args:
        initial_learning_rate: the rate at the troughs, >= 0.
        maximal_learning_rate: the rate at the peaks, >= initial_learning_rate.
        step_size: HALF a cycle, in optimizer steps (batches), > 0.
        scale_mode: "cycle" or "iterations"; without effect, as the scale is always 1.
        name: a name for the schedule.

    Raises:
        TypeError, ValueError: as `CyclicalLearningRate`.

    Example:
        >>> schedule = TriangularCyclicalLearningRate(0.25, 0.75, step_size=2)
        >>> [float(schedule(step)) for step in range(5)]
        [0.25, 0.5, 0.75, 0.5, 0.25]
    """

    _saved = (*BOUNDS, "scale_mode")

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        maximal_learning_rate: SupportsFloat,
        step_size: SupportsFloat,
        scale_mode: ScaleMode = "cycle",
        name: str = "TriangularCyclicalLearningRate",
    ) -> None:
        super().__init__(
            initial_learning_rate, maximal_learning_rate, step_size, "triangular", scale_mode, name
        )


@public
class Triangular2CyclicalLearningRate(CyclicalLearningRate):
    """Smith's triangular2 policy: the amplitude is halved with each cycle, 2^-(cycle - 1).

    Args:
        initial_learning_rate: the rate at the troughs, >= 0.
        maximal_learning_rate: the rate at the first peak, >= initial_learning_rate.
        step_size: HALF a cycle, in optimizer steps (batches), > 0.
        scale_mode: "cycle". "iterations", which TensorFlow Addons let pass, is refused: it
            halves the amplitude with every step.
        name: a name for the schedule.

    Raises:
        TypeError, ValueError: as `CyclicalLearningRate`.

    Example:
        >>> schedule = Triangular2CyclicalLearningRate(0.25, 0.75, step_size=2)
        >>> [float(schedule(step)) for step in range(9)]
        [0.25, 0.5, 0.75, 0.5, 0.25, 0.375, 0.5, 0.375, 0.25]
    """

    _saved = (*BOUNDS, "scale_mode")

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        maximal_learning_rate: SupportsFloat,
        step_size: SupportsFloat,
        scale_mode: ScaleMode = "cycle",
        name: str = "Triangular2CyclicalLearningRate",
    ) -> None:
        super().__init__(
            initial_learning_rate, maximal_learning_rate, step_size, "triangular2", scale_mode, name
        )


@public
class ExponentialCyclicalLearningRate(CyclicalLearningRate):
    """The exp_range policy of the libraries: the amplitude decays by gamma with each step.

    The lower bound stays where it is; in Smith's paper both bounds decay.

    Args:
        initial_learning_rate: the rate at the troughs, >= 0.
        maximal_learning_rate: the upper bound, >= initial_learning_rate; the first peak is at
            gamma^step_size of the way to it.
        step_size: HALF a cycle, in optimizer steps (batches), > 0.
        scale_mode: "iterations": gamma^step; "cycle": gamma^cycle, from gamma^1 on.
        gamma: the factor, in (0, 1]. Above 1, the rate would leave its bounds.
        name: a name for the schedule.

    Raises:
        TypeError, ValueError: as `CyclicalLearningRate`, and `gamma` is not in (0, 1].

    Example:
        >>> schedule = ExponentialCyclicalLearningRate(0.0, 1.0, step_size=2, gamma=0.5)
        >>> [float(schedule(step)) for step in range(5)]
        [0.0, 0.25, 0.25, 0.0625, 0.0]
    """

    _saved = (*BOUNDS, "scale_mode", "gamma")

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        maximal_learning_rate: SupportsFloat,
        step_size: SupportsFloat,
        scale_mode: ScaleMode = "iterations",
        gamma: SupportsFloat = 1.0,
        name: str = "ExponentialCyclicalLearningRate",
    ) -> None:
        self.gamma = arguments.decay("gamma", gamma)
        scale = partial(policies.exp_range, self.gamma)
        super().__init__(
            initial_learning_rate, maximal_learning_rate, step_size, scale, scale_mode, name
        )


@public
class ExponentialBoundsCyclicalLearningRate(CyclicalLearningRate):
    """The exp_range policy of Smith's paper: both bounds decay by gamma with each step.

        rate = gamma^t * (initial + (maximal - initial) * max(0, 1 - x))

    `ExponentialCyclicalLearningRate`, as other libraries, decays the amplitude alone. Source:
    L. N. Smith, arXiv:1506.01186, section 3.1: "each boundary value declines".

    Args:
        initial_learning_rate: the rate at step 0, >= 0; the troughs lie on its decay.
        maximal_learning_rate: the upper bound at step 0, >= initial_learning_rate; the peaks lie
            on its decay.
        step_size: HALF a cycle, in optimizer steps (batches), > 0.
        gamma: the factor per step, in (0, 1].
        name: a name for the schedule.

    Raises:
        TypeError, ValueError: as `CyclicalLearningRate`, and `gamma` is not in (0, 1].

    Example:
        >>> schedule = ExponentialBoundsCyclicalLearningRate(0.5, 1.0, step_size=2, gamma=0.5)
        >>> [float(schedule(step)) for step in range(5)]
        [0.5, 0.375, 0.25, 0.09375, 0.03125]
    """

    _saved = (*BOUNDS, "gamma")

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        maximal_learning_rate: SupportsFloat,
        step_size: SupportsFloat,
        gamma: SupportsFloat = 1.0,
        name: str = "ExponentialBoundsCyclicalLearningRate",
    ) -> None:
        self.gamma = arguments.decay("gamma", gamma)
        scale = partial(policies.exp_range, self.gamma)
        super().__init__(
            initial_learning_rate, maximal_learning_rate, step_size, scale, "iterations", name
        )

    def _rate(self, step: Any) -> Any:
        return policies.learning_rate(
            step,
            policy="exp_range_bounds",
            init_lr=self.initial_learning_rate,
            max_lr=self.maximal_learning_rate,
            step_size=self.step_size,
            gamma=self.gamma,
        )
