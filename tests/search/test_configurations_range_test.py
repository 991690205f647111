"""From a range test's suggestion to concrete ranges and the first trial."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_studies import begin
from written_sweeps import FROM_RANGE_TEST, content

from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.sweep import Sweep
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.search.configurations import (
    range_test_config,
    suggested_parameters,
    trial_seed,
    with_ranges,
)


def sweep(changes: dict[str, Any] | None = None) -> Sweep:
    return Sweep.model_validate(content({**FROM_RANGE_TEST, **(changes or {})}))


def suggestion(base: float = 0.02, top: float = 0.4, init_high: float = 0.03) -> Suggestion:
    return Suggestion(
        "smith", base, top, ((base, top),), (1.0,), (base / 100, init_high), (top / 3, 1.0)
    )


def test_the_ranges_take_their_places() -> None:
    """A whole sweep, as a file with these ranges gives it; one that has its own keeps them."""
    made = with_ranges(sweep(), suggestion())
    space = made.search_space
    assert space.init_lr == Range(low=0.0002, high=0.03, log=True)
    assert space.max_lr == Range(low=0.4 / 3, high=1.0, log=True)
    assert not space.awaits_range_test
    assert Sweep.model_validate(made.model_dump()) == made
    assert made.model_copy(update={"search_space": sweep().search_space}) == sweep()
    given_ = Sweep.model_validate(content())
    assert with_ranges(given_, suggestion()) is given_


@pytest.mark.parametrize(
    ("factor", "wanted"),
    [
        ({"low": 2, "high": 8}, 5),
        ({"low": 2, "high": 7}, 4),
        ({"low": 2, "high": 8, "step": 3}, 5),
        ({"low": 2.0, "high": 7.0}, 4.5),
        ([2, 4, 8], 4),
        (6, None),
    ],
)
def test_the_first_trials_factor(factor: Any, wanted: float | None) -> None:
    """In the middle, and one that the space has; nothing where it is fixed."""
    made = with_ranges(sweep({"search_space.step_size_factor": factor}), suggestion())
    assert suggested_parameters(made, suggestion()).get("step_size_factor") == wanted


@pytest.mark.parametrize(
    ("policy", "wanted"),
    [
        (["exp_range", "triangular"], "triangular"),
        (["exp_range", "triangular2"], "exp_range"),
        ("exp_range", None),
    ],
)
def test_the_first_trials_policy(policy: Any, wanted: str | None) -> None:
    """The simplest one, where there is a choice."""
    made = with_ranges(sweep({"search_space.policy": policy}), suggestion())
    assert suggested_parameters(made, suggestion()).get("policy") == wanted


@given(base=st.floats(1e-4, 0.3), init_high=st.floats(0.05, 0.4 / 3))
def test_the_first_trial_can_be_sampled(base: float, init_high: float) -> None:
    """Optuna takes the pair without a warning, even where base lies in max_lr's range."""
    found = suggestion(base=min(base, 0.13), init_high=init_high)
    made = with_ranges(sweep({"search_space.momentum": {"low": 0.0, "high": 0.9}}), found)
    study = optuna.create_study(direction="maximize")
    parameters = suggested_parameters(made, found)
    study.enqueue_trial(parameters)
    asked = begin(study, made, Path("here"))
    schedule = asked.config.schedule
    assert {key: asked.trial.params[key] for key in parameters} == parameters
    assert (schedule.policy, schedule.max_lr) == ("triangular", 0.4)
    assert schedule.init_lr < schedule.max_lr
    assert 0 <= asked.trial.params["momentum"] <= 0.9


def test_the_seeds_of_the_test() -> None:
    """Its own: none of a trial's, each another; the epochs are the test's."""
    made = sweep({"range_test": {"epochs": 4, "seeds": 3}})
    configs = [range_test_config(made, number, 60000) for number in range(3)]
    seeds = {config.seed for config in configs}
    assert len(seeds) == 3
    assert not seeds & {trial_seed(42, number) for number in range(100)}
    assert {config.steps for config in configs} == {4 * 844}
    assert configs[0].training.epochs == 4
    assert configs[0].split_seed == 42
