"""Optimizers of the user's own, and what of Keras' a file says in another form: as under `fit`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import own_optimizers as own
import pytest
from fitted_trials import assert_equals_fit
from interrupted_trials import assert_same_trial
from interrupted_trials import trained as interrupted
from small_trials import planned_rates, small_config
from trained_trials import trained

from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.training.compiled_optimizer import compiled_optimizer
from clr_sweep.training.compiling import schedule
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder

pytestmark = pytest.mark.usefixtures("deterministic_ops", "as_written")

OWN = "own_optimizers"
MADE: dict[str, Any] = {
    "SignDescent": ({"keep": 0.25}, lambda rate: own.SignDescent(rate, keep=0.25)),
    "focused_muon": (
        {"excluded": "dense_2"},
        lambda rate: keras.optimizers.Muon(rate, exclude_layers=["dense_2", "bias"]),
    ),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", MADE)
def test_an_optimizer_of_ones_own_equals_fit(name: str, images: Dataset, tmp_path: Path) -> None:
    """Weights, slots and metrics are those of a script; it trains at the schedule's rates."""
    arguments, as_in_a_script = MADE[name]
    config = small_config(
        optimizer=f"{OWN}:{name}", optimizer_arguments=arguments, init_lr=1e-3, max_lr=0.02
    )
    done = trained(config, images, tmp_path)
    made = as_in_a_script(schedule(config.schedule))
    assert_equals_fit(done, images, config, compiled={"optimizer": made})
    assert (done.curve[0] == planned_rates(config)).all()
    whole = keras.models.load_model(done.folder.model_file)
    assert type(whole.optimizer) is type(made)


def test_an_interrupted_trial_ends_with_the_same(images: Dataset, tmp_path: Path) -> None:
    """Its slots are in the checkpoint."""
    config = small_config(optimizer=f"{OWN}:SignDescent", init_lr=1e-3, max_lr=0.02)
    interrupted(config, images, tmp_path / "whole")
    interrupted(config, images, tmp_path / "stopped", stop_after=1)
    assert interrupted(config, images, tmp_path / "stopped") == [1, 2]
    assert_same_trial(TrialFolder(tmp_path / "stopped"), TrialFolder(tmp_path / "whole"))


def test_layers_that_muon_leaves_out() -> None:
    """One regular expression in the file; Keras takes several."""
    config = small_config(optimizer="muon", optimizer_arguments={"exclude_layers": "head|out"})
    assert compiled_optimizer(config.training, 0.1, ()).exclude_layers == ["head|out"]


@pytest.mark.parametrize(
    ("name", "arguments", "error", "message"),
    [
        ("nothing", {}, InputError, "training.optimizer: .*got no such name"),
        ("no_optimizer", {}, InputError, "must be a class that derives from keras.optimizers.Opt"),
        ("at_another_rate", {}, InputError, "must train at the learning_rate that it is given, "
         "which is 0.01 at the first step, got 0.125"),
        ("gathering", {}, InputError, "sets gradient_accumulation_steps to 4, which is not taken"),
        ("SignDescent", {"kept": 1}, TrialFailedError, "making the optimizer own_optimizers:Sign"),
    ],
)  # fmt: skip
def test_what_is_no_optimizer_for_a_sweep(
    name: str, arguments: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Refused as what it is, before a step is taken: its schedule would not be the trial's."""
    config = small_config(optimizer=f"{OWN}:{name}", optimizer_arguments=arguments)
    with pytest.raises(error, match=message):
        compiled_optimizer(config.training, schedule(config.schedule), ())
