"""Samplers and pruners of Optuna's by class name, made and asked."""

from __future__ import annotations

import inspect
import warnings
from pathlib import Path
from typing import Any

import optuna
import pytest
from small_studies import FACTS, begin, result, sampling, sweep

from clr_sweep.definition.optuna_classes import NOT_TAKEN, PRUNERS, SAMPLERS, Arguments
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.pruners import make_pruner
from clr_sweep.search.sampling import make_sampler, stored

# What of a class's arguments no sweep gives: ours to give, functions, and what Optuna gives up.
OURS = {"seed", "wrapped_pruner", "warn_independent_sampling", "warn_asynchronous_seeding"}
FUNCTIONS = {"independent_sampler", "constraints_func", "gamma", "weights"}
GIVEN_UP = {"consider_prior", "prior_weight", "consider_magic_clip", "consider_endpoints"}


@pytest.mark.parametrize(
    ("module", "table"), [(optuna.samplers, SAMPLERS), (optuna.pruners, PRUNERS)]
)
def test_the_table_is_that_of_the_installed_optuna(
    module: Any, table: dict[str, Arguments]
) -> None:
    """Each class is taken or refused with a reason, and each argument is known."""
    base = {"BaseSampler", "BaseGASampler", "BasePruner"}
    classes = {name for name in module.__all__ if inspect.isclass(getattr(module, name))} - base
    assert classes - table.keys() == classes & NOT_TAKEN.keys()
    assert not table.keys() & NOT_TAKEN.keys()
    for name, arguments in table.items():
        known = set(inspect.signature(getattr(module, name)).parameters)
        assert known - OURS - FUNCTIONS - GIVEN_UP == arguments.keys() or not arguments, name
        assert arguments.keys() <= known, name


CLASSES: list[dict[str, Any]] = [
    {"class": "TPESampler", "arguments": {"n_startup_trials": 2, "multivariate": True}},
    {"class": "RandomSampler"},
    {"class": "QMCSampler", "arguments": {"qmc_type": "halton", "scramble": True}},
]


@pytest.mark.parametrize("asked", CLASSES, ids=lambda asked: str(asked["class"]))
@pytest.mark.parametrize("deterministic", [True, False])
def test_a_continued_study_samples_the_same(
    asked: dict[str, Any], deterministic: bool, url: str, tmp_path: Path
) -> None:
    """A driver that is started anew for each trial asks for the same as one that goes on."""
    made = sweep(
        {
            "study.sampler": asked,
            "study.deterministic": deterministic,
            "search_space.policy": ["exp_range", "cosine"],
            "search_space.gamma": {"low": 0.999, "high": 1.0},
        }
    )
    found = []
    for place in (url, "sqlite:///:memory:"):
        study = storage.open_study(storage.open_storage(place), made, "", FACTS)
        driver = sampling(study, made, tmp_path)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for _ in range(6):
                one = driver.ask() if place != url else begin(study, made, tmp_path)
                value = one.trial.params["max_lr"]
                trials.record_result(study, one.trial, result(value=value))
        found.append([trial.params for trial in study.trials])
    assert found[0] == found[1]
    assert len({tuple(sorted(params.items())) for params in found[0]}) == 6


def test_arguments_have_an_effect() -> None:
    """They reach the class."""
    made = sweep({"study.sampler": CLASSES[0]})
    sampler = make_sampler(made, 1)
    assert type(sampler) is optuna.samplers.TPESampler
    assert sampler._n_startup_trials == 2


@pytest.mark.parametrize(
    ("asked", "is_pruned"),
    [
        ({"class": "MedianPruner", "arguments": {"n_startup_trials": 1}}, True),
        ({"class": "MedianPruner", "arguments": {"n_startup_trials": 2}}, False),
        ({"class": "PercentilePruner", "arguments": {"percentile": 75, "n_startup_trials": 1}},
         True),
        ({"class": "ThresholdPruner", "arguments": {"lower": 0.5}}, True),
        ({"class": "ThresholdPruner", "arguments": {"upper": 0.5}}, False),
        ({"class": "PatientPruner", "arguments": {"patience": 1}}, True),
        ({"class": "PatientPruner", "arguments": {"patience": 5}}, False),
        ({"class": "NopPruner"}, False),
    ],
)  # fmt: skip
def test_pruners_prune_by_their_arguments(
    asked: dict[str, Any], is_pruned: bool, opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """In a study as a driver follows it: a trial that falls, beside one that was good."""
    made = sweep({"study.pruner": asked})
    study = storage.open_study(opened, made, "", FACTS)
    assert type(make_pruner(made)).__name__ == asked["class"]
    driver = sampling(study, made, tmp_path)
    good, bad = driver.ask(), driver.ask()
    for epoch, value in enumerate((0.7, 0.8, 0.9), 1):
        trials.record_epoch(study, good.trial, epoch, value)
    trials.record_result(study, good.trial, result(value=0.9))
    driver.followed.follow()
    for epoch, value in enumerate((0.4, 0.3, 0.2), 1):
        trials.record_epoch(study, bad.trial, epoch, value)
    assert driver.followed.is_to_be_pruned(stored(bad.trial), bad.seen) is is_pruned
