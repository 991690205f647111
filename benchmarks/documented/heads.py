"""The head of a shipped sweep: what it cost and what came out, from its kept run."""

from __future__ import annotations

import re
import textwrap
from statistics import fmean

from benchmarks.documented import compared, sums
from benchmarks.documented.kept import GALLERY, KeptRun, machine, sweep_file
from clr_sweep.results import words
from clr_sweep.training.records import StudyRecord, TrialRecord

_WIDTH = 100
_FIELD = "# {name}: "
_INDENT = 12


def with_head(text: str, run: KeptRun) -> str:
    """The text of a sweep file with its cost and its result as the run had them.

    Raises:
        ValueError: the text has no such lines.
    """
    for name, content in (("Cost", cost(run)), ("Expected", expected(run))):
        pattern = re.compile(rf"^# {name}:.*\n(?:#  .*\n)*", re.MULTILINE)
        lines = textwrap.wrap(
            content, _WIDTH, initial_indent=f"# {name}:".ljust(_INDENT),
            subsequent_indent="#".ljust(_INDENT), break_on_hyphens=False,
        )  # fmt: skip
        text, found = pattern.subn(lambda _, lines=lines: "\n".join(lines) + "\n", text)
        if found != 1:
            raise ValueError(f"{sweep_file(run.sweep).name}: {found} lines begin with `# {name}:`")
    return text


def cost(run: KeptRun) -> str:
    """What the trials took."""
    study = run.study
    if study.searches:
        return f"{compared.spent(*study.searches)}."
    trained, planned = sums.epochs_trained(study), sums.epochs_planned(study)
    epochs = f"{trained} epochs" if trained == planned else f"{trained} of {planned} epochs"
    beside = "" if study.range_test is None else ", the range test apart"
    return (
        f"{_cpu(study)} on {machine(run.sweep)} for "
        f"{epochs} and the baseline{beside}; {words.counts(study)}.{_comparison_cost(run)}"
    )


def _cpu(study: StudyRecord) -> str:
    seconds = sums.cpu_seconds(study)
    return f"{seconds / 60:.0f} CPU minutes" if seconds > 90 else f"{seconds:.0f} CPU seconds"


def _comparison_cost(run: KeptRun) -> str:
    """What its rivals and fresh seeds cost, of a sweep that is compared when it is run."""
    if run.definition.get("comparison") is None:
        return ""
    return f" The comparison took {compared.comparison_cost(run.study)} of CPU time more."


def expected(run: KeptRun) -> str:
    """What came out, in one run."""
    study = run.study
    if study.searches:
        return " ".join([*compared.class_answers(), "(docs/results.md)"])
    sentences = []
    if study.range_test is not None and (found := study.range_test.suggestion) is not None:
        space = run.study.range_test.suggestion
        sentences.append(
            f"base {words.rate(found.base)}, max {words.rate(found.max)}, so init_lr from "
            f"{words.rate(space.init_lr[0])} to {words.rate(space.init_lr[1])} and max_lr from "
            f"{words.rate(space.max_lr[0])} to {words.rate(space.max_lr[1])}"
        )
    best, baseline = study.best, study.baseline
    if best is None or baseline is None:
        raise ValueError(f"{study.name}: no complete trial, or no baseline")
    if sums.is_one_point(study):
        return _seeds(study, best, baseline)
    shown = study.metric, study.metric.replace("val_", "test_")
    sentences.append(
        f"trial {best.number} ({words.bounds(best)}) with {words.metric(study.objective)} "
        f"{sums.value(best, shown[0])}, on the test set {sums.value(best, shown[1])}; the baseline "
        f"({words.bounds(baseline)}) {sums.value(baseline, shown[0])} and "
        f"{sums.value(baseline, shown[1])}"
    )
    policies = sums.best_by_policy(study)
    if len(policies) > 3:
        ranked = ", ".join(
            f"{policy} {words.value(trials[0].value or 0.0)} ({len(trials)})"
            for policy, trials in policies.items()
        )
        sentences.append(f"the best of each policy (of so many trials): {ranked}")
    page = "docs/gallery.md" if run.sweep in GALLERY else "docs/results.md"
    told = ". ".join(words.capital(one) if i else one for i, one in enumerate(sentences))
    if study.comparisons:
        told += f". One run each. {compared.found(run.sweep).headline} ({page})"
    else:
        told += ". One run each (docs/results.md)."
    return told


def _seeds(study: StudyRecord, best: TrialRecord, baseline: TrialRecord) -> str:
    """What came out of several seeds of one configuration."""
    values = [trial.value or 0.0 for trial in study.complete]
    mean, low, high = (words.value(found) for found in (fmean(values), min(values), max(values)))
    where = ", which is measured on the test set," if study.on_test_set else ""
    return (
        f"{words.bounds(best)}: {words.metric(study.objective)}{where} {mean} on average over "
        f"{len(values)} seeds ({low} to {high}); the baseline ({words.bounds(baseline)}) "
        f"{sums.value(baseline, study.metric)} in one (docs/results.md)."
    )
