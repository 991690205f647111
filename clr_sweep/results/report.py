"""The report of a study and of a trial: Markdown for MLflow's pages, plain text for a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from clr_sweep.common.counts import plural
from clr_sweep.common.durations import duration
from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.definition.yaml_file import dump
from clr_sweep.results import curves, words
from clr_sweep.results.arms import chosen_trial
from clr_sweep.results.comparison import Comparison, compare, compared
from clr_sweep.results.comparison_report import comparison_markdown, verdict_markdown
from clr_sweep.results.gains import cpu_seconds_more
from clr_sweep.results.markdown import LIMIT, fenced, inline, table
from clr_sweep.results.verdict import verdict
from clr_sweep.results.warnings import training_warnings, warnings
from clr_sweep.schedules.policies import DECAYING
from clr_sweep.training.records import StudyRecord, TrialRecord

TOP = 10
_MOST_METRICS = 12  # rows of metrics
_MOST_FURTHER = 4  # columns of further hyperparameters
_NONE = "-"


def markdown(study: StudyRecord, planned: int | None = None, links: str = "") -> str:
    """The report of a study, for the page of its parent run.

    Every number is taken from the records. While the study runs the report says how far it is.

    Args:
        planned: the trials that the study is to have in all; None if not known.
        links: Markdown that stands below the result, where a closed description shows it.

    Returns:
        Markdown of fewer than 8000 characters. Where it would be longer the table of trials is
        cut first, then the configuration and then the notes are left out, the verdict never.
    """
    if study.comparison is not None:
        return comparison_markdown(study, links)
    comparison = compare(study)
    variants = (
        *((rows, True, True) for rows in range(TOP, 2, -1)),
        *((rows, False, True) for rows in range(TOP, -1, -1)),
        (0, False, False),
    )
    text = ""
    for rows, with_config, with_notes in variants:
        sections = _sections(study, planned, comparison, rows, with_config, with_notes)
        # A line below the result, not a paragraph: the space between would push them out of sight.
        result = "  \n".join([next(sections), *([links] if links else [])])
        text = "\n\n".join([result, *sections])
        if len(text) < LIMIT:
            break
    return text


def _sections(
    study: StudyRecord, planned: int | None, comparison: Comparison, rows: int,
    with_config: bool, with_notes: bool,
) -> Iterator[str]:  # fmt: skip
    best = study.best
    # The page's title is the study's name, and it shows a few lines until one asks for more: what
    # came out and by how much, and after it where to look.
    result, _, caution = comparison.verdict.partition(". ")
    seen = f"{_so_far(study, planned)}{inline(result).rstrip('.')}."
    if found := verdict_markdown(study):
        yield found
        yield f"In the search, one run each: {seen}"
    else:
        yield f"**{seen}**"
        if caution:
            yield inline(caution)
    for warning in warnings(study):
        yield f"**{inline(warning)}**"
    if best is not None:
        yield f"## Best trial{'' if comparison.baseline is None else ' against the baseline'}"
        yield f"{words.capital(best.label)}: {words.schedule(best)}."
        yield table(*_comparison_rows(best, comparison))
    yield "## Trials"
    yield " ".join([
        f"{words.counts(study, planned)}. {_cost(study)}",
        *([f"{words.capital(inline(study.reason))}."] if study.reason else []),
        *([inline(given)] if (given := words.given(study)) else []),
    ])  # fmt: skip
    if best is not None and rows:
        yield table(*_trial_rows(study, rows))
    if best is not None:
        yield "## Best configuration"
        chosen = _chosen(study, best)
        if chosen is not best:
            yield f"{words.capital(chosen.label)}, which fresh seeds chose among the best."
        if with_config:
            yield fenced(dump({"config": chosen.config.model_dump(mode="json")}), "yaml")
        yield "Write it to a file, and train it again:"
        yield fenced(f"{export_command(study)}\nclr-sweep train best.yaml", "sh")
    if with_notes and comparison.notes:
        yield "## Notes"
        yield "\n".join(f"- {inline(note)}" for note in comparison.notes)


def trial_markdown(record: TrialRecord) -> str:
    """The description of a trial, for the page of its run: schedule, state and result.

    Returns:
        Markdown of fewer than 8000 characters.
    """
    lines = [f"**{words.capital(record.label)}: {inline(_outcome(record))}**"]
    lines.append(f"Schedule: {words.schedule(record)}.")
    if (deviation := record.learning_rate_deviation) is not None:
        lines.append(
            f"Rates used: {'exactly' if not deviation else 'NOT'} those planned, greatest "
            f"deviation {words.rate(deviation)}."
        )
    lines += [f"**Warning: {inline(text)}.**" for text in training_warnings([record])]
    if record.given:
        lines.append(f"Given, not sampled: {inline(words.shorten(record.given, 300))}.")
    further = [
        f"{inline(words.shorten(name, 60))} {inline(_parameter(value))}"
        for name, value in words.further(record).items()
    ]
    training = record.config.training
    optimizer = "its own" if record.has_own_optimizer else training.optimizer.name
    setting = [f"optimizer {optimizer}", f"batch size {training.batch_size}"]
    if training.precision != "float32":
        setting.append(inline(training.precision))
    lines.append(f"Training: {', '.join([*setting, *further[:20]])}; seed {record.config.seed}.")
    done = (
        f"{words.epochs(curves.epochs_done(record))} of "
        f"{words.of_epochs(words.epochs(curves.planned_epochs(record)))}"
    )
    lines.append(
        f"Took {duration(record.cpu_seconds, 1)} of CPU time for {done}, "
        f"{duration(record.wall_seconds, 1)} by the clock."
    )
    if record.retried:
        reasons = "; ".join(inline(words.shorten(reason, 200)) for reason in record.retried[-3:])
        lines.append(
            f"Earlier attempts that ended through no fault of the trial's: {len(record.retried)} "
            f"({reasons})."
        )
    if record.config.dataset.on_test_set:
        lines.append(f"**{ON_TEST_SET}**")
    told = {**record.metrics, **record.test_metrics}
    if told:
        rows = [[words.metric(record.reported(key)), words.value(one)] for key, one in told.items()]
        where = "last epoch" if record.state != "complete" else "result"
        lines.append(table(["metric", where], rows[:30]))
    return "\n\n".join(lines)


def model_markdown(study: str, record: TrialRecord) -> str:
    """The description of a trial's model, for its page: what it is and what it was trained on."""
    data = record.config.dataset.name
    return "\n\n".join([
        f"**{inline(record.config.model.name)}, {record.label} of the study {inline(study)}: "
        f"{inline(_outcome(record))}**",
        f"Trained on {inline(data)}, which it takes as they are held there. Schedule: "
        f"{words.schedule(record)}.",
        *([ON_TEST_SET] if record.config.dataset.on_test_set else []),
        "For inference: without the optimizer, which the trial's folder keeps.",
    ])  # fmt: skip


