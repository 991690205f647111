"""What the arms of a comparison did: their finalists, their winners, and the finals."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from clr_sweep.definition import metrics
from clr_sweep.training.comparison_records import FINALISTS, FINALS, Arm, Stage
from clr_sweep.training.records import StudyRecord, TrialRecord


@dataclass(frozen=True)
class Finalist:
    """A candidate, trained again with fresh seeds.

    Attributes:
        mean: of the objective over the seeds that came to an end; None if none did.
        lost: seeds that diverged or failed.
    """

    entry: str
    mean: float | None
    lost: int
    runs: tuple[TrialRecord, ...]


@dataclass(frozen=True)
class ArmResult:
    """An arm's winner and its finals.

    Attributes:
        entry: what won; None where the search of the arm found nothing, or no winner is known yet.
        finalists: those that it was chosen among, in the order of the search's ranking.
        runs: of the finals, by seed; None where that one has not ended.
        values: on the test set, by seed, shape (seeds,): NaN where a training diverged or failed,
            is still to come, or was not tested.
        untested: complete finals without a finite value of the test set, and none to come.
        awaits_test: whether a complete final is still to be tested.
    """

    arm: Arm
    entry: str | None
    finalists: tuple[Finalist, ...]
    runs: tuple[TrialRecord | None, ...]
    values: npt.NDArray[np.float64]
    untested: int = 0
    awaits_test: bool = False

    @property
    def known(self) -> npt.NDArray[np.float64]:
        """The values that are numbers, shape (n,)."""
        return self.values[np.isfinite(self.values)]

    @property
    def diverged(self) -> int:
        """Seeds of the finals whose loss did not stay finite."""
        return self._count("diverged")

    @property
    def failed(self) -> int:
        """Seeds of the finals that raised an exception, or whose process died again and again."""
        return self._count("failed")

    @property
    def lost(self) -> int:
        """Seeds of the finals without a result."""
        return self.diverged + self.failed + self.untested

    @property
    def is_complete(self) -> bool:
        """Whether all finals have ended, in whatever way, and been tested."""
        if self.entry is None or self.awaits_test:
            return False
        return all(run and run.has_ended for run in self.runs)

    @property
    def example(self) -> TrialRecord | None:
        """A training of the winner: its configuration is that of all, but for the seed."""
        return next((run for run in self.runs if run is not None), None)

    def _count(self, state: str) -> int:
        return sum(run is not None and run.state == state for run in self.runs)


def arm_results(study: StudyRecord) -> tuple[ArmResult, ...]:
    """The arms of a comparison, in the order of its record.

    Args:
        study: that holds the comparison's trainings.
    """
    assert study.comparison is not None
    return tuple(_result(study, arm) for arm in study.comparison.arms)


def chosen_trial(study: StudyRecord) -> int | None:
    """The trial that the last comparison's fresh seeds chose among the best; None where none did.

    Args:
        study: the one that is compared.
    """
    if not study.comparisons:
        return None
    last = study.comparisons[-1]
    assert last.comparison is not None
    own = last.comparison.arms[0]
    return own.candidate(winner(last, own))


def shown_arms(study: StudyRecord) -> tuple[ArmResult, ...]:
    """The arms that differ: CLR's first trials are none of their own where they found the same."""
    arms = arm_results(study)
    own = arms[0]
    return tuple(
        arm
        for arm in arms
        if arm is own or arm.arm.kind != "clr" or arm.entry is None or arm.entry != own.entry
    )


def winner(study: StudyRecord, arm: Arm) -> str | None:
    """Which of an arm's candidates goes into the finals; None where there is none, or not yet.

    The one with the fewest seeds lost, and of those with the best mean; of equals the one that
    the search ranked higher. So one that diverges with some seeds does not win by the others.
    """
    entries = arm.entries
    if len(entries) < 2:
        return entries[0] if entries else None
    found = finalists(study, arm)
    if any(not run.has_ended for finalist in found for run in finalist.runs):
        return None
    if any(len(finalist.runs) < _seeds(study, FINALISTS) for finalist in found):
        return None
    sign = metrics.sign_of(study.direction)

    def rank(finalist: Finalist) -> tuple[int, float]:
        mean = -math.inf if finalist.mean is None else sign * finalist.mean
        return finalist.lost, -mean

    return min(found, key=rank).entry


def finalists(study: StudyRecord, arm: Arm) -> tuple[Finalist, ...]:
    """An arm's candidates with what their fresh seeds gave; none where there was no choice."""
    entries = arm.entries
    return tuple(_finalist(study, entry) for entry in entries) if len(entries) > 1 else ()


def _finalist(study: StudyRecord, entry: str) -> Finalist:
    runs = tuple(_runs(study, FINALISTS, entry).values())
    values = [run.value for run in runs if run.state == "complete" and run.value is not None]
    mean = math.fsum(values) / len(values) if values else None
    return Finalist(entry, mean, sum(run.state in ("diverged", "failed") for run in runs), runs)


def _result(study: StudyRecord, arm: Arm) -> ArmResult:
    entry = winner(study, arm)
    by_seed = {} if entry is None else _runs(study, FINALS, entry)
    runs = tuple(by_seed.get(seed) for seed in range(_seeds(study, FINALS)))
    metric = metrics.on_test_set(study.metric)
    values = [
        run.test_metrics.get(metric, math.nan)
        if run is not None and run.state == "complete"
        else math.nan
        for run in runs
    ]
    lacking = sum(
        run is not None and run.state == "complete" and not math.isfinite(value)
        for run, value in zip(runs, values, strict=True)
    )
    # All are tested when the last one has ended: until then some may have a value, and others not.
    has_ended = study.state == "complete"
    return ArmResult(
        arm=arm,
        entry=entry,
        finalists=finalists(study, arm),
        runs=runs,
        values=np.array(values, dtype=np.float64),
        untested=lacking if has_ended else 0,
        awaits_test=lacking > 0 and not has_ended,
    )


def _runs(study: StudyRecord, stage: Stage, entry: str) -> dict[int, TrialRecord]:
    found = {
        trial.seed_run.seed: trial
        for trial in study.trials
        if trial.seed_run is not None
        and trial.seed_run.stage == stage
        and trial.seed_run.entry == entry
    }
    return dict(sorted(found.items()))


def _seeds(study: StudyRecord, stage: Stage) -> int:
    assert study.comparison is not None
    return study.comparison.finalist_seeds if stage == FINALISTS else study.comparison.seeds
