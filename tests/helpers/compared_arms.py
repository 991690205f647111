"""Comparisons as they are stored, from nothing but the values of their finals."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from small_trials import small_config

from clr_sweep.definition import metrics
from clr_sweep.definition.fields import POLICIES
from clr_sweep.definition.sweep import Objective
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.results.verdict import Verdict, verdict
from clr_sweep.search.arms import BASELINE, MEAN_RATE, held_against
from clr_sweep.training.comparison_records import (
    FINALISTS,
    FINALS,
    Arm,
    ComparisonRecord,
    SeedRun,
    Stage,
)
from clr_sweep.training.records import StudyRecord, TrialRecord

OF = "tiny"
# What one training came to: a value, a state without one, or None where it is still to come.
Outcome = float | str | None
_RNG = np.random.default_rng(8)
_SHARED = _RNG.normal(0, 0.004, 10)
# Ten seeds of two equal arms, which share a part of what the seed brings about.
OURS, THEIRS = (0.88 + _SHARED + _RNG.normal(0, 0.001, 10) for _ in range(2))


def compared(
    finals: Mapping[str, Sequence[Outcome]],
    *,
    finalists: Mapping[str, Sequence[Outcome]] | None = None,
    arms: Mapping[str, Mapping[str, Any]] | None = None,
    metric: str = "val_accuracy",
    direction: str = "maximize",
    margin: float | None = 0.005,
    number: int = 1,
    is_tested: bool = True,
    entries: Mapping[str, str] | None = None,
    **more: Any,
) -> StudyRecord:
    """The study that holds a comparison's trainings.

    Args:
        finals: by arm, the study's own first: what each seed had on the test set. The names of
            fixed arms are those of the product.
        finalists: by entry, as `tiny.constant trial 0`: what each fresh seed had on validation.
        arms: by name: what is different about an arm.
        entries: by arm, which entry its finals are of; its first candidate where it is left out.
        more: of the study.
    """
    sides = tuple(_arm(name, **(arms or {}).get(name, {})) for name in finals)
    seeds = max(map(len, finals.values()))
    fresh = max(map(len, (finalists or {"": ()}).values()))
    record = ComparisonRecord(OF, number, fresh, seeds, margin, sides, tuple(held_against(sides)))
    objective = (metric, direction)
    made: list[tuple[SeedRun, Outcome]] = []
    for entry, outcomes in (finalists or {}).items():
        made += _runs(FINALISTS, entry, outcomes)
    for arm in sides:
        own = (entries or {}).get(arm.name) or next(iter(arm.entries), None)
        if own is not None and not any(run.stage == FINALS and run.entry == own for run, _ in made):
            made += _runs(FINALS, own, finals[arm.name])
    trials = [
        _trial(place, run, outcome, objective, is_tested)
        for place, (run, outcome) in enumerate(made)
    ]
    return StudyRecord(
        **{
            "name": f"{OF}.comparison", "metric": metric, "direction": direction,
            "trials": tuple(trials), "baseline": None, "planned": len(trials),
            "state": "complete", "comparison": record, **more,
        }
    )  # fmt: skip


def study_of(*comparisons: StudyRecord, **more: Any) -> StudyRecord:
    """The study that was compared."""
    last = comparisons[-1]
    return StudyRecord(
        OF, last.metric, last.direction, (), None, comparisons=comparisons,
        **{"source": last.source, **more},
    )  # fmt: skip


def _arm(name: str, **more: Any) -> Arm:
    if name in (BASELINE, MEAN_RATE):
        return Arm("fixed", name)
    kind = "clr" if name.startswith("CLR") else "rival"
    source = OF if kind == "clr" else f"{OF}.{name}"
    counts = {"complete": 4, "pruned": 1}
    return Arm(**{
        "kind": kind, "name": name, "source": source, "trials": 5, "candidates": (0,),
        "counts": counts, "cpu_seconds": 60.0, **more,
    })  # fmt: skip


def _runs(
    stage: Stage, entry: str, outcomes: Sequence[Outcome]
) -> Iterator[tuple[SeedRun, Outcome]]:
    for seed, outcome in enumerate(outcomes):
        if outcome is not None:
            yield SeedRun(stage, entry, seed), outcome


def _trial(
    number: int, run: SeedRun, outcome: Outcome, objective: tuple[str, str], is_tested: bool
) -> TrialRecord:
    state, value = (outcome, None) if isinstance(outcome, str) else ("complete", outcome)
    metric = objective[0]
    is_final = run.stage == FINALS and value is not None and is_tested
    return TrialRecord(
        kind="trial",
        number=number,
        state=state,  # type: ignore[arg-type]
        reason=None,
        config=_config(run.entry, *objective),
        folder=Path(str(number)),
        value=value,
        metrics={} if value is None else {metric: value},
        test_metrics={metrics.on_test_set(metric): value} if is_final and value is not None else {},
        cpu_seconds=1.5,
        seed_run=run,
    )


@functools.cache
def _config(entry: str, metric: str, direction: str) -> TrialConfig:
    rival = entry.removeprefix(f"{OF}.").partition(" ")[0]
    policy = rival if rival in POLICIES else "constant"
    if entry.startswith(f"{OF} "):
        policy = "triangular2"
    config = small_config(policy, init_lr=0.01)
    objective = Objective(metric=metric, direction=direction)  # type: ignore[arg-type]
    return config.model_copy(update={"objective": objective})


def found(finals: Mapping[str, Any], **more: Any) -> Verdict:
    """What is said of a study whose finals had these values."""
    lists = {name: list(values) for name, values in finals.items()}
    return said_of(compared(lists, **more))


def said_of(last: StudyRecord, searches: Sequence[StudyRecord] = ()) -> Verdict:
    """What is said of a study with this comparison."""
    said = verdict(study_of(last, searches=tuple(searches)))
    assert said is not None
    return said
