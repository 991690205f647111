"""Cycled momentum inside the graph, against the formula, torch.optim's values and plain NumPy."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from small_trials import small_config

from clr_sweep.definition.optimizers import OPTIMIZERS, momentum_argument
from clr_sweep.definition.training_config import CycledMomentum
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.schedules import policies
from clr_sweep.schedules.keras import (
    ExponentialCyclicalLearningRate,
    OneCycleLearningRate,
    Triangular2CyclicalLearningRate,
    TriangularCyclicalLearningRate,
)
from clr_sweep.schedules.momentum import CYCLED, momentum
from clr_sweep.training.compiling import compiled_model
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.loop import TrainingLoop
from clr_sweep.training.momentum_cycle import MomentumCycle
from clr_sweep.training.trial import train

REFERENCE = json.loads((Path(__file__).parents[1] / "data" / "torch_schedules.json").read_text())

BOUNDS = CycledMomentum(low=0.8, high=0.9)


def trained(config: TrialConfig, data: Dataset, path: Path) -> TrialFolder:
    """The folder of a trial that has run to its end."""
    folder = TrialFolder(path)
    assert train(config, data, folder).state == "complete"
    return folder


def planned_momenta(config: TrialConfig) -> np.ndarray:
    return np.asarray(config.schedule.momentum(np.arange(config.steps), BOUNDS)).astype("float32")


@pytest.mark.parametrize("policy", CYCLED)
def test_the_momentum_of_every_step(images: Dataset, tmp_path: Path, policy: str) -> None:
    """What each step used is the formula's, to the bit, and it does move between its bounds."""
    config = small_config(
        policy, factor=1.5, epochs=6, gamma=0.99, cycle_momentum=BOUNDS, max_lr=0.1
    )
    momenta = trained(config, images, tmp_path).momenta()
    assert momenta is not None
    np.testing.assert_array_equal(momenta, planned_momenta(config), strict=True)
    assert momenta[0] == np.float32(0.9)
    assert momenta.min() < 0.815


@pytest.mark.heavy
@pytest.mark.parametrize("optimizer", [name for name in OPTIMIZERS if momentum_argument(name)])
def test_every_optimizer_with_a_momentum(images: Dataset, tmp_path: Path, optimizer: str) -> None:
    """It is this momentum that updates: the same number throughout leads elsewhere.

    The first step is at `high` either way; from the second on the rates of change differ.
    """
    changes: dict[str, Any] = {"optimizer": optimizer, "max_lr": 0.02, "init_lr": 1e-3}
    argument = momentum_argument(optimizer)
    assert argument is not None
    cycled = trained(small_config(cycle_momentum=BOUNDS, **changes), images, tmp_path / "cycled")
    fixed = trained(
        small_config(optimizer_arguments={argument: 0.9}, **changes), images, tmp_path / "fixed"
    )
    assert fixed.momenta() is None
    (rates, losses), (other_rates, other_losses) = (f.curve() or () for f in (cycled, fixed))
    np.testing.assert_array_equal(rates, other_rates)
    assert losses[0] == other_losses[0]
    # Of rmsprop and sgd the first velocity is 0, whatever it is multiplied with.
    assert (losses[3:] != other_losses[3:]).all()
    optimizer_made = keras.models.load_model(cycled.model_file).optimizer
    assert getattr(optimizer_made, argument) == 0.9
    assert optimizer_made.get_config()[argument] == 0.9


