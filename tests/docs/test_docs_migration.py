"""The page on migration: each `before` and `after` is run, and what is said to differ does.

Sources of the formulas: see `old_cyclical_rates`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from documentation import MIGRATION, text_of
from old_cyclical_rates import OldCallback, TfaSchedule, put_in_place

import clr_sweep

TFA = json.loads((Path(__file__).parents[1] / "data" / "tfa_cyclical_values.json").read_text())


def sections() -> dict[str, list[str]]:
    """The page's blocks by the library that the section before is about; the first is shared."""
    found = re.findall(r"^```python\n(.*?)^```$", text_of(MIGRATION), re.MULTILINE | re.DOTALL)
    shared, *others = found
    assert len(others) % 2 == 0
    pairs = [others[at : at + 2] for at in range(0, len(others), 2)]
    for before, after in pairs:
        assert "clr_sweep" not in before
        assert "from clr_sweep import" in after
    return {
        "shared": [shared],
        **{f"{index} {pair[0].split()[1]}": pair for index, pair in enumerate(pairs)},
    }


PAIRS = {name: pair for name, pair in sections().items() if name != "shared"}


class Watched(keras.callbacks.Callback):
    """Notes the rate that the optimizer has before each step."""

    def __init__(self) -> None:
        super().__init__()
        self.rates: list[np.float32] = []

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.rates.append(np.float32(self.model.optimizer.learning_rate))


def run(block: str, monkeypatch: pytest.MonkeyPatch) -> tuple[list[np.float32], dict[str, Any]]:
    """Run a block of the page, with what stands before all: the rate of each step, its names."""
    watched, fit = Watched(), keras.Model.fit

    def watched_fit(model: Any, *args: Any, callbacks: Any = (), **named: Any) -> Any:
        return fit(model, *args, callbacks=[*callbacks, watched], **named)

    namespace: dict[str, Any] = {"__name__": "migration_page"}
    with monkeypatch.context() as patched:
        put_in_place(patched)
        patched.setattr(keras.Model, "fit", watched_fit)
        for code in (sections()["shared"][0], block):
            exec(compile(code, str(MIGRATION), "exec"), namespace)
    return watched.rates, namespace


