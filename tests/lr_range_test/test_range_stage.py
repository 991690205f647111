"""The range test by the command and as a sweep's first stage, in real processes."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from real_runs import CLR_SWEEP, Place, definition

from clr_sweep.lr_range_test.curve import read_curve

# Whole sweeps, one after the other.
pytestmark = pytest.mark.heavy


def content(**study: Any) -> dict[str, Any]:
    """A sweep whose bounds come from a range test of half a minute."""
    made = definition(**study)
    made["training"]["batch_size"] = 32
    rest = {"step_size_factor": 1, "policy": ["triangular2", "triangular"]}
    made["search_space"] = {"from": "range_test", **rest}
    made["range_test"] = {"epochs": 10, "seeds": 2, "low": 1e-4}
    return made


def curves(place: Place) -> list[Path]:
    return sorted((place.folder / "trials" / "tiny" / "range_test").glob("seed_*.npz"))


@pytest.fixture(scope="module")
def ran(places: Callable[..., Place]) -> Place:
    """A place where such a sweep ran to its end."""
    place = places("range-test-run")
    done = place.sweep("run", str(place.write_sweep(content(jobs=2))), status=0)
    assert "range test: 2 of 2 seeds to train" in done.output
    return place


def test_the_ranges_are_the_studys(ran: Place) -> None:
    """Stored for ever; the first trial is the suggestion, and all trials lie in the ranges."""
    study = ran.study()
    found = study.user_attrs["range_test"]["suggestion"]
    first, second = (trial.params for trial in study.trials)
    assert first["init_lr"] == pytest.approx(found["base"])
    assert first["max_lr"] == found["max"]
    assert first["policy"] == "triangular"
    for params in (first, second):
        for key in ("init_lr", "max_lr"):
            low, high = found[key]
            assert low <= params[key] <= high
    assert study.user_attrs["sweep"]["search_space"]["init_lr"] is None
    numbers = yaml.safe_load((ran.folder / "trials" / "tiny" / "range_test.yaml").read_text())
    assert numbers["search_space"]["max_lr"] == {
        "low": found["max_lr"][0], "high": found["max_lr"][1], "log": True,
    }  # fmt: skip


def test_it_is_a_run_of_its_own(ran: Place) -> None:
    """Below the sweep's: parameters, curves by step, the suggestion, the figure and the files."""
    (run,) = ran.runs_of_kind("range_test")
    (parent,) = ran.runs_of_kind("sweep")
    assert run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    assert (run.info.status, run.data.tags["clr_sweep.state"]) == ("FINISHED", "complete")
    assert run.data.params["rule"] == "smith"
    assert run.data.params["batch_size"] == "32"
    found = ran.study().user_attrs["range_test"]["suggestion"]
    assert run.data.metrics["suggested_max_lr"] == found["max"]
    assert run.data.metrics["suggested_init_lr"] == found["base"]
    rates = ran.history(run.info.run_id, "learning_rate")
    assert list(rates.values()) == sorted(rates.values())
    assert len(rates) > 100
    for name in ("batch_loss", "smoothed_loss", "val_accuracy", "val_loss"):
        assert len(ran.history(run.info.run_id, name)) > 20
    files = {item.path for item in ran.client.list_artifacts(run.info.run_id)}
    assert {"range_test.yaml", "figures", "curves"} <= files
    kept = {item.path for item in ran.client.list_artifacts(run.info.run_id, "curves")}
    assert kept == {f"curves/{file.name}" for file in curves(ran)}


def test_doctor_knows_it(ran: Place) -> None:
    """All is well; a run that is gone from MLflow is made anew from the study's folder."""
    looked = ran.sweep("doctor")
    assert (looked.process.returncode, looked.output.strip()) == (0, "study tiny: all is well")
    (before,) = ran.runs_of_kind("range_test")
    ran.client.delete_run(before.info.run_id)
    mended = ran.sweep("doctor", "--fix")
    assert "range test: it has no run in MLflow (mended)" in mended.output
    assert ran.sweep("doctor").output.strip() == "study tiny: all is well"
    (run,) = ran.runs_of_kind("range_test")
    assert run.info.run_id != before.info.run_id
    assert run.data.metrics == before.data.metrics
    assert len(ran.history(run.info.run_id, "smoothed_loss")) > 100


def test_it_goes_on_with_the_same_ranges(ran: Place) -> None:
    """A continued study tests nothing again, even where the curves are not looked at."""
    stamps = {file: file.stat().st_mtime_ns for file in curves(ran)}
    before = ran.study().user_attrs["range_test"]
    done = ran.sweep("run", str(ran.folder / "t.yaml"), "--trials", "3", status=0)
    assert "seeds to train" not in done.output
    assert ran.study().user_attrs["range_test"] == before
    assert {file: file.stat().st_mtime_ns for file in curves(ran)} == stamps
    assert ran.states() == ["COMPLETE"] * 3 or "PRUNED" in ran.states()
    assert len(ran.runs_of_kind("range_test")) == 1


def test_a_trial_is_the_same_without_a_range_test_before_it(
    ran: Place, places: Callable[..., Place]
) -> None:
    """Its configuration, trained where no range test ever ran, gives its metrics to the bit."""
    ran.sweep("export", "tiny", "--trial", "0", "-o", "trial.yaml", status=0)
    alone = places("without-range-test")
    trained = alone.sweep("train", str(ran.folder / "trial.yaml"))
    assert re.search(r"reproduced: all \d+ recorded metrics, to the bit", trained.output)
    assert not (alone.folder / "trials").exists()


