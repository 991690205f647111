"""The pruner that never holds a peak against a trough."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState, create_trial
from small_trials import small_config
from written_sweeps import content

from clr_sweep.config import Sweep
from clr_sweep.search.pruning import POSITIONS, CycleAwarePruner, make_pruner, positions

# Two cycles of four epochs: down at the second half's ends.
PLACES = [0.5, 1.0, 0.5, 0.0, 0.5, 1.0, 0.5, 0.0]


def study_of(values: Iterable[Mapping[int, float]], direction: Any = "maximize") -> optuna.Study:
    """A study whose complete trials have reported these values by epoch."""
    study = optuna.create_study(direction=direction)
    for reported in values:
        study.add_trial(
            create_trial(value=0.0, intermediate_values=dict(reported), state=TrialState.COMPLETE)
        )
    return study


def running(reported: Mapping[int, float], places: list[float] | None = PLACES) -> FrozenTrial:
    """A trial that has reported these values so far."""
    attributes: dict[str, Any] = {} if places is None else {POSITIONS: places}
    return create_trial(
        state=TrialState.RUNNING, intermediate_values=dict(reported), user_attrs=attributes
    )


def constant(value: float, epochs: int = 8) -> dict[int, float]:
    return dict.fromkeys(range(1, epochs + 1), value)


FIVE = [constant(value) for value in (0.5, 0.6, 0.7, 0.8, 0.9)]  # median 0.7


@pytest.mark.parametrize(("epoch", "decides"), enumerate([p <= 0.5 for p in PLACES], start=1))
def test_it_decides_in_the_lower_half_alone(epoch: int, decides: bool) -> None:
    """A hopeless trial is cut at every epoch whose rate is in the lower half, and at no other."""
    pruner, study = CycleAwarePruner(), study_of(FIVE)
    assert pruner.prune(study, running(constant(0.1, epoch))) is decides
    assert not pruner.prune(study, running(constant(0.95, epoch)))


@pytest.mark.parametrize(("lower_part", "cut_at"), [(0.0, [4, 8]), (1.0, [*range(1, 9)])])
def test_the_part_in_which_it_decides(lower_part: float, cut_at: list[int]) -> None:
    """At troughs alone, or at every epoch, as it is asked."""
    pruner, study = CycleAwarePruner(lower_part=lower_part), study_of(FIVE)
    cut = [epoch for epoch in range(1, 9) if pruner.prune(study, running(constant(0.1, epoch)))]
    assert cut == cut_at


@pytest.mark.parametrize(
    ("direction", "value", "cut"),
    [
        ("maximize", 0.69, True),
        ("maximize", 0.7, False),
        ("maximize", 0.71, False),
        ("minimize", 0.69, False),
        ("minimize", 0.7, False),
        ("minimize", 0.71, True),
    ],
)
def test_it_cuts_what_is_worse_than_the_median(direction: str, value: float, cut: bool) -> None:
    """Worse is lower for an accuracy and higher for a loss; the median itself goes on."""
    study = study_of(FIVE, direction)
    assert CycleAwarePruner().prune(study, running(constant(value, 4))) is cut


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_the_best_so_far_counts(direction: str) -> None:
    """A trial that is bad now but was good before goes on: the others are judged likewise."""
    good, bad = (0.9, 0.1) if direction == "maximize" else (0.1, 0.9)
    study = study_of([constant(0.5)] * 5, direction)
    pruner = CycleAwarePruner()
    assert not pruner.prune(study, running({1: good, 2: bad, 3: bad, 4: bad}))
    assert pruner.prune(study, running({1: bad, 2: bad, 3: bad, 4: bad}))
    # what the others reached later than this epoch does not count
    late = study_of([constant(bad, 4) | {5: good}] * 5, direction)
    assert not pruner.prune(late, running(constant(bad, 4)))


def test_it_waits_for_enough_complete_trials() -> None:
    """Nothing is cut before five trials are complete; those that are not do not count."""
    study = study_of(FIVE[:4])
    for state in (TrialState.PRUNED, TrialState.FAIL, TrialState.RUNNING):
        study.add_trial(create_trial(state=state, intermediate_values=constant(0.9)))
    trial = running(constant(0.1, 4))
    assert not CycleAwarePruner().prune(study, trial)
    assert CycleAwarePruner(startup_trials=4).prune(study, trial)
    study.add_trial(create_trial(value=0.9, intermediate_values=constant(0.9)))
    assert CycleAwarePruner().prune(study, trial)


def test_diverged_trials_do_not_lower_the_median() -> None:
    """A diverged trial is told as pruned, so what it reached before is not compared with."""
    study = study_of([constant(0.8)] * 5)
    for _ in range(20):
        study.add_trial(create_trial(state=TrialState.PRUNED, intermediate_values={1: 0.1}))
    assert CycleAwarePruner().prune(study, running(constant(0.5, 4)))


def test_values_that_are_missing() -> None:
    """Epochs without a value, and trials without any by now, are left out of the comparison."""
    pruner = CycleAwarePruner()
    late = [{6: 0.9}] * 9  # nothing reported by epoch 4
    assert not pruner.prune(study_of(late), running(constant(0.1, 4)))
    assert not pruner.prune(study_of([*FIVE[:4], *late]), running(constant(0.1, 4)))
    assert pruner.prune(study_of([*FIVE, *late]), running(constant(0.1, 4)))
    assert pruner.prune(study_of(FIVE), running({4: 0.1}))
    assert not pruner.prune(study_of(FIVE), running({}))


def test_values_that_are_no_numbers() -> None:
    """NaN and infinities, should a storage hold them, are as if they were not there."""
    pruner = CycleAwarePruner()
    assert not pruner.prune(study_of(FIVE), running({4: math.nan}))
    assert pruner.prune(study_of(FIVE), running({3: 0.1, 4: math.inf}))
    assert pruner.prune(study_of([*FIVE, {4: math.nan}]), running({4: 0.1}))


@pytest.mark.parametrize("places", [None, [], PLACES[:3]])
def test_nothing_is_cut_where_the_place_is_not_known(places: list[float] | None) -> None:
    """A trial that does not say where it stands in its cycle goes on."""
    assert not CycleAwarePruner().prune(study_of(FIVE), running(constant(0.1, 4), places))


def test_steps_are_epochs_from_one() -> None:
    """A value reported at step 0 is of no epoch."""
    assert not CycleAwarePruner().prune(study_of(FIVE), running({0: 0.1}))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"startup_trials": 0}, "startup_trials must be at least 1, got 0"),
        ({"lower_part": 1.1}, r"lower_part must be in \[0, 1\], got 1.1"),
        ({"lower_part": -0.1}, r"lower_part must be in \[0, 1\], got -0.1"),
        ({"lower_part": math.nan}, r"lower_part must be in \[0, 1\], got nan"),
    ],
)
def test_wrong_arguments(arguments: dict[str, Any], message: str) -> None:
    """An argument out of range is refused with its name and value."""
    with pytest.raises(ValueError, match=message):
        CycleAwarePruner(**arguments)


def test_positions() -> None:
    """The height on the triangle at each epoch's end, the peak after half a cycle."""
    schedule = small_config(factor=20 / 8).schedule
    assert schedule.step_size == 20
    assert positions(schedule, steps_per_epoch=10, epochs=8) == PLACES
    schedule = small_config(factor=25 / 8).schedule
    assert schedule.step_size == 25
    assert positions(schedule, steps_per_epoch=10, epochs=5) == [0.4, 0.8, 0.8, 0.4, 0.0]