def summary(study: StudyRecord) -> str:
    """The end of a sweep in a few lines of plain text, for the terminal."""
    if study.comparison is not None:
        return f"{study.name}: {words.counts(study)}\n{_cost(study)}"
    comparison = compare(study)
    lines = [f"{study.name}: {words.counts(study)}", comparison.verdict, _cost(study)]
    if (found := verdict(study)) is not None:
        lines[1:2] = [found.headline, *found.answers, *found.notes]
        lines.append(_cost_of_comparison(study))
    if study.reason:
        lines.append(f"{words.capital(study.reason)}.")
    lines += warnings(study)
    if study.best is not None:
        lines.append(f"Best configuration: {export_command(study)}")
    return "\n".join(lines)


def _chosen(study: StudyRecord, best: TrialRecord) -> TrialRecord:
    """The best trial; where a comparison has chosen another one with fresh seeds, that."""
    number = chosen_trial(study)
    return best if number is None else study.trial(number)


def export_command(study: StudyRecord) -> str:
    """How the best configuration is written to a file, as a command."""
    best = study.best
    chosen = None if best is None else _chosen(study, best)
    trial = f" --trial {chosen.number}" if chosen is not None and chosen is not best else ""
    return f"clr-sweep export {shlex.quote(study.name)}{trial} -o best.yaml"


def _so_far(study: StudyRecord, planned: int | None) -> str:
    """What stands before a result that is not the last word."""
    if study.best is None or planned is None or study.ended >= planned:
        return ""
    return f"After {study.ended} of {plural(planned, 'trial')}: "


