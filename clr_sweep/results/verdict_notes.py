"""What has to be known to read the answers of a comparison rightly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from clr_sweep.common.counts import first, plural
from clr_sweep.results import curves, words
from clr_sweep.results.arms import ArmResult, arm_results
from clr_sweep.results.changes import changes, listed
from clr_sweep.results.contests import ALPHA, SEARCHES_OF_A_CLASS, Contest
from clr_sweep.results.statistics import far_off
from clr_sweep.training.comparison_records import ComparisonRecord
from clr_sweep.training.records import StudyRecord


def verdict_notes(study: StudyRecord, found: tuple[Contest, ...]) -> Iterator[str]:
    """Sentences about a study's last comparison.

    Args:
        study: the one that is compared.
        found: the contests of that comparison.
    """
    if study.direction == "minimize":
        # First: without it the differences above are read the wrong way round.
        yield (
            f"The differences are of {words.metric(study.objective.on_test_set)}, of which "
            "less is better: + is where CLR is better."
        )
    yield from _of_tests(found)
    yield from _of_configurations(found)
    yield from _of_arms(found)
    yield from _of_comparison(study, study.comparisons[-1])


def _of_tests(found: tuple[Contest, ...]) -> Iterator[str]:
    for one in found:
        test, name = one.test, one.against
        if one.why or test.p is None:
            continue
        p = words.p_value(test.p)
        before = ", both before Holm's correction" if one.family > 1 else ""
        if test.welch_p is not None and (test.p < ALPHA) != (test.welch_p < ALPHA):
            yield (
                f"Against {name} Welch's test, which does not pair the seeds, gives p "
                f"{words.p_value(test.welch_p)} where the paired test gives {p}{before}."
            )
        if test.p_flip is not None and (test.p < ALPHA) != (test.p_flip < ALPHA):
            yield (
                f"Against {name} the sign-flip permutation test gives p "
                f"{words.p_value(test.p_flip)} where the t test gives {p}{before}."
            )


def _of_configurations(found: tuple[Contest, ...]) -> Iterator[str]:
    """What the winners differ in beside the schedule, and how long they train."""
    lengths: dict[str, dict[str, None]] = {}
    for one in found:
        ours, theirs = one.ours.example, one.theirs.example
        if ours is None or theirs is None:
            continue
        for arm, run in ((one.ours, ours), (one.theirs, theirs)):
            length = words.of_epochs(words.epochs(curves.planned_epochs(run)))
            lengths.setdefault(length, {})[arm.arm.name] = None
        others = changes(ours, theirs)
        for changed, differs in ((others.certain, "differs"), (others.possible, "may differ")):
            if changed:
                yield (
                    f"Against {one.against} CLR's winner {differs} in more than the schedule: "
                    f"{listed(changed, 'there')}."
                )
    if len(lengths) > 1:
        each = "; ".join(f"{length}: {', '.join(names)}" for length, names in lengths.items())
        yield f"Unequal training, since cycles end at a trough within the epochs given: {each}."


def _of_arms(found: tuple[Contest, ...]) -> Iterator[str]:
    arms = {id(arm): arm for one in found for arm in (one.ours, one.theirs)}
    for arm in arms.values():
        name = arm.arm.title
        for edge in arm.arm.edges.get(str(arm.arm.candidate(arm.entry)), ()):
            yield f"{name}: the winner has {edge}: a wider range may hold a better one."
        for count, what in _lost(arm):
            are = "it is" if count == 1 else "they are"
            yield f"{name}: {count} of {len(arm.runs)} finals {what}; {are} left out of its mean."
        if far := far_off_note(arm):
            yield far


def far_off_note(arm: ArmResult) -> str:
    """Which finals of an arm ended far from its others; empty where none did."""
    far = far_off(arm.known)
    if not far.any():
        return ""
    ended = ", ".join(map(words.value, np.sort(arm.known[far])))
    counts, them = ("It counts", "it") if far.sum() == 1 else ("They count", "them")
    return (
        f"{arm.arm.title}: {far.sum()} of {len(arm.runs)} finals ended far from the others, at "
        f"{ended} (the median is {words.value(float(np.median(arm.known)))}). {counts}: mean and "
        f"spread hang on {them}, and so does what can be decided."
    )


def _lost(arm: ArmResult) -> Iterator[tuple[int, str]]:
    if arm.diverged:
        yield arm.diverged, "diverged"
    if arm.failed:
        yield arm.failed, "failed"
    # Of all it is the answer's reason, and not a note.
    if 0 < arm.untested < len(arm.runs):
        yield arm.untested, "came to an end without a value of the test set"


def _of_comparison(study: StudyRecord, last: StudyRecord) -> Iterator[str]:
    record = last.comparison
    assert record is not None
    own, *others = (arm for arm in arm_results(last) if arm.arm.kind == "clr")
    if own.example is not None and not own.example.config.schedule.is_cyclical:
        yield (
            f"CLR's winner has no cycles ({words.bounds(own.example)}): the study's policies hold "
            "such schedules too, and the answers speak of what its search found."
        )
    for arm in others:
        ones = first(arm.arm.trials, "trial")
        if own.entry is not None and arm.entry == own.entry:
            yield (
                f"CLR's winner is among its {ones}: against rivals with as many the "
                "searches are equal."
            )
        else:
            rivals = [one.trials for one in record.arms if one.kind == "rival"]
            all_alike = set(rivals) == {arm.arm.trials}
            which = "each rival" if all_alike else "some rivals"
            against = "" if all_alike else " against these"
            yield (
                f"CLR had {plural(own.arm.trials, 'trial')}, {which} "
                f"{plural(arm.arm.trials, 'trial')}: at equal "
                f"searches the answers{against} are those of CLR's {ones}."
            )
    yield from _of_searches(study, record)
    metric = last.objective.on_test_set
    if record.margin is None:
        yield (
            f"Nobody has said which differences of {words.metric(metric)} do not matter "
            "(comparison.margin, --margin), so nothing is called equivalent."
        )
    else:
        margin = words.difference(metric, record.margin)
        yield f"Differences below {margin} of {words.metric(metric)} do not matter: the margin."
    if record.seeds < 10:
        yield (
            f"{record.seeds} seeds were asked for; more, such as the default of 10, show smaller "
            "differences."
        )
    if record.number > 1:
        yield (
            f"This is comparison {record.number} of the study, with seeds of its own: whoever "
            "takes the best of several answers is wrong more often than a p value says."
        )
    if len(study.searches) < SEARCHES_OF_A_CLASS:
        yield (
            "These answers are about configurations, as one search of each arm found them. Whether "
            "cyclical rates help here as a class takes at least "
            f"{SEARCHES_OF_A_CLASS} independent searches of each arm: "
            f"clr-sweep compare {study.name} --searches {SEARCHES_OF_A_CLASS}"
        )
    else:
        yield (
            f"Of the {len(study.searches)} searches of each arm the first alone is in the answers "
            "that name a schedule, the figure and the tables."
        )


def _of_searches(study: StudyRecord, record: ComparisonRecord) -> Iterator[str]:
    """In what the searches of the arms differ, beside their policies."""
    given = 0 if study.source is None else len(study.source.sweep.study.start_with)
    if given:
        yield (
            f"CLR's search was given {plural(given, 'trial')} to start with "
            "(study.start_with); the rivals' searches had none."
        )
    start = None if study.source is None else study.source.sweep.study.warm_start
    if start is not None:
        yield (
            f"CLR's search began with {start.describe()} (study.warm_start), and what that one had "
            "cost comes on top; the rivals' searches had nothing of the kind."
        )
    ended = [
        f"that of {arm.name} after {arm.ended} of {arm.trials}"
        for arm in record.arms
        if arm.source == study.name or arm.kind == "rival"
        if arm.ended < arm.trials
    ]
    if ended:
        yield f"Searches that ended before all their trials had: {', '.join(ended)}."
