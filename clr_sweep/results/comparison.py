"""The best trial against the baseline: what was seen, and how little one run each can prove."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from clr_sweep.records import StudyRecord, TrialRecord
from clr_sweep.results import curves, words
from clr_sweep.schedules import policies
from clr_sweep.trial_config import TrialConfig

SEED_SD = (0.3, 0.74)
"""Standard deviations between seeds, in points of accuracy, that runs such as these have shown.

coxy1989/clr (CIFAR-10, CLR at its troughs, 5 seeds): 0.3 to 0.4. DeepOBS fmnist_2c2d
(Fashion-MNIST, SGD, 10 epochs, 10 seeds): 0.7. They are not
this study's own: it has one run of each.
"""

DETECTABLE = {3: (0.91, 2.25), 5: (0.61, 1.50), 10: (0.40, 0.98)}
"""Seeds per arm -> the differences, in points, that a t-test finds at SEED_SD.

Two-sided level 0.05, power 0.80.
"""

_COMPARED = (
    "val_accuracy", "val_loss", "accuracy", "loss", "test_accuracy", "test_loss"
)  # fmt: skip


@dataclass(frozen=True)
class Difference:
    """A metric of both runs.

    Attributes:
        metric: its name; those that end in `loss` are better when smaller.
    """

    metric: str
    best: float
    baseline: float

    @property
    def gain(self) -> float:
        """How much better the best trial is; negative if the baseline is better."""
        sign = -1 if self.metric.endswith("loss") else 1
        return sign * (self.best - self.baseline)


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
        return next((d for d in self.differences if d.metric == metric), None)

    @property
    def validation_points(self) -> float | None:
        """Validation accuracy of the best trial less the baseline's, in points (hundredths)."""
        found = self.difference("val_accuracy")
        return None if found is None else 100 * found.gain

    @property
    def test_points(self) -> float | None:
        """Test accuracy of the best trial less the baseline's, in points (hundredths)."""
        found = self.difference("test_accuracy")
        return None if found is None else 100 * found.gain


def seed_noise(sd: float) -> float:
    """The difference, in points, that two single runs of one configuration rarely exceed.

    The 95% limit of the difference of two independent normal values: 1.96 * sqrt(2) * sd.

    Args:
        sd: standard deviation between seeds, in points.
    """
    return 1.96 * sqrt(2) * sd


def compare(study: StudyRecord) -> Comparison:
    """Compares the study's best complete trial with its baseline.

    One run of each allows no test of significance, and none is claimed: the verdict sets the
    difference beside what seeds alone bring about.
    """
    best, baseline = study.best, study.baseline
    if best is None:
        return Comparison(None, baseline, (), _nothing_complete(study), ())
    seen = f"{_named(best)} reached {_reached(best, study.metric)}"
    selection = _selection_note(study, best)
    if baseline is None:
        verdict = f"{seen}; the study has no baseline to compare it with."
        return Comparison(best, None, (), verdict, selection)
    if baseline.state != "complete":
        return Comparison(best, baseline, (), f"{seen}; {_no_baseline(baseline)}", selection)
    differences = tuple(
        Difference(name, ours, theirs)
        for name in dict.fromkeys((study.metric, *_COMPARED))
        if (ours := _metric(best, study.metric, name)) is not None
        and (theirs := _metric(baseline, study.metric, name)) is not None
    )
    notes = (*selection, _baseline_note(baseline), *_unequal(best, baseline), _seeds_note())
    verdict = _verdict(study, best, baseline, differences)
    return Comparison(best, baseline, differences, verdict, notes)


def _metric(record: TrialRecord, objective: str, name: str) -> float | None:
    if name == objective and record.value is not None:
        return record.value
    return record.test_metrics.get(name, record.metrics.get(name))