def _cost(study: StudyRecord) -> str:
    runs = [*study.trials, *([study.baseline] if study.baseline is not None else [])]
    cpu, wall = (sum(getattr(r, key) for r in runs) for key in ("cpu_seconds", "wall_seconds"))
    baseline = " and the baseline" if study.baseline is not None else ""
    return (
        f"All trials{baseline} took {duration(cpu, 1)} of CPU time; their times by the clock "
        f"add up to {duration(wall, 1)}."
    )


def _cost_of_comparison(study: StudyRecord) -> str:
    return f"The comparison took {duration(cpu_seconds_more(study), 1)} of CPU time more."


def _comparison_rows(
    best: TrialRecord, comparison: Comparison
) -> tuple[list[str], list[list[str]]]:
    baseline = comparison.baseline
    is_complete = baseline is None or baseline.state == "complete"
    title = "baseline" if baseline is None or is_complete else f"baseline ({baseline.state})"
    rows = [["schedule", words.bounds(best), words.bounds(baseline) if baseline else _NONE, ""]]
    for name in _compared(best):
        metric = words.metric(best.reported(name))
        found = comparison.difference(name)
        ours = {**best.metrics, **best.test_metrics}.get(name)
        if found is not None:
            change = words.change(found.metric, found.best - found.baseline)
            rows.append([metric, *words.pair(found.best, found.baseline), change])
        elif ours is not None:
            rows.append([metric, words.value(ours), _NONE, ""])
    rows.append(["epochs", *(
        words.epochs(curves.epochs_done(record)) if record else _NONE
        for record in (best, baseline)
    ), ""])  # fmt: skip
    rows.append(["CPU s", *(
        f"{record.cpu_seconds:,.1f}" if record else _NONE for record in (best, baseline)
    ), ""])  # fmt: skip
    # A search of a comparison has no baseline to stand beside it.
    shown = 2 if baseline is None else 4
    return ["", best.label, title, "difference"][:shown], [row[:shown] for row in rows]


def _compared(best: TrialRecord) -> list[str]:
    """The objective first, then what else the validation and the test set measure."""
    objective = best.config.objective.metric
    names = [
        name
        for name in compared(best, objective)
        if name == objective or name.startswith(("val_", "test_"))
    ]
    return names[:_MOST_METRICS]


def _trial_rows(study: StudyRecord, number: int) -> tuple[list[str], list[list[str]]]:
    done = study.ranked
    further = list(dict.fromkeys(key for trial in done for key in words.further(trial)))
    further = further[:_MOST_FURTHER]
    with_gamma = any(trial.config.schedule.policy in DECAYING for trial in done)
    head = [
        "trial", words.metric(study.objective), "init_lr", "max_lr", "factor", "policy",
        *(["gamma"] if with_gamma else []),
        *(inline(words.shorten(name, 40)) for name in further), "epochs", "CPU s",
    ]  # fmt: skip
    return head, [_trial_row(trial, further, with_gamma) for trial in done[:number]]


def _trial_row(trial: TrialRecord, further: Sequence[str], with_gamma: bool) -> list[str]:
    schedule = trial.config.schedule
    values = words.further(trial)
    gamma = f"{schedule.gamma:.7g}" if schedule.policy in DECAYING else _NONE
    return [
        str(trial.number),
        words.value(trial.value if trial.value is not None else float("nan")),
        words.rate(schedule.init_lr) if schedule.is_cyclical else _NONE,
        words.rate(schedule.max_lr),
        f"{schedule.step_size_factor:.4g}" if schedule.is_cyclical else _NONE,
        schedule.policy,
        *([gamma] if with_gamma else []),
        *(inline(_parameter(values[key])) if key in values else _NONE for key in further),
        words.epochs(curves.epochs_done(trial)),
        f"{trial.cpu_seconds:,.1f}",
    ]


def _parameter(value: object) -> str:
    if isinstance(value, float):
        return words.rate(value)
    return words.shorten(str(value), 40)


def _outcome(record: TrialRecord) -> str:
    name = record.config.objective.metric
    value = curves.shown_value(record, name)
    if value is None:
        return words.state(record)
    last = "" if record.state == "complete" else "last "
    head = words.state(record) if record.state != "complete" or record.reason else "complete"
    return f"{head}, {last}{words.metric(record.reported(name))} {words.value(value)}"
