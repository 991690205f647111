"""The best configuration as Keras objects: `clr_sweep.load_best`."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from small_trials import BATCH, EXAMPLES, STEPS_PER_EPOCH, VALIDATION, small_config

from clr_sweep import InputError, load_best
from clr_sweep.definition.training_config import CycledMomentum
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.library.configuration import Configuration
from clr_sweep.training.compiling import schedule
from clr_sweep.training.model_identity import model_identity

MODEL = """
import keras

def network(input_shape, classes, units=4):
    return keras.Sequential(
        [keras.Input(input_shape), keras.layers.Dense(units), keras.layers.Dense(classes)]
    )

def data():
    import numpy as np
    x = np.arange(40, dtype="float32").reshape(20, 2)
    return (x, np.arange(20) % 3), (x, np.arange(20) % 3)

def strict(units):
    return keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])

class Late(keras.Model):
    def __init__(self):
        super().__init__()
        self.out = keras.layers.Dense(3)

    def call(self, inputs):
        return self.out(inputs)

def late():
    return Late()

def broken():
    raise RuntimeError("no such network")
"""


def written(folder: Path, config: TrialConfig, **more: Any) -> Path:
    """A file as `clr-sweep export` writes it."""
    file = folder / "best.yaml"
    content = {"config": config.model_dump(mode="json"), **more}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    return file


def rates(rate: Any, steps: int) -> list[float]:
    """What Keras would use at each step."""
    return [float(rate(step)) for step in range(steps)]


POLICIES = (
    "triangular", "triangular2", "exp_range", "exp_range_bounds", "linear", "cosine", "one_cycle",
)  # fmt: skip


@pytest.mark.parametrize("policy", POLICIES)
def test_the_schedule_is_the_trials_own(tmp_path: Path, policy: str) -> None:
    """With the steps per epoch that the trial had, to the bit."""
    gamma = 0.99 if policy.startswith("exp_range") else 1.0
    config = small_config(policy, epochs=4, gamma=gamma)
    best = load_best(written(tmp_path, config))
    ours, its = best.schedule(STEPS_PER_EPOCH), schedule(config.schedule)
    steps = 6 * STEPS_PER_EPOCH
    assert rates(ours, steps) == rates(its, steps)


# one_cycle comes to its peak a step before an epoch's end, however long that is.
@pytest.mark.parametrize("policy", [policy for policy in POLICIES if policy != "one_cycle"])
def test_the_same_curve_over_epochs_of_another_length(tmp_path: Path, policy: str) -> None:
    """At each epoch's end the rate is the trial's: half cycles, decay and end are where they were.

    A schedule without cycles falls over the epochs that it is told to.
    """
    gamma = 0.99 if policy.startswith("exp_range") else 1.0
    config = small_config(policy, epochs=4, gamma=gamma)
    best = load_best(written(tmp_path, config))
    longer, its = best.schedule(10 * STEPS_PER_EPOCH), schedule(config.schedule)
    for epoch in range(5):
        at = float(longer(10 * STEPS_PER_EPOCH * epoch))
        assert at == pytest.approx(float(its(STEPS_PER_EPOCH * epoch)), rel=1e-5, abs=1e-9)
    if config.schedule.is_cyclical:  # as long as they were found
        assert best.schedule(STEPS_PER_EPOCH, epochs=8).get_config() == its.get_config()
    if policy in ("linear", "cosine"):
        twice = best.schedule(STEPS_PER_EPOCH, epochs=8)
        assert float(twice(4 * STEPS_PER_EPOCH)) > float(its(4 * STEPS_PER_EPOCH))
        assert float(twice(8 * STEPS_PER_EPOCH)) == float(its(4 * STEPS_PER_EPOCH))


@given(
    factor=st.one_of(st.integers(1, 8), st.floats(0.25, 8)),
    budget=st.integers(16, 40),
    steps=st.integers(1, 900),
)
def test_the_epochs_are_those_of_the_plan(factor: float, budget: int, steps: int) -> None:
    """Whatever the steps of an epoch are, `fit` goes to the end of the last whole cycle."""
    best = Configuration(small_config(factor=factor, epochs=budget), ())
    assert best.epochs(steps) == plan_trial(factor, steps, budget, "cycle_end").epochs
    assert Configuration(small_config("cosine", epochs=budget), ()).epochs(steps) == budget


def test_a_constant_rate_is_a_number(tmp_path: Path) -> None:
    """As Keras takes it."""
    config = small_config("constant", init_lr=0.02, max_lr=0.02)
    assert load_best(written(tmp_path, config)).schedule(100) == 0.02


def test_the_optimizer_has_its_arguments(tmp_path: Path) -> None:
    """It is the trial's: class, arguments and schedule; each call makes another."""
    config = small_config(optimizer_arguments={"momentum": 0.8, "nesterov": True})
    best = load_best(written(tmp_path, config))
    optimizer = best.optimizer(STEPS_PER_EPOCH)
    assert isinstance(optimizer, keras.optimizers.SGD)
    assert (optimizer.momentum, optimizer.nesterov) == (0.8, True)
    assert optimizer is not best.optimizer(STEPS_PER_EPOCH)
    assert float(optimizer.learning_rate) == pytest.approx(config.schedule.init_lr)


