"""Find, prove and hand over the best cyclical learning rate for a Keras model.

The schedules are exposed here, the cyclical ones under the names TensorFlow Addons gave them, and
what the command line does as functions. Each name is imported when it is first asked for: `import
clr_sweep` alone imports neither Keras nor MLflow nor Optuna, so that the command line answers at
once. The schedules register themselves with Keras as soon as Keras is imported, before or after,
so that a saved model that uses them loads.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from clr_sweep.common.when_imported import when_imported

if TYPE_CHECKING:
    from clr_sweep.common.errors import ClrSweepError, InputError
    from clr_sweep.common.stopping import InterruptedSweepError
    from clr_sweep.library.best import BestConfiguration, load_best
    from clr_sweep.library.own_training import OwnTrial, TrialOverError
    from clr_sweep.library.range_test import RangeTest, RangeTestError, range_test
    from clr_sweep.library.running import compare, run
    from clr_sweep.library.study import Study, load_study
    from clr_sweep.library.sweep import Sweep
    from clr_sweep.library.trial import Trial
    from clr_sweep.schedules.keras import (
        CosineLearningRate,
        CyclicalLearningRate,
        ExponentialBoundsCyclicalLearningRate,
        ExponentialCyclicalLearningRate,
        LinearLearningRate,
        OneCycleLearningRate,
        Triangular2CyclicalLearningRate,
        TriangularCyclicalLearningRate,
    )

    __version__: str

__all__ = [
    "BestConfiguration",
    "ClrSweepError",
    "CosineLearningRate",
    "CyclicalLearningRate",
    "ExponentialBoundsCyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "InputError",
    "InterruptedSweepError",
    "LinearLearningRate",
    "OneCycleLearningRate",
    "OwnTrial",
    "RangeTest",
    "RangeTestError",
    "Study",
    "Sweep",
    "Trial",
    "TrialOverError",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
    "__version__",
    "compare",
    "load_best",
    "load_study",
    "range_test",
    "run",
]

# Where a name that is no schedule's is defined.
_MODULES = {
    "BestConfiguration": "library.best",
    "ClrSweepError": "common.errors",
    "InputError": "common.errors",
    "InterruptedSweepError": "common.stopping",
    "OwnTrial": "library.own_training",
    "RangeTest": "library.range_test",
    "RangeTestError": "library.range_test",
    "Study": "library.study",
    "Sweep": "library.sweep",
    "Trial": "library.trial",
    "TrialOverError": "library.own_training",
    "compare": "library.running",
    "load_best": "library.best",
    "load_study": "library.study",
    "range_test": "library.range_test",
    "run": "library.running",
}


def __getattr__(name: str) -> Any:
    """Imports a public name when it is first used, and keeps it."""
    if name == "__version__":
        value: Any = _installed_version()
    elif name in __all__:
        module = importlib.import_module(f"clr_sweep.{_MODULES.get(name, 'schedules')}")
        value = getattr(module, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def _installed_version() -> str:
    """Returns the installed distribution's version; "0+unknown" in a tree never installed."""
    from importlib import metadata

    try:
        return metadata.version("clr-sweep")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def _register_schedules() -> None:
    # A statement, not importlib's function: where the package is being imported already, here or
    # in another thread that waits for Keras, it goes on with what there is instead of failing.
    try:
        import clr_sweep.schedules.keras  # noqa: F401
    except RuntimeError as error:
        if type(error).__name__ != "_DeadlockError":
            raise
        # Another thread imports a module within, and waits for the import of `clr_sweep` itself,
        # which this is. A thread of its own waits for both.
        import threading

        threading.Thread(target=_register_schedules).start()


# Keras looks a saved class up in its registry; it imports no module but its own. So there is no
# way to be found by `load_model` that does not listen for the import of Keras.
when_imported("keras", _register_schedules)