def test_positions_without_cycles() -> None:
    """A constant rate may be judged at any time, a decay once it has fallen far enough."""
    assert positions(small_config("constant").schedule, 8, 2) == [0, 0]
    assert positions(small_config("linear", epochs=4).schedule, 8, 4) == [0.75, 0.5, 0.25, 0]
    one_cycle = positions(small_config("one_cycle", epochs=5).schedule, 8, 5)
    peak = 0.3 * 40 - 1
    assert one_cycle[0] == pytest.approx(math.sin(math.pi / 2 * 8 / peak) ** 2)
    assert one_cycle[1] > one_cycle[2] > one_cycle[3] > one_cycle[4] == 0


def test_in_a_live_study() -> None:
    """Through Optuna's own report and should_prune, as the driver asks."""
    study = optuna.create_study(direction="maximize", pruner=CycleAwarePruner())
    for values in FIVE:
        study.add_trial(create_trial(value=values[8], intermediate_values=values))
    trial = study.ask()
    trial.set_user_attr(POSITIONS, PLACES)
    answers = []
    for epoch in range(2, 5):
        trial.report(0.3, epoch)
        answers.append(trial.should_prune())
    assert answers == [False, True, True]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("cycle_aware", CycleAwarePruner),
        ("median", optuna.pruners.MedianPruner),
        ("none", optuna.pruners.NopPruner),
    ],
)
def test_the_pruner_that_a_sweep_names(name: str, kind: type) -> None:
    """Each name in a sweep file stands for its pruner."""
    made = make_pruner(Sweep.model_validate(content({"study.pruner": name})))
    assert type(made) is kind
