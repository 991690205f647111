"""The public surface: what is exported, and that asking for none of it costs nothing."""

from __future__ import annotations

import json
import sys
from importlib import metadata

import pytest
from own_process import python

import clr_sweep
from clr_sweep import schedules

CLASSES = {
    "CosineLearningRate",
    "CyclicalLearningRate",
    "ExponentialBoundsCyclicalLearningRate",
    "ExponentialCyclicalLearningRate",
    "LinearLearningRate",
    "OneCycleLearningRate",
    "Triangular2CyclicalLearningRate",
    "TriangularCyclicalLearningRate",
}
FUNCTIONS = {
    "cycle",
    "exp_range",
    "height",
    "learning_rate",
    "position",
    "triangular",
    "triangular2",
    "troughs",
    "whole_cycles",
}


CONSTANTS = {"ACYCLIC", "CONSTANT", "CYCLICAL", "POLICIES"}

LIBRARY = {
    "BestConfiguration", "ClrSweepError", "InputError", "InterruptedSweepError", "OwnTrial",
    "RangeTest", "RangeTestError", "Study", "Sweep", "Trial", "TrialOverError", "compare",
    "load_best", "load_study", "range_test", "run",
}  # fmt: skip


def test_exported_members() -> None:
    """Exactly these names are public, each can be had, and `dir` lists them."""
    assert set(clr_sweep.__all__) == CLASSES | LIBRARY | {"__version__"}
    assert set(schedules.__all__) == CLASSES | FUNCTIONS | CONSTANTS
    for module in (clr_sweep, schedules):
        assert list(module.__all__) == sorted(module.__all__, key=_ruff_order)
        assert set(module.__all__) <= set(dir(module))
        for name in module.__all__:
            assert getattr(module, name) is not None
    for name in CLASSES:
        assert getattr(clr_sweep, name) is getattr(schedules, name)


def _ruff_order(name: str) -> tuple[int, str]:
    """Constants, classes, the rest: the order ruff keeps __all__ in."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_unknown_members_are_attribute_errors() -> None:
    """A name that does not exist fails as in any module."""
    for module in (clr_sweep, schedules):
        with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute"):
            module.SineLearningRate  # noqa: B018  # the access is what is tested


def test_version() -> None:
    """The version is the installed distribution's, or says that there is none."""
    try:
        expected = metadata.version("clr-sweep")
    except metadata.PackageNotFoundError:
        expected = "0+unknown"
    assert clr_sweep.__version__ == expected


def test_importing_the_package_is_cheap() -> None:
    """`import clr_sweep` and the arithmetic need no Keras, TensorFlow, NumPy, MLflow or Optuna."""
    script = (
        "import json, sys, clr_sweep\n"
        "from clr_sweep.schedules import policies, learning_rate, troughs\n"
        "rate = learning_rate(1, policy='triangular', init_lr=0, max_lr=1, step_size=2)\n"
        "print(json.dumps([rate, sorted(sys.modules)]))"
    )
    path = [p for p in sys.path if p]
    done = python("-c", f"import sys; sys.path[:] = {path!r}\n{script}")
    rate, modules = json.loads(done.stdout)
    assert rate == 0.5
    assert "clr_sweep.schedules.policies" in modules
    heavy = {"keras", "tensorflow", "numpy", "mlflow", "optuna", "pydantic"}
    assert not heavy & set(modules)


@pytest.mark.heavy
def test_the_schedules_register_when_keras_comes_later() -> None:
    """`import clr_sweep` before `import keras` is enough for a saved model to load."""
    script = (
        "import sys, clr_sweep\n"
        "assert 'keras' not in sys.modules\n"
        "import keras\n"
        "names = [n for n in clr_sweep.__all__ if n.endswith('LearningRate')]\n"
        "found = [keras.saving.get_registered_object(f'clr_sweep>{n}') for n in names]\n"
        "print(found == [getattr(clr_sweep, n) for n in names])"
    )
    assert python("-c", script).stdout.strip() == "True"
