"""The best trial against the baseline: what was seen, and how little one run each can prove."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import sqrt

from clr_sweep.common.counts import plural
from clr_sweep.definition import metrics
from clr_sweep.definition.metrics import unjudged
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.results import curves, words
from clr_sweep.results.changes import changes, listed
from clr_sweep.schedules import policies
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord

_TWO_SIDED_95 = 1.96
# A share of the examples is a count of them; float32 and the mean over batches move it by less.
_ROUNDING = 0.02


@dataclass(frozen=True)
class Difference:
    """A metric of both runs.

    Attributes:
        direction: what is better; None of a metric that is neither Keras' nor the objective.
    """

    metric: ReportedMetric
    best: float
    baseline: float
    direction: str | None

    @property
    def gain(self) -> float | None:
        """How much better the best trial is; negative if the baseline is better."""
        if self.direction is None:
            return None
        return metrics.sign_of(self.direction) * (self.best - self.baseline)


@dataclass(frozen=True)
class Comparison:
    """The best trial and the baseline, as far as there are both.

    Attributes:
        best: the best complete trial.
        baseline: the baseline, whatever its state.
        differences: of every metric that both have; empty unless both are complete.
        verdict: what was seen, in one or two sentences.
        notes: what has to be known to read the verdict rightly.
    """

    best: TrialRecord | None
    baseline: TrialRecord | None
    differences: tuple[Difference, ...]
    verdict: str
    notes: tuple[str, ...]

    def difference(self, metric: str) -> Difference | None:
        """The difference in a metric, or None where one of the runs lacks it."""
        return next((d for d in self.differences if d.metric.name == metric), None)


def compare(study: StudyRecord) -> Comparison:
    """Compares the study's best complete trial with its baseline.

    One run of each allows no test of significance, and none is claimed: the verdict says what was
    seen, and the command that would tell more; and where validation is on the test set, that.
    """
    found = _compare(study)
    if found.best is None or not study.on_test_set:
        return found
    seen, _, rest = found.verdict.partition(". ")
    verdict = " ".join([f"{seen.rstrip('.')}.", ON_TEST_SET, *([rest] if rest else [])])
    return replace(found, verdict=verdict)


def _compare(study: StudyRecord) -> Comparison:
    best, baseline = study.best, study.baseline
    if best is None:
        return Comparison(None, baseline, (), _nothing_complete(study), ())
    seen = f"{_named(best)} reached {_reached(best, study.objective)}"
    selection = _selection_note(study, best)
    if baseline is None:
        verdict = f"{seen}; the study has no baseline to compare it with."
        return Comparison(best, None, (), verdict, selection)
    if baseline.state != "complete":
        return Comparison(best, baseline, (), f"{seen}; {_no_baseline(baseline)}", selection)
    differences = tuple(_differences(study, best, baseline))
    notes = (*selection, _baseline_note(baseline), *_unequal(best, baseline))
    verdict = _verdict(study, best, baseline, differences)
    return Comparison(best, baseline, differences, verdict, notes)


def compared(record: TrialRecord, objective: str) -> list[str]:
    """The metrics that are compared: of the validation, the test and the training examples."""
    names = curves.measured(record)
    return list(
        dict.fromkeys(
            [objective, *(f"{where}{name}" for where in ("val_", "test_", "") for name in names)]
        )
    )


def _differences(
    study: StudyRecord, best: TrialRecord, baseline: TrialRecord
) -> Iterator[Difference]:
    for name in compared(best, study.metric):
        ours, theirs = (_metric(record, study.metric, name) for record in (best, baseline))
        if ours is not None and theirs is not None:
            of_objective = metrics.base(name) == metrics.base(study.metric)
            metric = study.reported(name)
            direction = study.direction if of_objective else metric.direction
            yield Difference(metric, ours, theirs, direction)


def _metric(record: TrialRecord, objective: str, name: str) -> float | None:
    if name == objective and record.value is not None:
        return record.value
    return record.test_metrics.get(name, record.metrics.get(name))


def _verdict(
    study: StudyRecord, best: TrialRecord, baseline: TrialRecord, found: tuple[Difference, ...]
) -> str:
    by_name = {difference.metric.name: difference for difference in found}
    main, test = by_name.get(study.metric), by_name.get(metrics.on_test_set(study.metric))
    if main is None:
        return (
            f"{_named(best)} reached {_reached(best, study.objective)}; the baseline has no "
            f"{words.metric(study.objective)} to compare it with."
        )
    ours, theirs = words.pair(main.best, main.baseline)
    sentence = (
        f"{_named(best)} reached {words.metric(study.objective)} {ours}, the baseline "
        f"({words.bounds(baseline)}) {theirs}: {_by(main)}"
    )
    if test is not None:
        ours, theirs = words.pair(test.best, test.baseline)
        sentence += f"; on the test set {ours} against {theirs}: {_by(test)}"
        sentence += _binomial(test, study.test_examples)
    elif lacking := [one for one in (best, baseline) if _has_told_none(one, study.metric)]:
        tested, labels = words.metric(study.objective.on_test_set), [one.label for one in lacking]
        sentence += f"; of {' and '.join(labels)} there is no finite {tested}"
        sentence += _only(study, [name for one in lacking for name in one.test_metrics])
    return f"{sentence}. {_one_run_each(study, best)}"


def _only(study: StudyRecord, tested: list[str]) -> str:
    """What the test set has told in place of the objective: the user's own function decides."""
    names = dict.fromkeys(words.metric(study.reported(name)) for name in tested)
    return f", only {', '.join(names)}" if names else ""


