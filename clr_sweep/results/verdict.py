"""The verdict of a comparison in sentences: four answers, and what was measured beside each."""

from __future__ import annotations

from typing import NamedTuple

from clr_sweep.definition import metrics
from clr_sweep.results import words
from clr_sweep.results.arms import ArmResult
from clr_sweep.results.contests import (
    NOT_ENDED,
    Contest,
    class_contests,
    contests,
)
from clr_sweep.results.verdict_notes import notes
from clr_sweep.training.comparison_records import CLR
from clr_sweep.training.records import StudyRecord

_RIVALS = {
    "constant": "constant rate",
    "linear": "linear decay",
    "cosine": "cosine decay",
    "one_cycle": "one-cycle schedule",
}
_AGAINST = {
    "better": "better than",
    "worse": "worse than",
    "equivalent": "equivalent to",
    "not decidable": "not decidable against",
}


class Verdict(NamedTuple):
    """What the last comparison of a study found.

    Attributes:
        headline: all of it in a sentence.
        answers: one for each contest, with the measured spread and what so many seeds could have
            shown.
        notes: what has to be known to read the answers rightly.
    """

    headline: str
    answers: tuple[str, ...]
    notes: tuple[str, ...]


def verdict(study: StudyRecord) -> Verdict | None:
    """What the last comparison of a study found; None where none was begun.

    Args:
        study: the one that is compared, with its comparisons.
    """
    if not study.comparisons:
        return None
    last = study.comparisons[-1]
    found = contests(last)
    classes = class_sentences(study)
    headline = classes[0] if classes else _headline(found, last)
    answers = (
        *classes[1:],
        *(f"{_answer(one, last)}{_shown(one, _metric(last))}" for one in found),
    )
    return Verdict(headline, answers, tuple(notes(study, found)))


def _headline(found: tuple[Contest, ...], study: StudyRecord) -> str:
    """Every answer against a tuned rival, at a glance; before the end that it is not the end."""
    if any(one.why == NOT_ENDED for one in found):
        so_far = words.plural(study.ended, "training")
        return (
            f"The comparison has not ended ({so_far} with fresh seeds so far): no answer is the "
            "last word."
        )
    metric, parts = _metric(study), []
    tuned = [one for one in found if one.theirs.arm.kind == "rival"]
    for one in tuned:
        if not one.ours.arm.is_study:
            continue
        by = f" ({words.signed(metric, one.test.mean)})" if one.test.mean and not one.why else ""
        parts.append(f"{_AGAINST[one.answer]} the tuned {_rival(one.theirs)}{by}")
    if len(parts) < 2:
        return _answer((tuned or found)[0], study)
    # Points are of accuracy, and more is better; of all others it has to be said.
    measured = "on the test set" if metrics.is_share(metric) else f"by {words.metric(metric)}"
    if study.direction == "minimize":
        measured += " (less is better, + is CLR ahead)"
    return (
        f"{words.capital(_ours(found[0].ours))}, over {_seeds(found[0])} {measured}: "
        f"{', '.join(parts)}."
    )


def _answer(contest: Contest, study: StudyRecord) -> str:
    metric, ours, theirs = _metric(study), _ours(contest.ours), _theirs(contest.theirs)
    test, answer = contest.test, contest.answer
    if answer == "equivalent":
        assert study.comparison is not None
        assert study.comparison.margin is not None
        margin = words.difference(metric, study.comparison.margin)
        head = (
            f"{ours} and {theirs} are equivalent within {margin} of {words.metric(metric)}: "
            f"they differ by {words.signed(metric, test.mean or 0.0)} "
            f"({_interval(contest, metric)}, equivalence p {words.p_value(contest.p_equivalent)})"
        )
    elif answer in ("better", "worse"):
        verb = "beats" if answer == "better" else "loses to"
        by = words.difference(metric, abs(test.mean or 0.0))
        head = (
            f"{ours} {verb} {theirs} by {by} of {words.metric(metric)} "
            f"({_interval(contest, metric, turned=answer == 'worse')}, "
            f"Holm p {words.p_value(contest.p)})"
        )
    else:
        head = f"Whether {ours} is better than {theirs} is not decidable with {_seeds(contest)}"
        reasons = [contest.why] if contest.why else []
        if test.mean is not None and test.n > 1 and contest.ours.is_complete:
            p = f", Holm p {words.p_value(contest.p)}" if contest.p is not None else ""
            by = f"{words.signed(metric, test.mean)} of {words.metric(metric)}"
            reasons.insert(0, f"they differ by {by} ({_interval(contest, metric)}{p})")
        if reasons:
            head += f": {'; '.join(reasons)}"
    return f"{words.capital(head)}."


