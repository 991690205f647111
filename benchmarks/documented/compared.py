"""What the pages say of the two comparisons: of configurations on the full data, and of classes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable

from benchmarks.documented.blocks import table
from benchmarks.documented.kept import CLASSES, COMPARED, machine, read
from clr_sweep.common.durations import duration
from clr_sweep.results import words
from clr_sweep.results.arms import arm_results, shown_arms
from clr_sweep.results.comparison_tables import (
    Rows,
    arm_rows,
    contest_rows,
    cost_rows,
    finalist_rows,
    gain_sentence,
    search_rows,
)
from clr_sweep.results.gains import cpu_seconds, cpu_seconds_more, own_searches
from clr_sweep.results.verdict import Verdict, verdict
from clr_sweep.results.verdict_notes import far_off_note
from clr_sweep.training.comparison_records import FINALISTS
from clr_sweep.training.records import StudyRecord

_WIDTH = 115


def last_comparison(sweep: str) -> StudyRecord:
    """The study that holds the trainings of a kept sweep's last comparison."""
    return read(sweep).study.comparisons[-1]


def found(sweep: str) -> Verdict:
    """What the comparison of a kept sweep found."""
    answer = verdict(read(sweep).study)
    assert answer is not None
    return answer


def in_short(sweep: str) -> str:
    """The configurations, seeds that collapsed, size and shape of the rate, and the classes."""
    return "\n\n".join([
        filled(f"**{found(sweep).headline}**"),
        # Without these nobody understands why a large difference is not decidable.
        filled(" ".join(filter(None, map(far_off_note, shown_arms(last_comparison(sweep)))))),
        filled(gain_sentence(last_comparison(sweep))),
        filled(" ".join([
            "As classes, each tuned five times on 5,000 of the images.", *class_answers()
        ])),
    ])  # fmt: skip


def class_sentences() -> tuple[str, ...]:
    """What the independent searches say of CLR and each other arm: the first of its answers."""
    said, record = found(CLASSES), read(CLASSES).study.searches[0].comparison
    assert record is not None
    return (said.headline, *said.answers[: len(record.pairs) - 1])


def class_answers() -> list[str]:
    """Those against the tuned rivals, without the spread behind each."""
    rivals = sum(arm.arm.kind == "rival" for arm in arm_results(read(CLASSES).study.searches[0]))
    return [one.partition(" Over the searches ")[0] for one in class_sentences()[:rivals]]


def _answers(sweep: str) -> str:
    return bullets(found(sweep).answers)


def _notes(sweep: str) -> str:
    return bullets(found(sweep).notes)


def _rows(make: Callable[[StudyRecord], Rows]) -> Callable[[str], str]:
    return lambda sweep: table(*make(last_comparison(sweep)))


def _cost(sweep: str) -> str:
    return filled(f"{spent(last_comparison(sweep))} in all, on {machine(sweep)}.")


def spent(*held: StudyRecord) -> str:
    """What comparisons cost: all arms' searches, and every training with fresh seeds."""
    fresh = [trial for study in held for trial in study.trials]
    searched = own_searches(held)
    finalists = sum(t.seed_run is not None and t.seed_run.stage == FINALISTS for t in fresh)
    took = duration(cpu_seconds(held), 1)
    return (
        f"{sum(arm.trials for arm in searched)} trials of searches, {finalists} trainings of "
        f"finalists and {len(fresh) - finalists} of finals: {took} of CPU time"
    )


def comparison_cost(study: StudyRecord) -> str:
    """The CPU time of a study's comparison, beside that of its own search."""
    return duration(cpu_seconds_more(study), 1)


def _class_sentences(_sweep: str) -> str:
    return bullets(class_sentences())


def _class_searches(sweep: str) -> str:
    """Each search's winners, by their means over the seeds of the finals."""
    return table(*search_rows(read(sweep).study.searches))


def _class_winners(sweep: str) -> str:
    """What each search found."""
    studies = read(sweep).study.searches
    tuned = [arm.arm.name for arm in arm_results(studies[0]) if arm.arm.kind != "fixed"]
    rows = [
        [str(number), *(
            words.bounds(arm.example) if arm.example is not None else "-"
            for arm in arm_results(study) if arm.arm.kind != "fixed"
        )]
        for number, study in enumerate(studies, start=1)
    ]  # fmt: skip
    return table(["search", *tuned], rows)


def _class_cost(sweep: str) -> str:
    return filled(f"{spent(*read(sweep).study.searches)}.")


def bullets(sentences: Iterable[str]) -> str:
    """A list of sentences, in lines of the pages' width."""
    return "\n".join(
        textwrap.fill(one, _WIDTH, initial_indent="- ", subsequent_indent="  ", **_WRAP)
        for one in sentences
    )


def filled(text: str) -> str:
    """A paragraph in lines of the pages' width."""
    return textwrap.fill(text, _WIDTH, **_WRAP)


_WRAP = {"break_on_hyphens": False, "break_long_words": False}

BLOCKS: dict[tuple[str, str], tuple[Callable[[str], str], str]] = {
    ("README.md", "verdict"): (in_short, COMPARED),
    ("docs/results.md", "verdict"): (in_short, COMPARED),
    ("docs/results.md", "answers"): (_answers, COMPARED),
    ("docs/results.md", "arms"): (_rows(arm_rows), COMPARED),
    ("docs/results.md", "contests"): (_rows(contest_rows), COMPARED),
    ("docs/results.md", "finalists"): (_rows(finalist_rows), COMPARED),
    ("docs/results.md", "costs"): (_rows(cost_rows), COMPARED),
    ("docs/results.md", "comparison-cost"): (_cost, COMPARED),
    ("docs/results.md", "notes"): (_notes, COMPARED),
    ("docs/results.md", "classes"): (_class_sentences, CLASSES),
    ("docs/results.md", "class-searches"): (_class_searches, CLASSES),
    ("docs/results.md", "class-winners"): (_class_winners, CLASSES),
    ("docs/results.md", "class-cost"): (_class_cost, CLASSES),
}