def _verdict(
    study: StudyRecord, best: TrialRecord, baseline: TrialRecord, found: tuple[Difference, ...]
) -> str:
    main = next((d for d in found if d.metric == study.metric), None)
    test = next((d for d in found if d.metric == "test_accuracy"), None)
    validation = next((d for d in found if d.metric == "val_accuracy"), None)
    if main is None:
        return (
            f"{_named(best)} reached {_reached(best, study.metric)}; the baseline has no "
            f"{words.metric(study.metric)} to compare it with."
        )
    sentence = (
        f"{_named(best)} reached {words.metric(study.metric)} {words.value(main.best)}, the "
        f"baseline ({words.bounds(baseline)}) {words.value(main.baseline)}{_by(main)}"
    )
    if test is not None and test is not main:
        sentence += (
            f"; on the test set {words.value(test.best)} against {words.value(test.baseline)}"
            f"{_by(test)}"
        )
    judged = test or validation
    if judged is None:
        return f"{sentence}. One run each: how far seeds alone move this metric is not known here."
    where = "on the test set" if judged is test else "in validation accuracy"
    return f"{sentence}. {_judgement(100 * judged.gain, where)}"


def _by(difference: Difference) -> str:
    if difference.metric.endswith("accuracy"):
        return f": {words.points(difference.gain)} points"
    return f": {words.value(abs(difference.gain))} {'better' if difference.gain >= 0 else 'worse'}"


def _judgement(points: float, where: str) -> str:
    low, high = (seed_noise(sd) for sd in SEED_SD)
    if abs(points) < low:
        return (
            f"One run each: a difference below about {low:.1f} points is within seed noise, so no "
            f"difference can be told {where}."
        )
    side = "" if points > 0 else ", in the baseline's favour,"
    if abs(points) < high:
        return (
            f"One run each: seeds alone move such runs apart by up to {low:.1f} to {high:.1f} "
            f"points, so the difference {where}{side} may be seed noise."
        )
    return (
        f"One run each: the difference {where}{side} is larger than the {low:.1f} to {high:.1f} "
        f"points that seeds alone usually bring about, but one run each proves nothing."
    )


def _named(record: TrialRecord) -> str:
    return f"{words.capital(record.label)} ({words.bounds(record)})"


def _reached(record: TrialRecord, metric: str) -> str:
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
    fair = "" if best.test_metrics else " (not evaluated yet)"
    return (
        f"{words.capital(best.label)} is the best of {number} complete trials, picked by "
        f"{words.metric(study.metric)}: its validation metrics are optimistic (the winner's "
        f"curse). The test set{fair} took no part in the choice: it is the fair measure.",
    )


def _baseline_note(baseline: TrialRecord) -> str:
    schedule = baseline.config.schedule
    rate, kind = words.rate(schedule.max_lr), "constant rate"
    if schedule.policy != policies.CONSTANT:
        kind = f"{schedule.policy} schedule"
    return (
        f"The baseline is a single {kind} ({rate}) that was not tuned, the best trial was "
        "searched for: the difference holds the search over rates as well as the schedule of the "
        f"best trial. A tuned {kind} is likely to come closer."
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
    changed = [
        f"{key} {words.shorten(str(a), 40)} (baseline {words.shorten(str(b), 40)})"
        for key, a, b in _changed(best.config, baseline.config)
    ]
    if changed:
        rest = f", and {len(changed) - 4} more" if len(changed) > 4 else ""
        notes.append(
            "Besides the schedule the best trial also has " + ", ".join(changed[:4]) + rest + "."
        )
    return tuple(notes)


def _changed(ours: TrialConfig, theirs: TrialConfig) -> list[tuple[str, object, object]]:
    def flat(config: TrialConfig) -> dict[str, object]:
        training, model = config.training, config.model
        return {
            "optimizer": training.optimizer.name,
            "batch_size": training.batch_size,
            "loss": training.loss,
            "model": model.name,
            **training.optimizer.arguments,
            **{f"model.{key}": value for key, value in model.arguments.items()},
        }

    a, b = flat(ours), flat(theirs)
    keys = dict.fromkeys([*a, *b])
    return [
        (key, a.get(key, "default"), b.get(key, "default"))
        for key in keys
        if a.get(key, "default") != b.get(key, "default")
    ]


def _seeds_note() -> str:
    seeds, (low, high) = next(iter(DETECTABLE.items()))
    return (
        f"To tell more, repeat both over seeds: {seeds} runs each detect a difference of {low:g} "
        f"to {high:g} points (80% power, level 0.05), for standard deviations between seeds of "
        f"{SEED_SD[0]:g} to {SEED_SD[1]:g} points, taken from published runs, not from this study."
    )
