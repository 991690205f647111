"""What the Keras schedules share: arithmetic in float64, a rate in float32, a name, an address."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, TypeVar

import keras
import numpy as np

from clr_sweep.schedules import arguments

Schedule = TypeVar("Schedule", bound=type)


def public(schedule: Schedule) -> Schedule:
    """Registers a class with Keras, and gives it the address that users know: `clr_sweep.NAME`.

    Pickles hold that address. By it a process that knows neither Keras nor this package yet, or
    that imports both in several threads, imports Keras first and the classes after it: the other
    way about, two threads could each wait for what the other is importing.
    """
    schedule.__module__ = "clr_sweep"
    registered: Schedule = keras.saving.register_keras_serializable(package="clr_sweep")(schedule)
    return registered


def widest_float() -> str:
    """Returns the float type that rates are worked out in: float64, where the backend has it.

    JAX has it if JAX_ENABLE_X64 or its configuration says so; otherwise it would answer in float32
    all the same, and warn of it at each call.
    """
    if keras.backend.backend() == "jax":
        import jax

        return "float64" if jax.config.jax_enable_x64 else "float32"
    return "float64"


class Float64Schedule(keras.optimizers.schedules.LearningRateSchedule, ABC):
    """A schedule that is worked out in float64, which counts steps beyond 2**24.

    On JAX without float64 (see `widest_float`) it is worked out in float32.

    Args:
        name: a name for the schedule.

    Raises:
        TypeError: `name` is no text.
    """

    # The constructor's arguments beside the name, kept as attributes of these names.
    _saved: ClassVar[tuple[str, ...]]

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = arguments.text("name", name)

    def __call__(self, step: Any) -> Any:
        """Returns the rate at a step, as a float32 tensor of the step's shape.

        Raises:
            TypeError: the step is no number.
            ValueError: it is negative. That of a tensor is not looked at: a graph does not know it.
        """
        if isinstance(step, int | float | np.generic | np.ndarray):
            step = arguments.as_float64("step", step)
        elif step is None or isinstance(step, str | bytes):
            raise TypeError(
                f"step: must be a number, an array, a tensor or a variable, got {step!r} "
                f"({type(step).__name__})"
            )
        step = keras.ops.convert_to_tensor(step, dtype=widest_float())
        return keras.ops.cast(self._rate(step), "float32")

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments in types that JSON holds."""
        return {key: getattr(self, key) for key in (*self._saved, "name")}

    def __repr__(self) -> str:
        """The constructor's call; the name, which changes no rate, is left out."""
        given = ((key, getattr(self, key)) for key in self._saved)
        # A function by its name: its address tells a reader nothing.
        shown = (f"{key}={getattr(value, '__name__', None) or repr(value)}" for key, value in given)
        return f"{type(self).__name__}({', '.join(shown)})"

    @abstractmethod
    def _rate(self, step: Any) -> Any:
        """Returns the rate at a step, both tensors of `widest_float`."""
