"""What a study's values may not be read without: warnings, in sentences."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from clr_sweep.results import words
from clr_sweep.results.curves import steps_done
from clr_sweep.training.records import StudyRecord, TrialRecord

_NAMED = 5  # of the trials that a warning is about


def warnings(study: StudyRecord) -> tuple[str, ...]:
    """Those of a study; none where its trainings were what they are called."""
    return tuple(f"Warning: {text}" for text in _texts(study.all))


def trial_warnings(trial: TrialRecord) -> tuple[str, ...]:
    """Those of one trial, told or handed over by itself."""
    return tuple(f"warning: {text}" for text in _texts([trial]))


def _texts(records: Sequence[TrialRecord]) -> Iterator[str]:
    yield from _deviations(records)
    yield from (f"{text}." for text in training_warnings(records))


def training_warnings(records: Sequence[TrialRecord]) -> list[str]:
    """What their trainings did beside what they are called, and what to do; without a full stop."""
    found = (
        (_skipped_steps, [record for record in records if _skipped_many(record)]),
        (_other_weights, [record for record in records if record.has_other_weights]),
    )
    return [text(some) for text, some in found if some]


def _deviations(records: Sequence[TrialRecord]) -> Iterator[str]:
    found = [record for record in records if record.learning_rate_deviation]
    if not found:
        return
    worst = max(found, key=lambda record: record.learning_rate_deviation or 0.0)
    by = words.rate(worst.learning_rate_deviation or 0.0)
    where = "in 1 run" if len(found) == 1 else f"in {words.count(len(found))} runs"
    yield (
        f"the learning rates used are not those planned {where}, by up to {by} "
        f"({worst.label}): their schedules are not what they are called."
    )


def _skipped_many(record: TrialRecord) -> bool:
    # The first few are how loss scaling finds its scale, and one in some 2,000 how it tries more.
    return record.skipped_steps > max(3, steps_done(record) / 100)


def _skipped_steps(records: Sequence[TrialRecord]) -> str:
    worst = max(records, key=lambda record: record.skipped_steps)
    most = f"{words.count(worst.skipped_steps)} of {words.count(steps_done(worst))} steps"
    runs = f", and some in {words.count(len(records) - 1)} more" if len(records) > 1 else ""
    return (
        f"the optimizer skipped {most} ({worst.label}{runs}), whose gradients were no finite "
        "numbers in float16: at such a step weights and schedule stand still. Bring labels and "
        "loss to a size of about 1, or train in mixed_bfloat16, which needs no scaling"
    )


def _other_weights(records: Sequence[TrialRecord]) -> str:
    labels = [record.label for record in records[:_NAMED]]
    more = [f"{words.count(len(records) - _NAMED)} more"] if len(records) > _NAMED else []
    config = records[0].config
    return (
        f"the model that {config.training.function} returned has other weights than at its last "
        f"report, whose {config.objective.metric} is the value ({', '.join([*labels, *more])}): "
        "value and model, with what is tested and exported of it, do not belong together. Leave "
        "restore_best_weights out of EarlyStopping, and what else puts weights in a model at "
        "the end of fit; what is averaged on purpose is evaluated and reported by "
        "trial.report(epoch, metrics)"
    )
