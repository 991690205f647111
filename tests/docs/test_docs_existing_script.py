"""The page on a script that one has: its code runs, and its script is swept."""

from __future__ import annotations

import math
import re
import runpy
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import optuna
import pytest
import yaml
from documentation import EXISTING_SCRIPT, blocks
from real_runs import CLR_SWEEP, Place
from small_trials import stored_in

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search.configurations import suggest
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.own_training import evaluate_by_function, train_by_function
from clr_sweep.training.own_trial import OwnTrial
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import TrialJob


def block(text: str, language: str = "python") -> str:
    """The block of the page that has this text."""
    (found,) = (code for _, code in blocks(EXISTING_SCRIPT, language) if text in code)
    return found


def write_script(folder: Path) -> Path:
    """The page's script with its functions, and its sweep file, which is returned."""
    parts = [block("def main"), block("def train"), block("def by_hand")]
    (folder / "distances.py").write_text("\n\n".join(parts), encoding="utf-8")
    file = folder / "distances.yaml"
    file.write_text(block("name: distances", "yaml"), encoding="utf-8")
    return file


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Its folder, from which it is imported."""
    write_script(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    import sys

    sys.modules.pop("distances", None)


@pytest.mark.heavy
def test_the_script_trains_with_a_schedule_of_its_own(script: Path) -> None:
    """As it stands, and with the lines of the page in the place of its main part."""
    names: dict[str, Any] = runpy.run_path(str(script / "distances.py"), run_name="__main__")
    assert (script / "distances.keras").exists()
    exec(compile(block("TriangularCyclical"), str(EXISTING_SCRIPT), "exec"), names)
    optimizer = names["model"].optimizer
    assert int(optimizer.iterations) == 16 * 30
    assert np.isclose(float(optimizer.learning_rate), 0.005)  # at a trough
    config = _config(load_sweep(script / "distances.yaml"), PARAMETERS)
    best = yaml.safe_dump({"config": config.model_dump(mode="json")})
    (script / "best.yaml").write_text(best, encoding="utf-8")
    exec(compile(block("load_best"), str(EXISTING_SCRIPT), "exec"), names)
    default, found = names["network"](), names["network"](units=PARAMETERS["model.units"])
    assert names["model"].count_params() == found.count_params() != default.count_params()
    optimizer = names["model"].optimizer
    assert int(optimizer.iterations) == config.steps == 480
    steps = np.arange(config.steps + 1)
    rates = config.schedule.learning_rate(steps).astype("float32")
    np.testing.assert_array_equal(np.asarray(names["best"].schedule(30)(steps)), rates)
    assert np.float32(optimizer.learning_rate) == rates[-1]
    assert optimizer.momentum == 0.9
    exec(compile(block("OwnTrial"), str(EXISTING_SCRIPT), "exec"), names)
    assert names["OwnTrial"] is OwnTrial
    with pytest.raises(InputError, match=r"distances:train trained this.*{units: 16}"):
        names["best"].model()


def _config(sweep: Sweep, parameters: dict[str, Any]) -> TrialConfig:
    """That of a trial of a sweep with these parameters."""
    examples = sweep.dataset.examples
    assert examples is not None
    return suggest(optuna.trial.FixedTrial(parameters), sweep, 0, examples)


def _trained(
    sweep: Sweep, parameters: dict[str, Any], folder: Path
) -> tuple[TrialJob, TrialResult]:
    """A trial of a sweep with these parameters, trained here."""
    config = _config(sweep, parameters)
    folder.mkdir()
    job = TrialJob(config, stored_in(folder / "no data"), folder, (folder.parent,))
    return job, train_by_function(job, None, TrialFolder(folder), lambda _: True)


PARAMETERS = {
    "policy": "triangular2", "max_lr": 0.05, "init_lr_ratio": 10.0, "step_size_factor": 2,
    "model.units": 16,
}  # fmt: skip


@pytest.mark.heavy
def test_the_script_is_a_trial(script: Path) -> None:
    """It is trained to its last trough, with the arguments that it was given, and evaluated."""
    sweep = load_sweep(script / "distances.yaml")
    job, result = _trained(sweep, PARAMETERS, script / "trial")
    assert (result.state, result.epochs, result.steps) == ("complete", 16, 480)
    folder = TrialFolder(job.folder)
    first, last = (folder.reports()[at].metrics["val_loss"] for at in (0, -1))
    assert last < first / 2
    assert keras.saving.load_model(folder.model_file).layers[-2].units == 16
    (found,) = evaluate_by_function(job, None, folder).items()
    assert found[0] == "test_loss"
    assert math.isclose(found[1], last, rel_tol=0.5)


def test_what_is_no_keras_is_a_trial_too(script: Path) -> None:
    """The page's line in NumPy, by the same sweep with another function."""
    written = load_sweep(script / "distances.yaml").model_dump(mode="json")
    training = {**written["training"], "function": "distances:by_hand", "evaluate": None}
    written |= {"training": training, "model": {}, "dataset": {"examples": 960}}
    del written["search_space"]["model.units"]
    _, result = _trained(Sweep.model_validate(written), PARAMETERS, script / "trial")
    assert (result.state, result.epochs) == ("complete", 16)
    assert result.value is not None
    assert result.value < 0.05


@pytest.mark.heavy
def test_the_script_is_swept(places: Callable[..., Place]) -> None:
    """From an empty folder, stopped once: trials, tests, models, a report, and all agree."""
    place = places("script")
    write_script(place.folder)
    running = place.start(*CLR_SWEEP, "run", "distances.yaml", "--jobs", "1")
    running.wait_for("trial 0")
    running.signal(signal.SIGINT)
    assert running.wait() == 130
    assert "1 in training starts over; the same command goes on" in running.output
    again = place.sweep("run", "distances.yaml", "--jobs", "1", status=0)
    assert re.search(r"starting over the interrupted trials? \d", again.output)
    trials = place.runs_of_kind("trial")
    assert len(trials) == 4
    best = place.study("distances").best_trial.number
    (chosen,) = (run for run in trials if run.data.tags["clr_sweep.trial_number"] == str(best))
    assert "test_loss" in chosen.data.metrics
    assert chosen.outputs.model_outputs
    place.sweep("doctor", "distances", status=0)
    place.sweep("report", "distances", status=0)
    done = place.sweep("train", "trials/distances/best.yaml", status=0)
    assert "reproduced: all" in done.output
