"""Sweeps whose trials a function of the user's trains: they take seconds, so they are run whole."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import own_trainings
import pytest
from real_runs import Place, results

from clr_sweep.search import storage
from clr_sweep.search.reading import read_study

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def content(name: str, study: dict[str, Any], **space: Any) -> dict[str, Any]:
    return {
        "name": name,
        "dataset": {"examples": own_trainings.EXAMPLES},
        "training": {"function": "own_trainings:from_anywhere", "epochs": 2, "batch_size": 8},
        "search_space": {
            "init_lr": {"low": 1e-4, "high": 1e-2, "log": True},
            "max_lr": {"low": 1e-2, "high": 1.0, "log": True},
            "step_size_factor": 1,
            **space,
        },
        "objective": {"metric": "val_loss"},
        "study": {"seed": 1, "jobs": 1, **study},
    }


@pytest.fixture(scope="module")
def place(places: Callable[..., Place]) -> Place:
    """A folder with a study of three trials, `before`."""
    made = places("own-training")
    shutil.copy(Path(own_trainings.__file__), made.folder)
    sweep = content("before", {"trials": 3, "pruner": "none"}, policy="triangular")
    made.sweep("run", str(made.write_sweep(sweep, "before.yaml")), status=0)
    return made


def test_a_warm_start_that_outlives_its_source(place: Place) -> None:
    """Continued after the other study was deleted: the same trials as without, to the bit."""
    start = {"study": "before", "trials": 2}
    ratio = {"ratio": {"low": 1.5, "high": 1e5, "log": True}}
    sweep = content(
        "warm", {"warm_start": start, "deterministic": True, "trials": 4}, init_lr=ratio
    )
    file = str(place.write_sweep(sweep, "warm.yaml"))
    whole = place.sweep("run", file, "--study", "twin", status=0)
    ranked = sorted(place.study("before").trials, key=lambda trial: trial.value)
    for trial in ranked[:2]:
        assert f"  trial {trial.number} (val_loss {trial.value:.4g}) gives " in whole.output
    place.sweep("run", file, "--trials", "1", status=0)
    place.sweep("delete", "before", "--yes", status=0)
    more = place.sweep("run", file, status=0)
    assert "study.warm_start gives the parameters of the next trials: 1 of 2" in more.output
    assert results(place.study("warm")) == results(place.study("twin"))
    trials = place.study("warm").trials
    for trial, source in zip(trials, ranked[:2], strict=False):
        assert trial.params["max_lr"] == source.params["max_lr"]
        ratio_of = trial.params["max_lr"] / trial.params["init_lr_ratio"]
        assert ratio_of == pytest.approx(source.params["init_lr"], rel=1e-15)
    tags = {
        run.data.tags["clr_sweep.trial_number"]: run.data.tags.get("clr_sweep.given")
        for run in place.runs_of_kind("trial")
        if run.data.tags["clr_sweep.study"] == "warm"
    }
    first = f"by study.warm_start, trial {ranked[0].number} of study before, 1 of 2: "
    assert tags["0"] == first + "max_lr, policy, init_lr_ratio"
    assert (tags["2"], tags["3"]) == (None, None)


def test_a_comparison_of_searches_that_end_early(place: Place) -> None:
    """With a rule, a condition on the policy, and a function that evaluates."""
    sweep = content(
        "compared",
        {"trials": 4, "stop_when": {"target": 1000.0}},
        policy=["triangular", "exp_range"],
        momentum={"low": 0.1, "high": 0.9},
        nesterov=[True, False],
        when={"momentum": {"policy": ["triangular"]}, "nesterov": {"policy": ["triangular"]}},
    )
    sweep["training"]["evaluate"] = "own_trainings:evaluate_weight"
    sweep["comparison"] = {"rivals": ["constant"], "finalists": 1, "seeds": 2}
    ran = place.sweep("run", str(place.write_sweep(sweep)), status=0)
    assert "that of CLR after 1 of 4, that of constant after 1 of 4" in ran.output
    assert ran.output.count("warning: exp_range with gamma 0.99994 is all but triangular") == 1
    assert "the best constant rate that 1 trial found" in ran.output
    assert "The differences are of test loss" in ran.output
    (ours,), (rival,) = (place.study(name).trials for name in ("compared", "compared.constant"))
    is_triangular = ours.params["policy"] == "triangular"
    assert ("momentum" in ours.params) == ("nesterov" in ours.params) == is_triangular
    assert rival.params.keys() == {"max_lr"}
    store = storage.open_storage(place.storage)
    [comparison] = read_study(storage.load_study(store, "compared")).comparisons
    assert len(comparison.trials) == 8
    assert all(trial.test_metrics["test_loss"] >= 0 for trial in comparison.trials)
    place.sweep("doctor", status=0)