def test_other_settings_are_another_study(ran: Place) -> None:
    """The ranges hang on the test's settings: another rule is refused, with the cure."""
    made = content(jobs=2)
    made["range_test"]["rule"] = "quarter"
    refused = ran.sweep("run", str(ran.write_sweep(made, "other.yaml")), status=2)
    assert "range_test.rule: was 'smith', is now 'quarter'" in refused.output
    assert "--study NAME" in refused.output


def test_the_command_keeps_the_seeds_that_are_done(places: Callable[..., Place]) -> None:
    """Interrupted after the first seed, it goes on with the others; options change the test."""
    place = places("range-test-command")
    made = content(jobs=1)
    made["range_test"]["seeds"] = 3
    file = place.write_sweep(made)
    running = place.start(*CLR_SWEEP, "range-test", str(file))
    running.wait_for("range test: seed 1 is done")
    running.signal_group(signal.SIGINT)
    assert running.wait() == 130, running.output
    kept = {file: file.stat().st_mtime_ns for file in curves(place)}
    assert 1 <= len(kept) < 3
    again = place.sweep("range-test", str(file), status=0)
    assert f"range test: {3 - len(kept)} of 3 seeds to train" in again.output
    assert len(curves(place)) == 3
    assert {file: file.stat().st_mtime_ns for file in kept} == kept
    assert all(read_curve(file) is not None for file in curves(place))
    folder = place.folder / "trials" / "tiny"
    assert (folder / "range_test.png").stat().st_size > 10_000
    # What is printed last can be pasted.
    pasted = yaml.safe_load(again.output[again.output.index("search_space:") :])
    numbers = yaml.safe_load((folder / "range_test.yaml").read_text())
    assert pasted["search_space"] == numbers["search_space"]
    other = place.sweep("range-test", str(file), "--rule", "quarter")
    assert "seeds to train" not in other.output
    assert "rule quarter" in other.output
    assert not (place.folder / "optuna.db").exists()


# A linear classifier; of the trainings' seeds some get one whose weights do not move.
STUCK = """
import keras
import numpy as np

def build(input_shape, classes):
    inputs = keras.Input(input_shape)
    hidden = keras.layers.Flatten()(keras.layers.Rescaling(1 / 255)(inputs))
    learns = keras.layers.Rescaling(float(np.random.rand() > 0.5))
    return keras.Model(inputs, keras.layers.Softmax()(learns(keras.layers.Dense(classes)(hidden))))
"""


@pytest.mark.timeout(1200)  # five commands, each of which imports TensorFlow and MLflow
def test_bounds_from_too_few_seeds(places: Callable[..., Place]) -> None:
    """Refused, no trial begun; taken where the file says so, and then warned of everywhere."""
    place = places("range-test-stuck")
    (place.folder / "stuck.py").write_text(STUCK)
    made = content(jobs=2, trials=1, seed=7)
    made["model"] = {"name": "stuck:build"}
    made["range_test"]["seeds"] = 3
    made["baseline"] = {"learning_rate": 100.0}
    file = place.write_sweep(made)
    refused = place.sweep("run", str(file), status=1)
    few = re.search(
        r"only 1 of 3 seeds show bounds by the rule smith, and 2 have to", refused.output
    )
    assert few, refused.output
    assert "Traceback" not in refused.output
    assert refused.output.count("is left out: its mean loss of") == 2
    assert place.states() == []
    figure = place.folder / "trials" / "tiny" / "range_test.png"
    assert figure.stat().st_size > 10_000
    drawn = re.search(r"range test: what it saw is drawn in (\S+)", refused.output)
    assert drawn, refused.output
    assert (place.folder / drawn[1]).samefile(figure)
    (run,) = place.runs_of_kind("range_test")
    assert run.data.tags["clr_sweep.state"] == "failed"
    assert "only 1 of 3 seeds" in run.data.tags["clr_sweep.reason"]
    # By hand it is refused too, and the option takes them: what was trained is there.
    by_hand = place.sweep("range-test", str(file), status=1)
    assert "range_test.min_seeds: 1" in by_hand.output
    taken = place.sweep("range-test", str(file), "--min-seeds", "1", status=0)
    assert "seeds to train" not in taken.output
    assert "over 1 of 3 seeds" in taken.output
    too_high = "warning: baseline.learning_rate 100 lies above every max_lr that is searched"
    assert too_high in taken.output
    made["range_test"]["min_seeds"] = 1
    done = place.sweep("run", str(place.write_sweep(made)), status=0)
    assert "seeds to train" not in done.output
    assert "warning: seed" in done.output
    assert done.output.count(too_high) == 1
    found = place.study().user_attrs["range_test"]["suggestion"]
    assert [edge is None for edge in found["edges"]].count(True) >= 2
    (run,) = place.runs_of_kind("range_test")
    assert run.data.tags["clr_sweep.warnings"].splitlines() == found["warnings"]
    assert found["warnings"][0] in run.data.tags["mlflow.note.content"]
    assert place.sweep("doctor").output.strip() == "study tiny: all is well"


def test_wrong_options_are_refused(places: Callable[..., Place]) -> None:
    """Before anything starts, each with its name."""
    place = places("range-test-refused")
    file = place.write_sweep(content())
    refused = place.sweep(
        "range-test", str(file), "--low", "x", "--seeds", "0", "--ramp", "cubic"
    )  # fmt: skip
    assert refused.process.returncode == 2
    assert "--low: must be a finite number above 0, got 'x'" in refused.output
    assert "--seeds: must be at least 1, got 0" in refused.output
    assert "--ramp: must be one of exponential or linear, got 'cubic'" in refused.output
    assert not (place.folder / "trials").exists()
