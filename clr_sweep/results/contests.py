"""Arms held against one another: what the seeds of the finals prove, and what they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from clr_sweep.common.counts import plural
from clr_sweep.definition.metrics import sign_of
from clr_sweep.results.arms import ArmResult, arm_results
from clr_sweep.results.statistics import (
    PairedTest,
    detectable_difference,
    holm,
    paired,
    spread,
)
from clr_sweep.training.records import StudyRecord

# The four answers, and what stands in their place before the last final has ended.
Answer = Literal["better", "worse", "equivalent", "not decidable", "not known yet"]

ALPHA = 0.05
# With fewer independent searches of each arm nothing is said of classes of schedules: the winners
# of one search each truly differ, of two equal classes too (docs/comparison.md).
SEARCHES_OF_A_CLASS = 5
# Fewer seeds may give both arms the same counts of right answers by chance.
_FEWEST_ALIKE = 6
_NOT_ENDED = "the finals have not ended"


@dataclass(frozen=True)
class Contest:
    """CLR's arm and another one, over the same seeds.

    Attributes:
        test: of ours against theirs, better being more; of the pairs where both have a value, and
            of none before all finals have ended.
        family: contests that are corrected together; 0 of one that is not tested.
        p: of the paired t test, after Holm, over the family.
        p_equivalent: of the two one-sided tests, after Holm; None without a margin.
        answer: of ours.
        why: what stands against a decision; empty where the numbers alone do.
    """

    ours: ArmResult
    theirs: ArmResult
    test: PairedTest
    family: int = 0
    p: float | None = None
    p_equivalent: float | None = None
    answer: Answer = "not decidable"
    why: str = ""

    @property
    def against(self) -> str:
        """The other arm in words, and whose of CLR's arms it stands against, if not the whole."""
        theirs, ours = self.theirs.arm, self.ours.arm
        return theirs.name if ours.is_study else f"{theirs.name} ({ours.name})"

    @property
    def detectable(self) -> float | None:
        """The true difference that is found with a power of at least .8, whatever the others are.

        Holm asks a p value of the smallest to be below ALPHA / family, of no other for less. None
        where nothing is tested, and without a spread.
        """
        if not self.family or self.test.sd is None:
            return None
        return detectable_difference(self.test.sd, self.test.n, alpha=ALPHA / self.family)


def contests(study: StudyRecord) -> tuple[Contest, ...]:
    """All that is held against one another, in the order of the comparison's record.

    Args:
        study: that holds the comparison's trainings.
    """
    record = study.comparison
    assert record is not None
    arms, sign = arm_results(study), sign_of(study.direction)
    found, seen = [], set()
    for ours, theirs in ((arms[a], arms[b]) for a, b in record.pairs):
        # Where the winner of the first trials is that of all, it is one question and not two.
        if ours.entry is not None and (ours.entry, theirs.arm.name) in seen:
            continue
        seen.add((ours.entry, theirs.arm.name))
        test = _test(ours, theirs, sign, record.margin)
        found.append(_contest(ours, theirs, test, _hindrance(ours, theirs, test)))
    return decided(found)


def class_contests(searches: Sequence[StudyRecord]) -> tuple[Contest, ...]:
    """The classes of schedules that the arms stand for, with a search as the unit.

    Of each independent search the winners' mean over the seeds counts as one value. With fewer
    than `SEARCHES_OF_A_CLASS` there is no class to speak of.

    Args:
        searches: the studies that hold the trainings, one for each search; made alike.
    """
    if len(searches) < SEARCHES_OF_A_CLASS:
        return ()
    first = searches[0].comparison
    assert first is not None
    results, sign = [arm_results(study) for study in searches], sign_of(searches[0].direction)
    found = []
    for a, b in first.pairs:
        ours, theirs = (_means([arms[place] for arms in results]) for place in (a, b))
        test = _test(ours, theirs, sign, first.margin)
        why = _hindrance(ours, theirs, test, fewest=SEARCHES_OF_A_CLASS, unit="searches")
        found.append(_contest(ours, theirs, test, why))
    return decided(found)