def class_sentences(study: StudyRecord) -> list[str]:
    """What independent searches say of the classes of schedules; none where there are too few."""
    return [_class_sentence(one, study) for one in class_contests(study.searches)]


def _class_sentence(contest: Contest, study: StudyRecord) -> str:
    metric, test = _metric(study), contest.test
    tuned = contest.theirs.arm.kind == "rival"
    against = f"a tuned {_rival(contest.theirs)}" if tuned else contest.theirs.arm.name
    searches = words.plural(len(contest.ours.values), "independent search")[:-1] + "es"
    if tuned:
        heads = {
            "better": f"CLR helps here against {against}",
            "worse": f"CLR does not help here: it is worse than {against}",
            "equivalent": f"CLR and {against} are equivalent here",
            "not decidable": f"Whether CLR helps here against {against} is not decidable",
        }
    else:
        heads = {
            "better": f"A tuned CLR is better here than {against}",
            "worse": f"A tuned CLR is worse here than {against}",
            "equivalent": f"A tuned CLR and {against} are equivalent here",
            "not decidable": f"Whether a tuned CLR is better here than {against} is not decidable",
        }
    why = f"; {contest.why}" if contest.why else ""
    numbers = ""
    if test.mean is not None and test.low is not None:
        p = f", Holm p {words.p_value(contest.p)}" if contest.p is not None else ""
        by = words.signed(metric, test.mean)
        numbers = (
            f": over {searches} of each arm the winners differ by {by} of "
            f"{words.metric(metric)} ({_interval(contest, metric)}{p})"
        )
    return f"{heads[contest.answer]}{numbers}{why}.{_shown(contest, metric, 'searches')}"


def _ours(arm: ArmResult) -> str:
    if arm.arm.is_study:
        return f"this {_schedule(arm)}"
    return f"the best {_schedule(arm)} of {CLR}, its first {words.plural(arm.arm.trials, 'trial')}"


def _theirs(arm: ArmResult) -> str:
    if arm.arm.kind == "fixed":
        rate = "" if arm.example is None else f" ({words.bounds(arm.example)})"
        return f"{arm.arm.name}{rate}"
    found = f"the best {_rival(arm)} that {words.plural(arm.arm.trials, 'trial')} found"
    return f"{found} ({words.bounds(arm.example)})" if arm.example is not None else found


def _rival(arm: ArmResult) -> str:
    return _RIVALS.get(arm.arm.name, f"{arm.arm.name} schedule")


def _schedule(arm: ArmResult) -> str:
    """What CLR's search found, which may be any of the policies that it was given."""
    if arm.example is None:
        return "schedule"
    schedule = arm.example.config.schedule
    if not schedule.is_cyclical:
        return words.bounds(arm.example)
    rates = f"{words.rate(schedule.init_lr)} to {words.rate(schedule.max_lr)}"
    return f"{schedule.policy} schedule ({rates})"


def _metric(study: StudyRecord) -> str:
    return metrics.on_test_set(study.metric)


def _seeds(contest: Contest) -> str:
    return words.plural(len(contest.ours.runs), "seed")


def _interval(contest: Contest, metric: str, *, turned: bool = False) -> str:
    low, high = contest.test.low, contest.test.high
    if low is None or high is None:
        return "no interval"
    if turned:
        low, high = -high, -low
    return f"95 % interval {words.bare(metric, low)} to {words.bare(metric, high)}"


def _shown(contest: Contest, metric: str, unit: str = "seeds") -> str:
    test = contest.test
    has_ended = contest.ours.is_complete and contest.theirs.is_complete
    if test.sd is None or test.detectable is None or not has_ended:
        return ""
    return (
        f" Over the {unit} the difference has a standard deviation of "
        f"{words.difference(metric, test.sd)}; {test.n} {unit} show a difference of "
        f"{words.difference(metric, test.detectable)} with power 0.8."
    )
