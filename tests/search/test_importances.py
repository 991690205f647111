"""Importances of studies in which it is known what decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from small_trials import small_config

from clr_sweep.search import importances as module
from clr_sweep.search.importances import LEAST_TRIALS, importances
from clr_sweep.training.records import StudyRecord, TrialRecord

CONFIG = small_config()
Params = dict[str, object]


def study(count: int, value: Callable[[Params], float], **more: object) -> StudyRecord:
    """A study of so many complete trials, drawn at random."""
    random, made = np.random.default_rng(4), []
    for number in range(count):
        params: Params = {
            "init_lr": float(10 ** random.uniform(-5, -2)),
            "max_lr": float(10 ** random.uniform(-2, 0)),
            "step_size_factor": int(random.integers(2, 9)),
            "policy": str(random.choice(["triangular", "triangular2"])),
            "batch_size": 64,
            **more,
        }
        made.append(
            TrialRecord(
                "trial", number, "complete", None, CONFIG, Path("x"), value=value(params),
                params=params,
            )
        )  # fmt: skip
    return StudyRecord("example", "val_accuracy", "maximize", tuple(made), None)


def by_max_lr(params: Params) -> float:
    return 0.9 - 0.1 * abs(float(np.log10(params["max_lr"])) + 0.6)  # type: ignore[call-overload]


def by_policy(params: Params) -> float:
    return (0.9 if params["policy"] == "triangular" else 0.7) + 0.001 * by_max_lr(params)


@pytest.mark.heavy
@pytest.mark.parametrize(("value", "decides"), [(by_max_lr, "max_lr"), (by_policy, "policy")])
def test_what_decides_is_first(value: Callable[[Params], float], decides: str) -> None:
    """Whether it is a number or a choice; all together are 1; the spread holds the value."""
    found = importances(study(LEAST_TRIALS, value))
    # batch_size never varies: it decided nothing.
    assert found.keys() == {"init_lr", "max_lr", "step_size_factor", "policy"}
    assert sum(one.value for one in found.values()) == pytest.approx(1)
    assert max(found, key=lambda name: found[name].value) == decides
    others = [one.high for name, one in found.items() if name != decides]
    assert found[decides].low > max(others)
    for one in found.values():
        assert 0 <= one.low <= one.high <= 1
    assert found == importances(study(LEAST_TRIALS, value))


def test_noise_has_a_wide_spread() -> None:
    """Where nothing decides, no hyperparameter's spread lies above all others."""
    noise = iter(np.random.default_rng(1).normal(0.8, 0.01, 100))
    found = importances(study(40, lambda _: float(next(noise))))
    first = max(found, key=lambda name: found[name].value)
    assert any(found[first].low <= one.high for name, one in found.items() if name != first)


def test_too_little_to_tell() -> None:
    """Too few trials, values that are all the same, one hyperparameter alone: nothing is said."""
    assert importances(study(LEAST_TRIALS - 1, by_max_lr)) == {}
    assert importances(study(LEAST_TRIALS, lambda _: 0.5)) == {}
    alone = study(LEAST_TRIALS, by_max_lr, init_lr=0.1, step_size_factor=2, policy="triangular")
    assert importances(alone) == {}
    assert importances(study(0, by_max_lr)) == {}


def test_only_complete_trials_and_what_all_of_them_have() -> None:
    """A pruned trial has no value to explain; a constant one has no init_lr."""
    made = study(LEAST_TRIALS + 1, by_max_lr)
    first, *rest = made.trials
    pruned = dataclasses.replace(first, state="pruned", value=0.1, params={"max_lr": 0.1})
    assert importances(dataclasses.replace(made, trials=(pruned, *rest))).keys() == {
        "init_lr", "max_lr", "step_size_factor", "policy",
    }  # fmt: skip
    second = {key: value for key, value in rest[0].params.items() if key != "init_lr"}
    constant = dataclasses.replace(rest[0], params=second)
    assert "init_lr" not in importances(
        dataclasses.replace(made, trials=(first, constant, *rest[1:]))
    )


def test_a_large_study_is_looked_at_in_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten thousand trials would take minutes."""
    sizes: list[int] = []
    grown = module._mean_decrease_in_impurity

    def grow(trials: list[TrialRecord], *rest: object) -> dict[str, float]:
        sizes.append(len(trials))
        return grown(trials, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "_mean_decrease_in_impurity", grow)
    monkeypatch.setattr(module, "_MOST_TRIALS", 40)
    found = importances(study(120, by_max_lr))
    assert set(sizes) == {40}
    assert max(found, key=lambda name: found[name].value) == "max_lr"