def decided(found: Sequence[Contest]) -> tuple[Contest, ...]:
    """The answers, which need the p values of all contests.

    Equivalence comes first: a difference that can be shown, and is surely smaller than what
    matters, does not matter.
    """
    asked = [contest for contest in found if contest.test.p is not None and not contest.why]
    ps = dict(zip(map(id, asked), holm([contest.test.p or 0.0 for contest in asked]), strict=True))
    near = [contest for contest in asked if contest.test.p_equivalent is not None]
    same = dict(
        zip(
            map(id, near), holm([contest.test.p_equivalent or 0.0 for contest in near]), strict=True
        )
    )
    return tuple(
        _decided(replace(one, family=len(asked), p=ps[id(one)], p_equivalent=same.get(id(one))))
        if id(one) in ps
        else one
        for one in found
    )


def _decided(contest: Contest) -> Contest:
    p, p_equivalent = contest.p, contest.p_equivalent
    assert p is not None
    ours, theirs, mean = contest.ours, contest.theirs, contest.test.mean or 0.0
    if p_equivalent is not None and p_equivalent < ALPHA:
        if ours.lost or theirs.lost:
            return replace(contest, why=_losses(ours, theirs))
        return replace(contest, answer="equivalent")
    if p >= ALPHA:
        return contest
    better, other = (ours, theirs) if mean > 0 else (theirs, ours)
    if better.lost > other.lost:
        return replace(contest, why=_losses(ours, theirs))
    return replace(contest, answer="better" if mean > 0 else "worse")


def _contest(ours: ArmResult, theirs: ArmResult, test: PairedTest, why: str) -> Contest:
    """A contest before the p values of all are looked at."""
    answer: Answer = "not known yet" if why == _NOT_ENDED else "not decidable"
    return Contest(ours, theirs, test, answer=answer, why=why)


def _test(ours: ArmResult, theirs: ArmResult, sign: int, margin: float | None) -> PairedTest:
    """No number is given before the last final has ended: nobody may stop when it looks good."""
    if not (ours.is_complete and theirs.is_complete):
        return paired((), (), margin=margin)
    return paired(sign * ours.values, sign * theirs.values, margin=margin)


def _hindrance(
    ours: ArmResult, theirs: ArmResult, test: PairedTest, *, fewest: int = 2, unit: str = "seeds"
) -> str:
    """Why nothing can be tested, or an empty text.

    Args:
        fewest: pairs that are needed.
        unit: what a pair is one of.
    """
    for arm, whose in ((ours, "CLR's"), (theirs, "the rival's")):
        if arm.entry is None and not arm.arm.entries:
            return f"no trial of {whose} search is complete"
    if any(arm.example and arm.example.config.dataset.on_test_set for arm in (ours, theirs)):
        return "the test set is what the search was validated on, so it has chosen the winners"
    if not (ours.is_complete and theirs.is_complete):
        return _NOT_ENDED
    for arm, whose in ((ours, "CLR's winner"), (theirs, "the rival")):
        if arm.diverged + arm.failed == len(arm.runs):
            return f"{whose} has come to an end with none of the {plural(len(arm.runs), 'seed')}"
    if not len(ours.known) or not len(theirs.known):
        return (
            "there is no value of a test set, and the validation examples have chosen the winners"
        )
    if test.n < fewest:
        return f"both have a value of {test.n} of the {unit}, and at least {fewest} are needed"
    if not spread(ours.values) and not spread(theirs.values):
        return "the seed changes nothing here, so all seeds together say no more than one"
    if test.sd == 0 and (test.mean or test.n < _FEWEST_ALIKE):
        return (
            f"the difference is the same with all {test.n} {unit}, so how far chance moves it is "
            "not known"
        )
    return ""


def _losses(ours: ArmResult, theirs: ArmResult) -> str:
    seeds = len(ours.runs)
    return (
        f"CLR's winner has no result with {ours.lost} of {plural(seeds, 'seed')}, the rival with "
        f"{theirs.lost}, and the values of the others do not tell of these"
    )


def _means(arms: Sequence[ArmResult]) -> ArmResult:
    """An arm with its means over the seeds, one for each search."""
    means = [float(arm.known.mean()) if len(arm.known) else float("nan") for arm in arms]
    runs = tuple(run for arm in arms for run in arm.runs)
    # One whose search found nothing says so for all: its finals are not to come.
    known = next((arm for arm in arms if not arm.arm.entries), arms[0])
    return replace(
        known,
        values=np.array(means),
        runs=runs,
        untested=sum(arm.untested for arm in arms),
        awaits_test=any(arm.awaits_test for arm in arms),
    )