def _has_told_none(record: TrialRecord, objective: str) -> bool:
    """Whether it was evaluated on the test set, and no value of the objective was kept."""
    return _is_evaluated(record) and metrics.on_test_set(objective) not in record.test_metrics


def _is_evaluated(record: TrialRecord) -> bool:
    """Whether the test set was asked, also where it has told no finite number."""
    return bool(record.test_metrics) or TrialFolder(record.folder).test_file.exists()


def _by(difference: Difference) -> str:
    return words.gain(difference.metric, difference.gain or 0.0)


def _binomial(test: Difference, examples: int | None) -> str:
    """Whether a difference is no larger than the choice of the test examples alone explains.

    That is known of a share of all examples, which is a count with a binomial error.
    """
    if not examples or not test.gain or not test.metric.is_share:
        return ""
    counts = [share * examples for share in (test.best, test.baseline)]
    if any(abs(count - round(count)) > _ROUNDING for count in counts):
        return ""  # of several labels an example, or weighted
    variance = sum(share * (1 - share) for share in (test.best, test.baseline)) / examples
    error = _TWO_SIDED_95 * sqrt(variance)
    if abs(test.gain) > error:
        return ""
    return (
        f", which the binomial error of {plural(examples, 'test example')} alone explains "
        f"(up to {100 * error:.2g} points at 95%)"
    )


def _one_run_each(study: StudyRecord, best: TrialRecord) -> str:
    known = "One run each: how far another seed moves them is not known."
    asked = "with fresh seeds, and against rivals tuned alike"
    if not best.config.training.is_tested:
        return f"{known} To compare {asked}, it needs training.evaluate, with a test set."
    if lack := why_not_judged(study):
        return f"{known} To compare {asked}: {lack}."
    return f"{known} {words.capital(asked)}: clr-sweep compare {study.name}"


def why_not_judged(study: StudyRecord) -> str:
    """Why no comparison of the study could be judged, as its best trial tells; or empty."""
    best = study.best
    if best is None or best not in study.to_be_tested or not _is_evaluated(best):
        return ""
    return unjudged(best.config.training.evaluate, study.metric, best.test_metrics)


def _named(record: TrialRecord) -> str:
    return f"{words.capital(record.label)} ({words.bounds(record)})"


def _reached(record: TrialRecord, metric: ReportedMetric) -> str:
    return f"{words.metric(metric)} {words.value(record.value if record.value is not None else 0)}"


def _nothing_complete(study: StudyRecord) -> str:
    ended = [(state, study.count(state)) for state in ("pruned", "diverged", "failed")]
    counted = ", ".join(f"{number} {state}" for state, number in ended if number)
    return "No complete trial yet" + (f" ({counted})" if counted else "") + ": nothing to compare."


def _no_baseline(baseline: TrialRecord) -> str:
    if baseline.state == "diverged":
        return (
            f"the baseline ({words.bounds(baseline)}) {words.state(baseline)}, so there is nothing "
            "to compare it with. That says that its rate was too high, not that a cyclical one is "
            "better."
        )
    if not baseline.has_ended:
        return f"the baseline is not complete yet ({words.short_state(baseline)})."
    return f"the baseline {words.state(baseline)}, so there is nothing to compare it with."


def _selection_note(study: StudyRecord, best: TrialRecord) -> tuple[str, ...]:
    number = study.count("complete")
    if number < 2:
        return ()
    fair = "" if _is_evaluated(best) else " (not evaluated yet)"
    measure = f"The test set{fair} took no part in the choice: it is the fair measure."
    if not study.is_tested:
        measure = "The fair measure are the finals of the comparison that it is a part of."
    elif not best.config.training.is_tested:
        measure = (
            "There is no fair measure: nothing is evaluated on a test set, which training.evaluate "
            "would do."
        )
    return (
        f"{words.capital(best.label)} is the best of {number} complete trials, picked by "
        f"{words.metric(study.objective)}: its validation metrics are optimistic (the winner's "
        f"curse). {ON_TEST_SET if study.on_test_set else measure}",
    )


def _baseline_note(baseline: TrialRecord) -> str:
    schedule = baseline.config.schedule
    rate, kind = words.rate(schedule.max_lr), "constant rate"
    if schedule.policy != policies.CONSTANT:
        kind = f"{schedule.policy} schedule"
    return (
        f"The baseline is a single {kind} ({rate}) that was not tuned, the best trial was "
        "searched for: the difference holds the search over rates as well as the schedule of the "
        f"best trial. How close a tuned {kind} comes these two runs do not tell."
    )


def _unequal(best: TrialRecord, baseline: TrialRecord) -> tuple[str, ...]:
    notes = []
    ours, theirs = curves.steps_done(best), curves.steps_done(baseline)
    if ours != theirs:
        lengths = [words.epochs(curves.epochs_done(record)) for record in (best, baseline)]
        notes.append(
            f"Unequal training: the best trial took {words.count(ours)} steps ({lengths[0]} "
            f"epochs), the baseline {words.count(theirs)} ({lengths[1]} epochs)."
        )
    found = changes(best, baseline)
    for one, begins in (
        (found.certain, "the best trial also has"),
        (found.possible, "the best trial may also differ in"),
    ):
        if one:
            rest = f", and {len(one) - 4} more" if len(one) > 4 else ""
            notes.append(f"Besides the schedule {begins} {listed(one[:4], 'baseline')}{rest}.")
    return tuple(notes)