def as_keras(training: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """The Keras schedule of a training of PyTorch's, and the arguments of its momentum."""
    a = training["arguments"]
    if training["scheduler"] == "OneCycleLR":
        schedule = OneCycleLearningRate(a["max_lr"], a["total_steps"])
        return schedule, {"policy": "one_cycle", "steps": a["total_steps"]}
    bounds = (a["base_lr"], a["max_lr"], a["step_size_up"])
    schedules = {
        "triangular": lambda: TriangularCyclicalLearningRate(*bounds),
        "triangular2": lambda: Triangular2CyclicalLearningRate(*bounds),
        "exp_range": lambda: ExponentialCyclicalLearningRate(*bounds, gamma=a["gamma"]),
    }
    shape = {"policy": a["mode"], "step_size": a["step_size_up"], "gamma": a["gamma"]}
    return schedules[a["mode"]](), shape


def weights_of_keras(training: dict[str, Any]) -> np.ndarray:
    """The weights of the same linear model after the same steps, by our loop."""
    rate, shape = as_keras(training)
    x, y, before = (np.array(training[key], "float32") for key in ("x", "y", "before"))
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False)])
    model.set_weights([before])
    adam = training["optimizer"] == "Adam"
    optimizer: Any = (
        keras.optimizers.Adam(rate, beta_1=0.95) if adam else keras.optimizers.SGD(rate, 0.95)
    )
    model.compile(optimizer, loss="mse")
    argument = "beta_1" if adam else "momentum"
    cycle = MomentumCycle(
        optimizer, argument, lambda step: momentum(step, low=0.85, high=0.95, **shape)
    )
    loop = TrainingLoop(model, x, y, len(x), cycle)
    for _ in range(100):
        loop.train(np.arange(len(x), dtype="int32"), 0, 1)
    found: np.ndarray = model.get_weights()[0]
    return found


def weights_of_sgd(training: dict[str, Any]) -> np.ndarray:
    """Keras' update in NumPy's float64 with PyTorch's rates and momenta.

    PyTorch's own SGD scales its velocity by the rate of the step, Keras its gradients: with a
    rate that changes these are two methods.
    """
    case = next(
        case
        for case in REFERENCE["cases"]
        if all(case[key] == training[key] for key in ("optimizer", "scheduler", "arguments"))
    )
    x, y, weights = (np.array(training[key]) for key in ("x", "y", "before"))
    velocity = np.zeros_like(weights)
    for rate, held in zip(case["rates"], case["momenta"], strict=True):
        gradient = 2 * x.T @ (x @ weights - y) / len(x)
        velocity = held * velocity - rate * gradient
        weights = weights + velocity
    return weights


@pytest.mark.parametrize(
    "training",
    REFERENCE["trainings"],
    ids=lambda one: f"{one['optimizer']}-{one['arguments'].get('mode', 'one_cycle')}",
)
def test_weights_are_those_of_torch(training: dict[str, Any]) -> None:
    """A linear model trained with cycled momentum ends where PyTorch's Adam, or NumPy's SGD, ends.

    Other momenta would not do: at the same rates with momentum 0.95 throughout it ends elsewhere.
    """
    found = weights_of_keras(training)
    adam = training["optimizer"] == "Adam"
    expected = np.array(training["after"]) if adam else weights_of_sgd(training)
    np.testing.assert_allclose(found, expected, rtol=2e-4, atol=2e-5)


def test_a_train_step_of_the_users_own(images: Dataset, tmp_path: Path) -> None:
    """It gets the momentum too: the trial's momenta are planned and the loss is another."""
    config = small_config(model="user_models:own_step", cycle_momentum=BOUNDS)
    folder = trained(config, images, tmp_path / "cycled")
    np.testing.assert_array_equal(folder.momenta(), planned_momenta(config), strict=True)
    fixed = small_config(model="user_models:own_step", optimizer_arguments={"momentum": 0.9})
    other = trained(fixed, images, tmp_path / "fixed")
    assert ((folder.curve() or ())[1][3:] != (other.curve() or ())[1][3:]).all()


@pytest.mark.parametrize("policy", sorted(set(policies.POLICIES) - set(CYCLED)))
def test_policies_without_a_rise_stay_at_high(images: Dataset, policy: str) -> None:
    """The baseline of such a sweep has the momentum of a trough, at every step."""
    config = small_config(policy, cycle_momentum=BOUNDS)
    assert config.cycled_momentum is None
    assert compiled_model(config, images, ()).optimizer.momentum == 0.9
