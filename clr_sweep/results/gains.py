"""What the arms of a comparison gained and what it cost: in points, epochs and CPU seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from clr_sweep.definition.metrics import sign_of
from clr_sweep.results import curves
from clr_sweep.results.arms import ArmResult
from clr_sweep.results.changes import changes
from clr_sweep.schedules.policies import CONSTANT
from clr_sweep.training.comparison_records import Arm
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.troughs import trough_epochs


@dataclass(frozen=True)
class Reached:
    """When an arm's finals reached what the baseline's had at their end.

    Attributes:
        seeds: how many did, of those that were trained.
        epochs, cpu_seconds: the median of these; None where none did.
    """

    seeds: int
    of: int
    epochs: float | None
    cpu_seconds: float | None


@dataclass(frozen=True)
class Gain:
    """How a gain over the untuned baseline is made up, in means over the seeds of the finals.

    Attributes:
        name: of CLR's arm: the one whose search had as many trials as the constant rate's.
        sign: +1 if a larger value is better, else -1.
        differ: whether the three differ in more than the schedule; None where that is not known.
        size: of the tuned constant rate over the baseline: the size of the rate.
        shape: of CLR over the tuned constant rate: the shape of the schedule.
    """

    baseline: float
    constant: float
    clr: float
    name: str
    sign: int
    differ: bool | None

    @property
    def size(self) -> float:
        return self.sign * (self.constant - self.baseline)

    @property
    def shape(self) -> float:
        return self.sign * (self.clr - self.constant)


def gain(study: StudyRecord, arms: tuple[ArmResult, ...]) -> Gain | None:
    """What the size of the rate gained, and what its shape; None where an arm for it is missing.

    So it is where the baseline's rate is not constant: then it has a shape too.
    """
    constant = next((a for a in arms if a.arm.kind == "rival" and a.arm.name == CONSTANT), None)
    baseline = next((arm for arm in arms if arm.arm.kind == "fixed"), None)
    ours = [arm for arm in arms if arm.arm.kind == "clr"]
    if constant is None or baseline is None:
        return None
    clr = next((arm for arm in ours if arm.arm.trials == constant.arm.trials), ours[0])
    found = baseline, constant, clr
    if any(arm.lost or not np.isfinite(arm.values).all() for arm in found):
        return None
    examples = [arm.example for arm in found if arm.example is not None]
    if examples[0].config.schedule.policy != CONSTANT:
        return None
    differ = [changes(examples[0], other).differ for other in examples[1:]]
    means = [float(arm.values.mean()) for arm in found]
    return Gain(
        baseline=means[0],
        constant=means[1],
        clr=means[2],
        name=clr.arm.name,
        sign=sign_of(study.direction),
        differ=True if True in differ else None if None in differ else False,
    )


def own_searches(held: Sequence[StudyRecord]) -> tuple[Arm, ...]:
    """The arms that were searched for: CLR's first trials are among those of all its search.

    Args:
        held: the studies that hold the trainings, one for each search.
    """
    return tuple(
        arm
        for study in held
        if study.comparison is not None
        for arm in study.comparison.arms
        if arm.kind == "rival" or arm.is_study
    )


def cpu_seconds(held: Sequence[StudyRecord]) -> float:
    """What all searches took, and every training with fresh seeds."""
    fresh = sum(run.cpu_seconds for study in held for run in study.trials)
    return fresh + sum(arm.cpu_seconds for arm in own_searches(held))


def cpu_seconds_more(study: StudyRecord) -> float:
    """What the comparison of a study took beside its own search, which is CLR's first."""
    held = study.searches or study.comparisons[-1:]
    return cpu_seconds(held) - own_searches(held)[0].cpu_seconds


def reached(study: StudyRecord, arm: ArmResult, baseline: ArmResult) -> Reached:
    """When an arm first was as good as the baseline at its end, seed by seed.

    Schedules with cycles are asked at troughs alone, the others at the end of every epoch.
    """
    sign = sign_of(study.direction)
    found, trained = [], 0
    for run, rival in zip(arm.runs, baseline.runs, strict=True):
        if run is None or rival is None or rival.value is None or not run.has_ended:
            continue
        trained += 1
        if (place := _reaches(run, study.metric, sign, rival.value)) is not None:
            found.append(place)
    if not found:
        return Reached(0, trained, None, None)
    epochs, cpu = (median(values) for values in zip(*found, strict=True))
    return Reached(len(found), trained, epochs, cpu)


def _reaches(run: TrialRecord, metric: str, sign: int, value: float) -> tuple[float, float] | None:
    schedule, spent = run.config.schedule, 0.0
    per_epoch = round(curves.steps_per_epoch(run))
    comparable = trough_epochs(schedule.step_size, run.config.steps, per_epoch)
    for report in run.reports:
        spent += report.cpu_seconds
        reported = report.metrics.get(metric)
        if schedule.is_cyclical and report.epoch not in comparable:
            continue
        if reported is not None and sign * reported >= sign * value:
            return float(report.epoch), spent
    return None