@pytest.mark.heavy
@pytest.mark.parametrize("pair", PAIRS.values(), ids=PAIRS)
def test_the_rates_before_are_the_rates_after(
    pair: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Step by step: of the callbacks to the bit, weights too; of TFA to its own precision."""
    (before, old), (after, new) = (run(block, monkeypatch) for block in pair)
    assert len(before) == len(after) >= 80
    assert len(set(after)) > 10
    if "tensorflow_addons" in pair[0]:
        np.testing.assert_allclose(before, after, rtol=0, atol=1e-6 * max(after))
        return
    assert before == after
    for mine, theirs in zip(new["model"].get_weights(), old["model"].get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert old.get("shown") == new.get("shown")


def test_the_page_pairs_all_that_it_promises() -> None:
    """Two pairs of TensorFlow Addons, two of bckenstler's and one of keras-contrib's."""
    libraries = [name.split()[1].split(".")[0] for name in PAIRS]
    assert sorted(libraries) == [
        *["clr_callback"] * 2,
        "keras_contrib",
        *["tensorflow_addons"] * 2,
    ]


@pytest.mark.parametrize("case", TFA["cases"], ids=lambda case: case["policy"])
def test_the_formula_of_tensorflow_addons_is_its_own(case: dict[str, Any]) -> None:
    """What stands for TFA on this page gives what TFA 0.23 gave."""
    arguments = dict(case["arguments"])
    gamma = arguments.pop("gamma", 1.0)
    scales = {
        "triangular": (lambda _: 1.0, "cycle"),
        "triangular2": (lambda cycle: 1 / 2.0 ** (cycle - 1), "cycle"),
        "exp_range": (lambda step: gamma**step, "iterations"),
    }
    scale, mode = scales[case["policy"]]
    mode = arguments.pop("scale_mode", mode)
    made = TfaSchedule(**arguments, scale_fn=scale, scale_mode=mode)
    found = [float(made(tf.constant(int(step), tf.float32))) for step in case["values"]]
    np.testing.assert_allclose(found, list(case["values"].values()), rtol=1e-6)


# ---- what differs


def summing_model(optimizer: Any, steps_per_execution: int = 1) -> keras.Model:
    """A model whose one weight, from 0, is less the rate of each step: minus their sum."""
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="zeros")]
    )
    model.compile(
        optimizer,
        loss=lambda _, outputs: keras.ops.mean(outputs),
        steps_per_execution=steps_per_execution,
    )
    return model


def trained(model: keras.Model, *callbacks: Any) -> float:
    """Eight steps more: the sum of the rates so far."""
    x = np.ones((8, 1), "float32")
    model.fit(x, x, batch_size=1, verbose=0, callbacks=list(callbacks))
    return -float(model.get_weights()[0].item())


RATES = clr_sweep.TriangularCyclicalLearningRate(0.1, 0.5, step_size=4)


def test_a_callback_counts_by_itself_and_a_schedule_by_the_optimizer() -> None:
    """Another callback begins anew; with a schedule the second `fit` goes on."""
    (one, other), size = (OldCallback(0.1, 0.5, 6), OldCallback(0.1, 0.5, 6)), 6
    anew = summing_model(keras.optimizers.SGD())
    assert trained(anew, other) == pytest.approx(trained(anew, one) / 2, rel=1e-6)
    schedule = clr_sweep.TriangularCyclicalLearningRate(0.1, 0.5, step_size=size)
    on = summing_model(keras.optimizers.SGD(schedule))
    trained(on)
    assert trained(on) == pytest.approx(float(sum(np.asarray(schedule(np.arange(16))))), rel=1e-6)
    assert trained(anew, one) != pytest.approx(trained(on), rel=1e-3)


def test_a_callback_holds_one_rate_for_an_execution_of_many_steps() -> None:
    """With steps_per_execution=4 the callback's rate stands for four steps; a schedule's moves."""
    schedule = clr_sweep.TriangularCyclicalLearningRate(0.1, 0.5, step_size=8)
    by_schedule = trained(summing_model(keras.optimizers.SGD(schedule), 4))
    rates = np.asarray(schedule(np.arange(8)))
    assert by_schedule == pytest.approx(float(rates.sum()), rel=1e-6)
    callback = OldCallback(0.1, 0.5, 8)
    by_callback = trained(summing_model(keras.optimizers.SGD(), 4), callback)
    assert callback.steps == 2  # it saw two executions
    assert by_callback == pytest.approx(4 * float(rates[0] + rates[1]), rel=1e-6)


def test_the_callbacks_history_is_a_step_ahead() -> None:
    """What it notes after a batch is the rate of the next one."""
    callback = OldCallback(0.1, 0.5, 4)
    trained(summing_model(keras.optimizers.SGD()), callback)
    np.testing.assert_array_equal(
        np.float32(callback.history["lr"]), np.asarray(RATES(np.arange(1, 9)))
    )


def test_what_sets_a_rate_does_not_go_with_a_schedule() -> None:
    """Keras' callbacks that set a rate raise, where the old callback would be overwritten."""
    model = summing_model(keras.optimizers.SGD(RATES))
    setting = (
        keras.callbacks.LearningRateScheduler(lambda _, rate: rate),
        keras.callbacks.ReduceLROnPlateau("loss", patience=0, min_delta=1e9),
    )
    x = np.ones((8, 1), "float32")
    for callback in setting:
        with pytest.raises(TypeError, match="settable"):
            model.fit(x, x, epochs=2, verbose=0, callbacks=[callback])


def test_keras_3_has_no_longer_what_the_callbacks_set_the_rate_by() -> None:
    """Neither `optimizer.lr` nor `K.set_value`."""
    assert not hasattr(keras.optimizers.SGD(), "lr")
    assert not hasattr(keras.backend, "set_value")


def test_a_model_saved_with_the_schedule_of_addons_is_compiled_anew(tmp_path: Path) -> None:
    """Its class is not here, so it loads without its optimizer."""

    @keras.saving.register_keras_serializable(package="Addons")
    class TriangularCyclicalLearningRate(TfaSchedule):
        def get_config(self) -> dict[str, Any]:
            return {"initial_learning_rate": 0.1}

    file = tmp_path / "of_addons.keras"
    rate = TriangularCyclicalLearningRate(0.1, 0.5, 4, lambda _: 1.0)
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), loss="mse")
    model.save(file)
    del keras.saving.get_custom_objects()["Addons>TriangularCyclicalLearningRate"]
    with pytest.raises(TypeError, match="TriangularCyclicalLearningRate"):
        keras.models.load_model(file)
    loaded = keras.models.load_model(file, compile=False)
    loaded.compile(keras.optimizers.SGD(RATES), loss="mse")
    np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])


def test_a_bound_that_is_a_function_fails_in_addons_and_is_refused_here() -> None:
    """TFA declares it, and cannot make a tensor of it."""
    with pytest.raises(ValueError, match="convert"):
        TfaSchedule(lambda: 0.1, 0.5, 4, lambda _: 1.0)(0)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="initial_learning_rate"):
        clr_sweep.TriangularCyclicalLearningRate(lambda: 0.1, 0.5, 4)  # type: ignore[arg-type]
