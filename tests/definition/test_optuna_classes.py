"""Samplers and pruners of Optuna's by class name: what is taken, and what is refused and why."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_schemas import SWEEP_SCHEMA, allows
from written_sweeps import content, problems, sweep, written

from clr_sweep.definition import optuna_classes
from clr_sweep.definition.optuna_classes import OptunaSampler, missing_package, pruner_warning
from clr_sweep.definition.sweep import Sweep

STATE = "cannot be used: it keeps its state beside the trials"


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("sampler", {"class": "TPE"}, ".class: unknown sampler 'TPE'"),
        ("sampler", {"class": "MedianPruner"}, ".class: unknown sampler 'MedianPruner'"),
        ("sampler", {"class": "CmaEsSampler"}, f".class: CmaEsSampler {STATE}"),
        ("sampler", {"class": "NSGAIISampler"}, ".class: NSGAIISampler is for several objectives"),
        ("sampler", {"class": "GridSampler"}, ".class: GridSampler cannot be used: write the"),
        ("sampler", {"class": "PartialFixedSampler"}, ".class: PartialFixedSampler cannot be used"),
        ("sampler", {"arguments": {}}, ".class: is required"),
        ("sampler", {"class": "TPESampler", "argments": {}}, ".argments: unknown key 'argments'"),
        (
            "sampler",
            {"class": "TPESampler", "arguments": {"seed": 1}},
            ".arguments.seed: is not taken: it follows from study.seed",
        ),
        (
            "sampler",
            {"class": "TPESampler", "arguments": {"n_startup_trial": 1}},
            ".arguments.n_startup_trial: unknown argument of TPESampler 'n_startup_trial' - did",
        ),
        (
            "sampler",
            {"class": "TPESampler", "arguments": {"n_ei_candidates": 0}},
            ".arguments.n_ei_candidates: must be a whole number, 1 or more, got 0",
        ),
        (
            "sampler",
            {"class": "TPESampler", "arguments": {"multivariate": 1}},
            ".arguments.multivariate: must be true or false, got 1",
        ),
        (
            "sampler",
            {"class": "TPESampler", "arguments": {"group": True}},
            ".arguments.group: must go with multivariate: true",
        ),
        (
            "sampler",
            {"class": "QMCSampler", "arguments": {"qmc_type": "sobel"}},
            ".arguments.qmc_type: must be sobol or halton, got 'sobel'",
        ),
        (
            "sampler",
            {"class": "RandomSampler", "arguments": {"x": 1}},
            ".arguments.x: unknown argument 'x': RandomSampler has none that a sweep takes",
        ),
        ("pruner", {"class": "HyperbandPruner"}, f".class: HyperbandPruner {STATE}"),
        ("pruner", {"class": "WilcoxonPruner"}, ".class: WilcoxonPruner cannot be used: it"),
        ("pruner", {"class": "PercentilePruner"}, ": PercentilePruner needs the argument perce"),
        ("pruner", {"class": "ThresholdPruner"}, ": ThresholdPruner needs the argument lower, up"),
        (
            "pruner",
            {"class": "ThresholdPruner", "arguments": {"lower": 2, "upper": 1}},
            ".arguments.lower: must be at most upper (1), got 2",
        ),
        (
            "pruner",
            {"class": "PercentilePruner", "arguments": {"percentile": 101}},
            ".arguments.percentile: must be at least 0 and at most 100, got 101",
        ),
        (
            "pruner",
            {"class": "PatientPruner", "arguments": {"patience": 1, "wrapped_pruner": "x"}},
            ".arguments.wrapped_pruner: is not taken",
        ),
    ],
)
def test_what_is_refused(key: str, value: Any, problem: str, tmp_path: Path) -> None:
    """Each with its place, and with what to do instead where there is something."""
    found = problems(written(tmp_path, {f"study.{key}": value}))
    assert any(text.startswith(f"study.{key}{problem}") for text in found), found


def test_a_class_is_kept_as_it_was_written() -> None:
    """In the stored definition under its key in the file, and so is a name of ours."""
    value = {"class": "TPESampler", "arguments": {"n_startup_trials": 3}}
    made = sweep({"study.sampler": value, "study.pruner": {"class": "MedianPruner"}})
    dumped = made.model_dump(mode="json")
    assert dumped["study"]["sampler"] == value
    assert dumped["study"]["pruner"] == {"class": "MedianPruner", "arguments": {}}
    assert Sweep.from_json(json.loads(json.dumps(dumped))) == made
    assert str(made.study.sampler) == "TPESampler (n_startup_trials 3)"
    assert made.study.sampler_name == "TPESampler"
    assert sweep().study.sampler_name == sweep().study.sampler == "tpe"


def test_the_schema_takes_both_forms() -> None:
    """A name of ours, and a class; nothing else."""
    for value in ("qmc", {"class": "GPSampler"}, {"class": "X", "arguments": {"a": 1}}):
        assert allows(SWEEP_SCHEMA, content({"study.sampler": value}))
    for value in ("gp", {}, {"class": "X", "seed": 1}):
        assert not allows(SWEEP_SCHEMA, content({"study.sampler": value}))


def test_a_package_that_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Is named when the file is read, not when the first trial is sampled; a record needs none."""
    monkeypatch.setitem(optuna_classes._NEEDS, "QMCSampler", ("no_such_package", "NoSuch"))
    value = {"class": "QMCSampler"}
    (found,) = problems(written(tmp_path, {"study.sampler": value}))
    assert found == (
        "study.sampler.class: QMCSampler needs NoSuch, which is not installed: "
        "pip install 'clr-sweep[no_such_package]'"
    )
    assert OptunaSampler.from_json(value).class_name == "QMCSampler"
    assert missing_package("TPESampler") is None


def test_pruners_that_do_not_look_at_phases_are_warned_of() -> None:
    """Those of Optuna's, but for the one that prunes nothing."""
    made = sweep({"study.pruner": {"class": "PatientPruner", "arguments": {"patience": 2}}})
    assert "PatientPruner decides at the end of each epoch" in (
        pruner_warning(made.study.pruner) or ""
    )
    named = pruner_warning(sweep({"study.pruner": "median"}).study.pruner)  # Optuna's too
    assert "median decides at the end of each epoch" in (named or "")
    for quiet in ("cycle_aware", "phase_median", "none", {"class": "NopPruner"}):
        assert pruner_warning(sweep({"study.pruner": quiet}).study.pruner) is None
