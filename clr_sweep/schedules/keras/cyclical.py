"""Cyclical learning rates as Keras schedules, under TensorFlow Addons' names and arguments.

TensorFlow Addons ended without a successor of its `CyclicalLearningRate` for Keras 3. These
classes take the same arguments in the same order with the same defaults, so that changing the
import is the whole migration, and they can be saved: in a `.keras` file, loaded in safe mode.

To load such a file compiled, `import clr_sweep` first (before or after Keras): that registers the
classes, as Keras asks for any custom class.

    import clr_sweep
    model = keras.models.load_model("model.keras")

Steps are what the optimizer counts. With `gradient_accumulation_steps=k` Keras 3 hands a schedule
the number of BATCHES, of which only every k-th updates the weights. So count `step_size` in
batches, as in factor * steps per epoch, and a cycle spans the same epochs with accumulation and
without; a step size counted in weight updates has to be multiplied by k (and gamma become
gamma ** (1 / k)). `optimizer.iterations` then counts updates: the schedule's step is not it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Literal, SupportsFloat

import keras

from clr_sweep.schedules import arguments, cycles, policies
from clr_sweep.schedules.keras.base import Float64Schedule, public, widest_float

ScaleFn = Callable[[Any], Any]
ScaleMode = Literal["cycle", "iterations"]

BOUNDS = ("initial_learning_rate", "maximal_learning_rate", "step_size")
_SCALE_MODES = ("cycle", "iterations")
_NAMED_SCALES: dict[str, ScaleFn] = {
    "triangular": policies.triangular,
    "triangular2": policies.triangular2,
}


@public
class CyclicalLearningRate(Float64Schedule):
    """A learning rate that rises from a lower to an upper bound and back, again and again.

    With t the optimizer step and S = step_size:

        cycle = floor(1 + t / (2 S))
        x     = |t / S - 2 cycle + 1|
        rate  = initial + (maximal - initial) * max(0, 1 - x) * scale_fn(m)

    where m is the cycle (from 1) or the step t (from 0), by `scale_mode`. Source: L. N. Smith,
    arXiv:1506.01186, as in TensorFlow Addons 0.23.

    The arithmetic runs in float64, so that it stays exact beyond 2**24 steps, where float32 can
    no longer count; the rate comes out in float32. A step may be a number, an array, a tensor or
    a variable of any integer or float type; the rate has its shape.

    Args:
        initial_learning_rate: the rate at the troughs, >= 0.
        maximal_learning_rate: the rate at a peak of scale 1, >= initial_learning_rate.
        step_size: HALF a cycle, from trough to peak, in optimizer steps (batches), > 0. Smith
            advises 2 to 10 times the steps of an epoch.
        scale_fn: what scales the amplitude: "triangular" (1), "triangular2" (halved with each
            cycle), or a function of one float64 tensor, the cycle or the step. To be saved, a
            function has to be registered with `keras.saving.register_keras_serializable`; it is
            stored by its registered name, which may be given here as well. Any other function,
            a lambda among them, trains as well but makes `get_config` and saving raise.
        scale_mode: "cycle" or "iterations": what `scale_fn` is called with.
        name: a name for the schedule.

    Raises:
        TypeError: an argument is of the wrong type.
        ValueError: an argument is out of range, `scale_fn` names nothing that is known, or
            triangular2 is to be scaled by "iterations", which would halve the amplitude with
            every single step.

    Example:
        >>> schedule = CyclicalLearningRate(1e-4, 1e-2, step_size=2000, scale_fn="triangular2")
        >>> optimizer = keras.optimizers.SGD(learning_rate=schedule)
        >>> [round(float(schedule(step)), 6) for step in (0, 2000, 4000, 6000)]
        [0.0001, 0.01, 0.0001, 0.00505]
    """

    _saved: ClassVar[tuple[str, ...]] = (*BOUNDS, "scale_mode", "scale_fn")

    def __init__(
        self,
        initial_learning_rate: SupportsFloat,
        maximal_learning_rate: SupportsFloat,
        step_size: SupportsFloat,
        scale_fn: str | ScaleFn,
        scale_mode: ScaleMode = "cycle",
        name: str = "CyclicalLearningRate",
    ) -> None:
        super().__init__(name)
        self.initial_learning_rate, self.maximal_learning_rate = arguments.learning_rates(
            "initial_learning_rate",
            initial_learning_rate,
            "maximal_learning_rate",
            maximal_learning_rate,
        )
        self.step_size = arguments.half_cycle("step_size", step_size)
        self.scale_fn = _scale_function(scale_fn)
        if scale_mode not in _SCALE_MODES:
            raise ValueError(f'scale_mode: must be "cycle" or "iterations", got {scale_mode!r}')
        if self.scale_fn is policies.triangular2 and scale_mode == "iterations":
            raise ValueError(
                'scale_mode: must be "cycle" with triangular2, got "iterations", which would '
                "halve the amplitude with every step instead of every cycle; for an amplitude "
                "that decays with every step use ExponentialCyclicalLearningRate and gamma"
            )
        self.scale_mode = scale_mode

    def _rate(self, step: Any) -> Any:
        if self.scale_mode == "cycle":
            scale = self.scale_fn(cycles.cycle(step, self.step_size))
        else:
            scale = self.scale_fn(step)
        # A user's function may answer in another type, as a float32 tensor or a Python number.
        scale = keras.ops.convert_to_tensor(scale, dtype=widest_float())
        return policies.interpolate(
            self.initial_learning_rate,
            self.maximal_learning_rate,
            cycles.position(step, self.step_size) * scale,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments in types that JSON holds.

        Raises:
            ValueError: `scale_fn` is a function that Keras could not find again when loading.
        """
        config = super().get_config()
        if "scale_fn" in config:
            config["scale_fn"] = _scale_name(self.scale_fn)
        return config


def _scale_function(scale_fn: Any) -> ScaleFn:
    """Returns the function that the argument `scale_fn` is or names."""
    if not isinstance(scale_fn, str):
        if not callable(scale_fn) or isinstance(scale_fn, type):
            raise TypeError(
                f"scale_fn: must be a name or a function, got {scale_fn!r} "
                f"({type(scale_fn).__name__})"
            )
        function: ScaleFn = scale_fn
        return function
    if scale_fn in _NAMED_SCALES:
        return _NAMED_SCALES[scale_fn]
    if scale_fn == "exp_range":
        raise ValueError('scale_fn: "exp_range" needs a gamma; use ExponentialCyclicalLearningRate')
    found: ScaleFn | None = keras.saving.get_registered_object(scale_fn)
    if found is None or isinstance(found, type):
        raise ValueError(
            f'scale_fn: must be "triangular", "triangular2", a function, or the name of a '
            f"function registered with keras.saving.register_keras_serializable (such as "
            f"'my_project>my_scale', its module imported first), got {scale_fn!r}"
        )
    return found


def _scale_name(scale_fn: ScaleFn) -> str:
    """Returns the name under which `_scale_function` finds this very function again."""
    for name, named in _NAMED_SCALES.items():
        if scale_fn is named:
            return name
    try:
        name = str(keras.saving.get_registered_name(scale_fn))
        if keras.saving.get_registered_object(name) is scale_fn:
            return name
    except (AttributeError, TypeError):  # an object without a name, or one that has no hash
        pass
    raise ValueError(
        f"scale_fn: {scale_fn!r} cannot be saved, as it could not be found again when loading. "
        f"Write it as a named function decorated with "
        f'@keras.saving.register_keras_serializable(package="my_project"), or use one of the '
        f'names "triangular" and "triangular2", or ExponentialCyclicalLearningRate'
    )
