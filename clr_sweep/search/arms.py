"""The arms of a comparison: the sweeps that they are searched by, and what these have found."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import get_args

from clr_sweep.common.counts import first
from clr_sweep.common.door import another_study
from clr_sweep.common.errors import InputError
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.fields import Policy
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.configurations import seed_of
from clr_sweep.training.comparison_records import CLR, Arm
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import ENDED

BASELINE = "the untuned baseline"
MEAN_RATE = "its mean rate, held constant"
"""The fixed arms."""

# So near to a bound, of the range's length on its own scale, a value counts as lying at it.
_EDGE = 0.05
# The longest name of a study.
_LONGEST = 100
# Seeds of trials are made from two numbers, all others from more, of which none that decides is 0:
# zeros at the end make no other seed. The range test's third is 2, those of seed runs are 1 and 2
# with a fourth.
_SEED_OF_SEARCH = 3


def search_sweep(sweep: Sweep, search: int) -> Sweep:
    """The study's search, done again: with a split, a sampler and seeds of its own.

    Args:
        search: which, from 1, the study itself.
    """
    if search == 1:
        return sweep
    seed = seed_of(sweep.study.seed, search, _SEED_OF_SEARCH)
    return _named(sweep, search_name(sweep.study_name, search), seed=seed)


def rival_sweep(sweep: Sweep, rival: Policy, trials: int) -> Sweep:
    """The search of a rival: all as in the study, but for the policy.

    And but for the trials that the study is given or begins with, which are points of its own
    space.
    """
    space = sweep.search_space.model_copy(update={"policy": rival})
    name = f"{sweep.study_name}.{rival}"
    found = _named(sweep, name, trials=trials, start_with=(), warm_start=None)
    return found.model_copy(update={"search_space": space})


def seeds_sweep(sweep: Sweep, number: int, trainings: int) -> Sweep:
    """The study that holds a comparison's trainings with fresh seeds, none of them pruned.

    Args:
        number: which comparison, from 1.
    """
    name = comparison_name(sweep.study_name, number)
    return _named(
        sweep, name, trials=trainings, pruner="none", deterministic=False, start_with=(),
        warm_start=None, stop_when=None,
    )  # fmt: skip


def search_name(study: str, search: int) -> str:
    """The name of a search done again; the first is the study itself."""
    return study if search == 1 else f"{study}.search{search}"


def comparison_name(study: str, number: int) -> str:
    """The name of the study that holds a comparison's trainings."""
    return f"{study}.comparison{number if number > 1 else ''}"


def is_part_name(name: str, study: str) -> bool:
    """Whether a comparison of the study would give this name to a study of its own."""
    search = rf"{re.escape(study)}(\.search\d+)?"
    rival = "|".join(get_args(Policy))
    return re.fullmatch(rf"{search}(\.({rival}|comparison\d*))?", name) is not None


def refuse_long_names(sweep: Sweep, settings: ComparisonConfig) -> None:
    """Find out before the first training whether all studies of a comparison can be named.

    Raises:
        InputError: one cannot.
    """
    last = search_sweep(sweep, settings.searches)
    for rival in settings.rivals:
        rival_sweep(last, rival, 1)
    seeds_sweep(last, 1, 1)


def _named(sweep: Sweep, name: str, **changes: object) -> Sweep:
    if len(name) > _LONGEST:
        raise InputError(
            f"the comparison needs a study {name!r}, a name of more than {_LONGEST} characters: "
            f"give the study that is compared a shorter one ({another_study()})"
        )
    study = sweep.study.model_copy(update={"name": name, **changes})
    return sweep.model_copy(update={"study": study, "comparison": None})


def clr_arms(study: StudyRecord, sweep: Sweep, settings: ComparisonConfig) -> tuple[Arm, ...]:
    """The study as an arm, and its first trials where a rival's search had fewer.

    Args:
        sweep: by which it was searched.
    """
    counts = sorted({settings.trials_of(rival, study.planned) for rival in settings.rivals})
    fewer = [trials for trials in reversed(counts) if trials < study.planned]
    return tuple(
        replace(
            _arm(study, sweep, settings, trials),
            kind="clr",
            name=CLR if trials == study.planned else f"{CLR}, {first(trials, 'trial')}",
        )
        for trials in (study.planned, *fewer)
    )


def rival_arm(
    study: StudyRecord, sweep: Sweep, settings: ComparisonConfig, rival: Policy, of_study: int
) -> Arm:
    """A rival, by its own search, of which no more trials count than are asked for.

    Args:
        of_study: trials of the study that it is compared with.
    """
    trials = settings.trials_of(rival, of_study)
    return replace(_arm(study, sweep, settings, trials), name=rival)


def fixed_arms() -> tuple[Arm, ...]:
    """What nobody tuned: the baseline, and the constant rate that is CLR's winner's on average."""
    return (Arm("fixed", BASELINE), Arm("fixed", MEAN_RATE))


def held_against(arms: Sequence[Arm]) -> Iterator[tuple[int, int]]:
    """What is held against what, by places: each rival against CLR, and as many trials of it."""
    whole, *fewer = [place for place, arm in enumerate(arms) if arm.kind == "clr"]
    for place, arm in enumerate(arms):
        if arm.kind != "clr":
            yield whole, place
        if arm.kind == "rival":
            yield from ((ours, place) for ours in fewer if arms[ours].trials == arm.trials)


def _arm(study: StudyRecord, sweep: Sweep, settings: ComparisonConfig, trials: int) -> Arm:
    first = tuple(trial for trial in study.trials if (trial.number or 0) < trials)
    best = replace(study, trials=first).ranked[: settings.finalists]
    edges = {str(trial.number): tuple(_at_edges(trial, sweep)) for trial in best}
    return Arm(
        kind="rival",
        name="",
        source=study.name,
        trials=trials,
        candidates=tuple(trial.number for trial in best if trial.number is not None),
        counts={state: sum(trial.state == state for trial in first) for state in ENDED},
        cpu_seconds=sum(trial.cpu_seconds for trial in first),
        edges={number: found for number, found in edges.items() if found},
    )


def _at_edges(trial: TrialRecord, sweep: Sweep) -> Iterator[str]:
    """Where a wider range may hold something better."""
    for key in ("max_lr", "init_lr"):
        dimension, value = getattr(sweep.search_space, key), trial.params.get(key)
        if not isinstance(dimension, Range) or not isinstance(value, (int, float)):
            continue
        scale = math.log if dimension.log else float
        low, high = scale(dimension.low), scale(dimension.high)
        place = (scale(value) - low) / (high - low)
        if place < _EDGE:
            yield f"{key} at the lower end of its range"
        elif place > 1 - _EDGE:
            yield f"{key} at the upper end of its range"