def test_a_cycled_momentum_is_no_optimizers(tmp_path: Path) -> None:
    """Keras would keep it at the highest, which is another training: refused, with a way around."""
    config = small_config(cycle_momentum=CycledMomentum(low=0.8, high=0.9))
    best = load_best(written(tmp_path, config))
    told = r"cycle_momentum: .* between 0.8 and 0.9, .*`clr-sweep train`"
    with pytest.raises(InputError, match=told):
        best.optimizer(STEPS_PER_EPOCH)
    assert best.schedule(STEPS_PER_EPOCH)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0,), "steps_per_epoch: must be a whole number above 0, got 0"),
        ((12.5,), "steps_per_epoch: must be a whole number above 0, got 12.5"),
        ((True,), "steps_per_epoch: .*got True"),
        ((0, -1), "steps_per_epoch: .*got 0\nepochs: .*got -1"),
    ],
)
def test_numbers_that_cannot_be(tmp_path: Path, arguments: tuple[Any, ...], message: str) -> None:
    """All at once."""
    best = load_best(written(tmp_path, small_config()))
    with pytest.raises(InputError, match=message):
        best.schedule(*arguments)


def own(folder: Path, name: str, **arguments: Any) -> Path:
    """A file that names a module beside it, and that module."""
    (folder / "own_network.py").write_text(MODEL, encoding="utf-8")
    config = small_config(model=name).model_dump(mode="json")
    config["model"]["arguments"] = arguments
    config["dataset"] = {"name": "own_network:data"}
    file = folder / "best.yaml"
    file.write_text(yaml.safe_dump({"config": config}), encoding="utf-8")
    return file


@pytest.fixture
def modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Modules of the name are those of this test."""
    import sys

    monkeypatch.delitem(sys.modules, "own_network", raising=False)


@pytest.mark.usefixtures("modules")
def test_the_model_takes_from_the_data_what_it_is_not_given(tmp_path: Path) -> None:
    """The module lies beside the file, whatever the current folder is."""
    best = load_best(own(tmp_path, "own_network:network", units=6))
    assert [layer.units for layer in best.model().layers] == [6, 3]
    given = best.model(input_shape=(5,), classes=7)
    assert (given.input_shape, given.output_shape) == ((None, 5), (None, 7))


@pytest.mark.usefixtures("modules")
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("own_network:strict", "model.arguments.units: is required"),
        ("own_network:broken", "building the model .*no such network"),
        ("own_network:absent", "must be a function, got no such name"),
        ("nowhere_to_be_found:network", "there is no module 'nowhere_to_be_found'"),
    ],
)
def test_a_model_that_cannot_be_built(tmp_path: Path, name: str, message: str) -> None:
    """The reason is that of a sweep."""
    best = load_best(own(tmp_path, name))
    with pytest.raises(Exception, match=f"(?s){message}") as caught:
        best.model()
    assert type(caught.value).__module__ == "clr_sweep.common.errors"


def test_a_file_with_problems(tmp_path: Path) -> None:
    """All of them, each with its place; and one that is not there."""
    file = written(tmp_path, small_config())
    content = yaml.safe_load(file.read_text())
    content["config"]["schedule"] |= {"policy": "sawtooth", "gamma": 2}
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        load_best(file)
    assert len(caught.value.problems) == 2
    with pytest.raises(InputError, match="cannot be read"):
        load_best(tmp_path / "worst.yaml")


def test_what_the_file_says_is_shown(tmp_path: Path) -> None:
    """Metrics and provenance as they stand there, and a line for a prompt."""
    told = {"metrics": {"val_accuracy": 0.5}, "provenance": {"study": "s"}}
    file = written(tmp_path, small_config(), **told)
    best = load_best(str(file))
    assert {"metrics": best.metrics, "provenance": best.provenance} == told
    assert repr(best) == f"<BestConfiguration {file}: triangular, 0.01 to 0.2>"


def test_a_fit_with_it(tmp_path: Path) -> None:
    """Steps per epoch as `fit` counts them; the rate follows the plan to its end."""
    best = load_best(written(tmp_path, small_config(model="tutorial_cnn", epochs=3)))
    steps = math.ceil((EXAMPLES - VALIDATION) / BATCH)
    random = np.random.default_rng(0)
    model = best.model(input_shape=(28, 28), classes=10)
    model.compile(best.optimizer(steps), loss=best.config.training.loss.name)
    x, y = random.random((steps * BATCH, 28, 28)), random.integers(0, 10, steps * BATCH)
    model.fit(x, y, batch_size=BATCH, epochs=best.epochs(steps), verbose=0)
    assert int(model.optimizer.iterations) == best.config.steps
    assert float(model.optimizer.learning_rate) == pytest.approx(best.config.schedule.init_lr)


@pytest.mark.usefixtures("modules")
def test_a_model_that_has_not_seen_data_is_held_against_nothing(tmp_path: Path) -> None:
    """It has no variables yet by which it could be told; a subclassed model is such a one."""
    assert not load_best(own(tmp_path, "own_network:late")).model().built


@pytest.mark.usefixtures("modules")
def test_another_model_than_that_of_the_file_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is given all the same; the same one without a word."""
    file = own(tmp_path, "own_network:network", units=6)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    kept = model_identity(load_best(file).model())
    for parameters in (kept.parameters, 7):
        told = {"parameters": parameters, "digest": kept.digest}
        content["provenance"] = {"model": told}
        file.write_text(yaml.safe_dump(content), encoding="utf-8")
        assert load_best(file).model().count_params() == kept.parameters == 39
    (said,) = (one.getMessage() for one in caplog.records if one.levelname == "WARNING")
    assert said == (
        "warning: the model is another one than that of best.yaml: own_network:network had 7 "
        "parameters, has now 39"
    )
