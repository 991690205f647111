"""The tables of a comparison: its arms, its answers and its costs, as rows of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clr_sweep.common.counts import plural
from clr_sweep.common.durations import duration
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.results import words
from clr_sweep.results.arms import ArmResult, arm_results, shown_arms
from clr_sweep.results.contests import Contest, contests
from clr_sweep.results.gains import Gain, gain, reached
from clr_sweep.results.statistics import mean_interval, spread
from clr_sweep.training.records import StudyRecord

Rows = tuple[list[str], list[list[str]]]
_NONE = "-"


def arm_rows(study: StudyRecord) -> Rows:
    """What each arm reached on the test set, over the seeds of the finals."""
    head = ["arm", "winner", words.metric(study.objective.on_test_set), "95 % interval",
            "sd", "seeds"]  # fmt: skip
    return head, [_arm_row(arm) for arm in shown_arms(study)]


def contest_rows(study: StudyRecord) -> Rows:
    """Every answer with the numbers that it stands on."""
    head = ["CLR against", "answer", "difference", "95 % interval", "Holm p", "sign-flip p",
            "Welch p", "correlation", "sd", "could show"]  # fmt: skip
    metric = study.objective.on_test_set
    return head, [_contest_row(one, metric) for one in contests(study)]


def cost_rows(study: StudyRecord) -> Rows:
    """What the search of each arm cost, and when its finals were as good as the baseline's end."""
    arms = shown_arms(study)
    baseline = next(arm for arm in arms if arm.arm.kind == "fixed")
    head = ["arm", "search", "finalists and finals", "as good as the baseline's end after"]
    return head, [_cost_row(study, arm, baseline) for arm in arms]


def finalist_rows(study: StudyRecord) -> Rows:
    """The candidates of each arm, as their fresh seeds had them."""
    head = ["arm", "trial", "schedule", "mean of fresh seeds", "lost", "wins"]
    rows = []
    for arm in shown_arms(study):
        for finalist in arm.finalists:
            mean = _NONE if finalist.mean is None else words.value(finalist.mean)
            number = str(arm.arm.candidate(finalist.entry))
            schedule = words.bounds(finalist.runs[0]) if finalist.runs else _NONE
            won = "wins" if finalist.entry == arm.entry else ""
            name = arm.arm.title
            rows.append([name, number, schedule, mean, str(finalist.lost), won])
    return head, rows


def search_rows(searches: Sequence[StudyRecord]) -> Rows:
    """The winners' means over the seeds, a row for each independent search: a class' values."""
    found = [(study, arm_results(study)) for study in searches]
    rows = [
        [study.comparison.of if study.comparison else study.name, *map(_mean, arms)]
        for study, arms in found
    ]
    return ["search", *(arm.arm.title for arm in found[0][1])], rows


def gain_sentence(study: StudyRecord) -> str:
    """How much of the gain over the baseline is the rate's size, and how much its shape."""
    found = gain(study, shown_arms(study))
    return "" if found is None else _gain(found, study.objective.on_test_set)


def _gain(found: Gain, metric: ReportedMetric) -> str:
    def signed(number: float) -> str:
        return f"{'+' if number > 0 else ''}{words.bare(metric, number)}"

    unit = " points" if metric.is_share else ""
    better = " (+ is less, which is better)" if found.sign < 0 else ""
    others = {
        True: " They differ in further hyperparameters too, whose part of both is not known.",
        None: " They may differ in further hyperparameters too: a default is not known.",
        False: "",
    }[found.differ]
    return (
        f"From the baseline ({words.value(found.baseline)}) to {found.name} "
        f"({words.value(found.clr)}) the gain is {signed(found.size + found.shape)}{unit} of "
        f"{words.metric(metric)}{better}: {signed(found.size)} by the size of the rate, as the "
        f"tuned constant rate ({words.value(found.constant)}) shows, and {signed(found.shape)} by "
        f"the shape, all in means over the seeds.{others}"
    )


def _arm_row(arm: ArmResult) -> list[str]:
    values = arm.known
    interval, sd = mean_interval(values), spread(values)
    lost = "".join(
        f", {count} {what}"
        for count, what in (
            (arm.diverged, "diverged"),
            (arm.failed, "failed"),
            (arm.untested, "untested"),
        )
        if count
    )
    return [
        arm.arm.title,
        words.bounds(arm.example) if arm.example is not None else _NONE,
        _mean(arm),
        " to ".join(map(words.value, interval[1:])) if interval is not None else _NONE,
        words.value(sd, 2) if sd is not None else _NONE,
        f"{len(values)} of {len(arm.runs)}{lost}",
    ]


def _mean(arm: ArmResult) -> str:
    return words.value(float(arm.known.mean())) if len(arm.known) else _NONE


def _contest_row(one: Contest, metric: ReportedMetric) -> list[str]:
    test = one.test

    def number(value: float | None) -> str:
        return _NONE if value is None else words.bare(metric, value)

    low, high = number(test.low), number(test.high)
    return [
        one.against if one.theirs.arm.kind == "rival" else words.capital(one.against),
        one.answer,
        f"{'+' if (test.mean or 0) > 0 else ''}{number(test.mean)}",
        f"{low} to {high}" if low != _NONE else _NONE,
        words.p_value(one.p),
        words.p_value(test.p_flip),
        words.p_value(test.welch_p),
        _NONE if test.correlation is None else f"{test.correlation:.2f}",
        number(test.sd),
        number(one.detectable),
    ]


def _cost_row(study: StudyRecord, arm: ArmResult, baseline: ArmResult) -> list[str]:
    own = [run for finalist in arm.finalists for run in finalist.runs]
    own += [run for run in arm.runs if run is not None]
    counts = ", ".join(f"{count} {state}" for state, count in arm.arm.counts.items() if count)
    search = f"{duration(arm.arm.cpu_seconds, 1)} CPU ({counts})" if counts else "not tuned"
    return [
        arm.arm.title,
        search,
        f"{duration(sum(run.cpu_seconds for run in own), 1)} CPU",
        _reached(study, arm, baseline),
    ]


def _reached(study: StudyRecord, arm: ArmResult, baseline: ArmResult) -> str:
    if arm is baseline:
        return _NONE
    found = reached(study, arm, baseline)
    if found.epochs is None or found.cpu_seconds is None:
        return f"never ({plural(found.of, 'seed')})" if found.of else _NONE
    every = "" if found.seeds == found.of else f", {found.seeds} of {found.of} seeds"
    epochs = words.of_epochs(words.epochs(found.epochs))
    return f"{epochs}, {duration(found.cpu_seconds, 1)} CPU{every}"


def tables(study: StudyRecord) -> Iterator[tuple[str, Rows]]:
    """All tables of a comparison that have rows, with their titles."""
    unit = ", in points" if study.objective.is_share else ""
    found = {
        "On the test set": arm_rows(study),
        f"The answers{unit}": contest_rows(study),
        "The finalists": finalist_rows(study),
        "What it cost": cost_rows(study),
    }
    yield from ((title, rows) for title, rows in found.items() if rows[1])
