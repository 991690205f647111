"""The verdict of a comparison in sentences: four answers, and what was measured beside each."""

from __future__ import annotations

from typing import NamedTuple

from clr_sweep.common.counts import first, plural
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.results import words
from clr_sweep.results.arms import ArmResult
from clr_sweep.results.contests import Contest, class_contests, contests
from clr_sweep.results.verdict_notes import verdict_notes
from clr_sweep.schedules.policies import CYCLICAL
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
    classes = [_class_sentence(one, study) for one in class_contests(study.searches)]
    headline = classes[0] if classes else _headline(found, last)
    answers = (
        *classes[1:],
        *(f"{_answer(one, last)}{_shown(one, _metric(last))}" for one in found),
    )
    return Verdict(headline, answers, tuple(verdict_notes(study, found)))


def _headline(found: tuple[Contest, ...], study: StudyRecord) -> str:
    """Every answer against a tuned rival, at a glance; before the end that it is not the end."""
    if any(one.answer == "not known yet" for one in found):
        so_far = plural(study.ended, "training")
        return (
            f"The comparison has not ended ({so_far} with fresh seeds so far): no answer is the "
            "last word."
        )
    metric, parts = _metric(study), []
    tuned = [one for one in found if one.theirs.arm.kind == "rival"]
    if len(whys := {one.why for one in tuned}) == 1 and (why := whys.pop()):
        # One reason for all, such as data without a test set, stands in place of the answers.
        rivals = "any rival" if len(tuned) > 1 else f"the tuned {_rival(tuned[0].theirs)}"
        return f"{words.capital(_ours(found[0].ours))} is not decided against {rivals}: {why}."
    for one in tuned:
        if not one.ours.arm.is_study:
            continue
        by = f" ({words.signed(metric, one.test.mean)})" if one.test.mean and not one.why else ""
        rival = f"the tuned {_rival(one.theirs)}"
        if one.theirs.arm.trials != one.ours.arm.trials:
            rival += f" of {plural(one.theirs.arm.trials, 'trial')} alone"
        parts.append(f"{_AGAINST[one.answer]} {rival}{by}")
    if not parts:
        return _answer((tuned or found)[0], study)
    # Points are of accuracy, and more is better; of all others it has to be said.
    measured = "on the test set" if metric.is_share else f"by {words.metric(metric)}"
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
        interval = _interval(contest, metric, turned=answer == "worse")
        head = (
            f"{ours} {verb} {theirs} by {by} of {words.metric(metric)} "
            f"({interval}, Holm p {words.p_value(contest.p)})"
        )
    else:
        with_seeds = f" with {_seeds(contest)}" if answer == "not decidable" else ""
        head = f"Whether {ours} is better than {theirs} is {answer}{with_seeds}"
        reasons = [contest.why] if contest.why else []
        if test.mean is not None and test.n > 1:
            p = f", Holm p {words.p_value(contest.p)}" if contest.p is not None else ""
            by = f"{words.signed(metric, test.mean)} of {words.metric(metric)}"
            reasons.insert(0, f"they differ by {by} ({_interval(contest, metric)}{p})")
        if reasons:
            head += f": {'; '.join(reasons)}"
    return f"{words.capital(head)}."


