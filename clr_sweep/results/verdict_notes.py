"""What has to be known to read the verdict of a comparison rightly, in sentences."""

from __future__ import annotations

from collections.abc import Iterator

from clr_sweep.definition import metrics
from clr_sweep.results import words
from clr_sweep.results.arms import arm_results
from clr_sweep.results.contests import ALPHA, SEARCHES_OF_A_CLASS, Contest
from clr_sweep.training.records import StudyRecord


def notes(study: StudyRecord, found: tuple[Contest, ...]) -> Iterator[str]:
    """What has to be known, the first thing first.

    Args:
        study: the one that is compared.
        found: the contests of its last comparison.
    """
    metric = metrics.on_test_set(study.metric)
    if study.direction == "minimize":
        # First: without it the differences above are read the wrong way round.
        yield (
            f"The differences are of {words.metric(metric)}, of which less is better: "
            "+ is where CLR is better."
        )
    yield from _of_contests(found)
    yield from _of_arms(found)
    yield from _of_comparison(study, study.comparisons[-1])


def _of_contests(found: tuple[Contest, ...]) -> Iterator[str]:
    for one in found:
        test, name = one.test, one.theirs.arm.name
        if one.answer == "not decidable" and one.why:
            continue
        if test.p is not None and test.welch_p is not None:
            if (test.p < ALPHA) != (test.welch_p < ALPHA):
                yield (
                    f"Against {name} Welch's test, which does not pair the seeds, gives p "
                    f"{words.p_value(test.welch_p)} where the paired test gives "
                    f"{words.p_value(test.p)}."
                )
            if test.p_flip is not None and (test.p < ALPHA) != (test.p_flip < ALPHA):
                yield (
                    f"Against {name} the sign-flip permutation test gives p "
                    f"{words.p_value(test.p_flip)} where the t test gives {words.p_value(test.p)}."
                )


def _of_arms(found: tuple[Contest, ...]) -> Iterator[str]:
    arms = {id(arm): arm for one in found for arm in (one.ours, one.theirs)}
    for arm in arms.values():
        for edge in arm.arm.edges.get(str(arm.arm.candidate(arm.entry)), ()):
            yield (
                f"{words.capital(arm.arm.name)}: the winner has {edge}: a wider range may hold a "
                "better one."
            )
        for count, what in ((arm.diverged, "diverged"), (arm.failed, "failed")):
            if count:
                yield (
                    f"{words.capital(arm.arm.name)}: {count} of {len(arm.runs)} finals {what}; "
                    "they are left out of its mean."
                )


def _of_comparison(study: StudyRecord, last: StudyRecord) -> Iterator[str]:
    record = last.comparison
    assert record is not None
    own, *others = (arm for arm in arm_results(last) if arm.arm.kind == "clr")
    for arm in others:
        if own.entry is not None and arm.entry == own.entry:
            yield (
                f"CLR's winner is among its first {words.plural(arm.arm.trials, 'trial')}: against "
                "rivals with as many the searches are equal."
            )
    metric = metrics.on_test_set(last.metric)
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
