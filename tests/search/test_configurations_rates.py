"""init_lr and max_lr of a trial: in their ranges, and apart wherever the ranges touch."""

from __future__ import annotations

from typing import Any

import numpy as np
import optuna
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from suggested_bounds import EXAMPLES, Bounds
from written_sweeps import content, sweep

from clr_sweep.definition.dimensions import Range, largest_below
from clr_sweep.definition.space_checks import space_problems
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.validation import validation
from clr_sweep.search.configurations import suggest


def right(made: Sweep) -> bool:
    """Whether the search space is one that a sweep file may have."""
    space = made.search_space.dimensions
    return not list(space_problems(space, made.training.optimizer, None))


RATES = st.floats(1e-6, 10) | st.sampled_from([1e-30, 1e-3, 0.01, 0.1, 1, 2, 1e30])


@st.composite
def rates(draw: st.DrawFn, low: float | None = None) -> Any:
    """A dimension of a rate; its smallest value is `low`, if that is given."""
    values = sorted(draw(st.lists(RATES, min_size=1, max_size=3, unique=True)))
    if low is not None:
        values = [low, *(value for value in values if value > low)]
    if len(values) == 1:
        return values[0]
    kind = draw(st.sampled_from(["range", "log", "choice", "step"]))
    if kind == "choice":
        return values
    if kind == "step":
        return {"low": values[0], "high": values[0] * 3, "step": values[0]}
    return {"low": values[0], "high": values[-1], "log": kind == "log"}


@st.composite
def spaces(draw: st.DrawFn) -> dict[str, Any]:
    """The rates of a search space, often with a common bound or very near to each other."""
    init_lr: Any = draw(rates() | st.just({"ratio": {"low": 1.001, "high": 9}}))
    values = init_lr.values() if isinstance(init_lr, dict) else np.ravel(init_lr)
    largest = max((float(v) for v in values if not isinstance(v, bool | dict)), default=0.1)
    near = [largest, np.nextafter(largest, 1e31), largest * (1 + 1e-8), largest * 2]
    max_lr = draw(rates() | st.sampled_from(near).flatmap(lambda v: rates(low=float(v))))
    return {"search_space.init_lr": init_lr, "search_space.max_lr": max_lr}


@settings(max_examples=300, suppress_health_check=[HealthCheck.filter_too_much])
@given(space=spaces(), upper=st.lists(st.sampled_from(["init_lr", "max_lr", "init_lr_ratio"])))
def test_init_lr_is_below_max_lr_whatever_is_sampled(
    space: dict[str, Any], upper: list[str]
) -> None:
    """In a space that is not refused the rates never meet, in float32 neither, at any bounds."""
    made, problems = validation(Sweep, content(space))
    if made is None:
        assert "must go a whole number of times" in problems[0][1]  # 3 x is seldom exact
        return
    if not right(made):
        return
    for bounds in (upper, ["init_lr"], ["max_lr"], ["init_lr_ratio"], []):
        schedule = suggest(Bounds(bounds), made, 0, EXAMPLES).schedule
        assert schedule.init_lr < schedule.max_lr
        assert np.float32(schedule.init_lr) < np.float32(schedule.max_lr)


def test_the_common_bound_is_left_to_max_lr() -> None:
    """TPE moves what it draws outside a range to its bound, which two ranges may share."""
    made = sweep()  # init_lr to 0.01, max_lr from 0.01
    config = suggest(Bounds(["init_lr"]), made, 0, EXAMPLES)
    assert config.schedule.max_lr == 0.01
    assert config.schedule.init_lr == largest_below(0.01)


def test_tpe_drawn_to_the_common_bound() -> None:
    """TPE that has learned to like the bound samples next to it, and never both rates equal."""
    made = sweep({"search_space.max_lr": {"low": 0.01, "high": 0.010001}})
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=1))
    high = largest_below(0.01)
    study.enqueue_trial({"init_lr": high, "max_lr": 0.01, "step_size_factor": 2})
    for _ in range(25):
        trial = study.ask()
        schedule = suggest(trial, made, trial.number, EXAMPLES).schedule
        assert np.float32(schedule.init_lr) < np.float32(schedule.max_lr)
        study.tell(trial, schedule.max_lr - schedule.init_lr)


def test_a_ratio_gives_init_lr() -> None:
    """With a ratio, init_lr follows the max_lr that was sampled."""
    made = sweep({"search_space.init_lr": {"ratio": {"low": 4, "high": 10}}})
    schedule = suggest(Bounds(["max_lr"]), made, 0, EXAMPLES).schedule
    assert (schedule.init_lr, schedule.max_lr) == (0.25, 1.0)


def test_a_range_keeps_its_bound_where_nothing_touches_it() -> None:
    """Ranges that are apart are sampled to their ends."""
    made = sweep({"search_space.max_lr": {"low": 0.02, "high": 1.0}})
    assert isinstance(made.search_space.init_lr, Range)
    assert suggest(Bounds(["init_lr"]), made, 0, EXAMPLES).schedule.init_lr == 0.01