def _class_sentence(contest: Contest, study: StudyRecord) -> str:
    """What independent searches say of two classes of schedules."""
    metric, test, answer = _metric(study), contest.test, contest.answer
    record = study.comparisons[-1].comparison
    assert record is not None
    within = "" if record.margin is None else f" within {words.difference(metric, record.margin)}"
    ours, theirs = _classes(contest)
    if _is_of_cycles(contest):
        heads = {
            "better": f"CLR helps here against {theirs}",
            "worse": f"CLR does not help here: it is worse than {theirs}",
            "equivalent": f"CLR and {theirs} are equivalent here{within}",
        }
        open_question = f"Whether CLR helps here against {theirs}"
    else:
        heads = {
            "better": f"{ours} is better here than {theirs}",
            "worse": f"{ours} is worse here than {theirs}",
            "equivalent": f"{ours} and {theirs} are equivalent here{within}",
        }
        open_question = f"Whether {ours} is better here than {theirs}"
    found = []
    if test.mean is not None and test.low is not None:
        p = f", Holm p {words.p_value(contest.p)}" if contest.p is not None else ""
        if answer == "equivalent":
            p = f", equivalence p {words.p_value(contest.p_equivalent)}"
        by = words.signed(metric, test.mean)
        found.append(
            f"over {test.n} independent searches of each arm the winners differ by {by} of "
            f"{words.metric(metric)} ({_interval(contest, metric)}{p})"
        )
    found += [contest.why] if contest.why else []
    numbers = f": {'; '.join(found)}" if found else ""
    head = heads.get(answer, f"{open_question} is {answer}")
    return f"{words.capital(head)}{numbers}.{_shown(contest, metric, 'searches')}"


def _is_of_cycles(contest: Contest) -> bool:
    """Whether cycles, tuned, stand against no cycles, tuned as long: only then may CLR help."""
    ours, theirs = contest.ours, contest.theirs
    rival = theirs.arm.kind == "rival" and theirs.arm.name not in CYCLICAL
    return rival and ours.arm.trials == theirs.arm.trials and _has_cycles(ours)


def _has_cycles(ours: ArmResult) -> bool:
    return all(run is None or run.config.schedule.is_cyclical for run in ours.runs)


def _classes(contest: Contest) -> tuple[str, str]:
    """The two classes in words; with the trials of their searches where these differ."""
    ours, theirs = contest.ours.arm, contest.theirs.arm
    rival = _rival(contest.theirs)
    named = "CLR" if _has_cycles(contest.ours) else "schedule of the study's policies"
    if theirs.kind == "fixed":
        return f"a tuned {named}", theirs.name
    if ours.is_study and ours.trials == theirs.trials:
        return f"a tuned {named}", f"a tuned {rival}"
    each = [f" tuned by {plural(arm.trials, 'trial')}" for arm in (ours, theirs)]
    return f"a {named}{each[0]}", f"a {rival}{each[1]}"


def _ours(arm: ArmResult) -> str:
    if arm.arm.is_study:
        return f"this {_schedule(arm)}"
    return f"the best {_schedule(arm)} that CLR's {first(arm.arm.trials, 'trial')} found"


def _theirs(arm: ArmResult) -> str:
    if arm.arm.kind == "fixed":
        rate = "" if arm.example is None else f" ({words.bounds(arm.example)})"
        return f"{arm.arm.name}{rate}"
    found = f"the best {_rival(arm)} that {plural(arm.arm.ended, 'trial')} found"
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


def _metric(study: StudyRecord) -> ReportedMetric:
    return study.objective.on_test_set


def _seeds(contest: Contest) -> str:
    return plural(len(contest.ours.runs), "seed")


def _interval(contest: Contest, metric: ReportedMetric, *, turned: bool = False) -> str:
    low, high = contest.test.low, contest.test.high
    if low is None or high is None:
        return "no interval"
    if turned:
        low, high = -high, -low
    return f"95 % interval {words.bare(metric, low)} to {words.bare(metric, high)}"


def _shown(contest: Contest, metric: ReportedMetric, unit: str = "seeds") -> str:
    """The measured spread, and what so many could have shown."""
    test = contest.test
    if test.sd is None:
        return ""
    if test.sd == 0:
        return f" Over the {unit} the difference is always the same."
    text = (
        f" Over the {unit} the difference has a standard deviation of "
        f"{words.difference(metric, test.sd)}"
    )
    if contest.detectable is None:
        return f"{text}."
    family = contest.family
    if metric.is_share and contest.detectable > 1:
        return f"{text}; so few {unit} would show no difference at all with power 0.8."
    corrected = f", Holm's correction for {family} answers included" if family > 1 else ""
    return (
        f"{text}; {test.n} {unit} would show a difference of "
        f"{words.difference(metric, contest.detectable)} with power 0.8{corrected}."
    )
