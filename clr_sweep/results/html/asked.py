"""What was asked: model, data, space, trials, objective."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from clr_sweep.common.counts import plural
from clr_sweep.definition.dimensions import with_arguments
from clr_sweep.definition.fields import READ_AT
from clr_sweep.definition.search_space import RATES
from clr_sweep.definition.sweep import Sweep
from clr_sweep.results import words
from clr_sweep.results.html.views import Section, Table
from clr_sweep.training.data.named import by_name
from clr_sweep.training.records import StudyRecord, StudySource


def asked_section(study: StudyRecord) -> Section:
    """The question of the sweep, as its definition has it."""
    source, title = study.source, "What was asked"
    if source is None:
        return Section("asked", title)
    sweep = source.sweep
    about = (sweep.description,) if sweep.description else ()
    facts = (*_facts(study, source, sweep), *_comparison(study))
    return Section("asked", title, about, facts, tables=(_space(sweep),))


def _facts(study: StudyRecord, source: StudySource, sweep: Sweep) -> Iterator[tuple[str, str]]:
    training, objective = sweep.training, sweep.objective
    has_own = any(trial.has_own_optimizer for trial in study.trials)
    optimizer = "an optimizer of the function's own" if has_own else str(training.optimizer)
    yield "Model", with_arguments(sweep.model.name, sweep.model.arguments)
    yield "Data", _data(sweep, source.data)
    yield (
        "Training",
        f"{optimizer}, batch size "
        f"{training.batch_size}, {training.loss}, at most "
        f"{words.of_epochs(str(training.epochs))}"
        + ("" if training.precision == "float32" else f", {training.precision}")
        + ("" if training.class_weights is None else f", class weights {training.class_weights}")
        + ("" if training.sample_weight is None else f", weighed by {training.sample_weight}"),
    )
    yield (
        "Objective",
        f"{objective.direction} {words.metric(study.objective)}, read {READ_AT[objective.at]}",
    )
    yield (
        "Search",
        f"{plural(study.planned or sweep.study.trials, 'trial')}, sampler "
        f"{sweep.study.sampler}, pruner {sweep.study.pruner}, seed {sweep.study.seed}",
    )
    if sweep.study.start_with:
        yield "Starts with", f"{plural(len(sweep.study.start_with), 'trial')} given to it"
    if (start := sweep.study.warm_start) is not None:
        yield "Begins with", start.describe()
    if (rule := sweep.study.stop_when) is not None:
        yield "Stops when", rule.describe()
    baseline = sweep.baseline
    if study.is_tested:  # what is searched for a comparison has none
        rate = words.rate(float(baseline.learning_rate))
        yield "Baseline", f"{baseline.policy} learning rate {rate}"


def _comparison(study: StudyRecord) -> Iterator[tuple[str, str]]:
    record = study.comparisons[-1].comparison if study.comparisons else None
    if record is None:
        return
    rivals = ", ".join(
        f"{arm.name} ({plural(arm.trials, 'trial')})" for arm in record.arms if arm.kind == "rival"
    )
    margin = "no margin of equivalence"
    if record.margin is not None:
        margin = f"equivalent within {words.difference(study.objective, record.margin)}"
    has_finalists = any(len(arm.entries) > 1 for arm in record.arms)
    chosen = (
        f"{plural(record.finalist_seeds, 'fresh seed')} for each finalist, "
        if has_finalists
        else ""
    )
    searches = f", {len(study.searches)} searches of each arm" if study.searches else ""
    yield (
        "Comparison",
        f"with {rivals}, each by a search of its own{searches}; "
        f"{chosen}{plural(record.seeds, 'fresh seed')} for the finals; {margin}",
    )


def _data(sweep: Sweep, data: Mapping[str, object]) -> str:
    parts = [sweep.dataset.name]
    train, test = data.get("train"), data.get("test")
    if isinstance(train, int):
        held_out = sweep.dataset.held_out(train)
        parts.append(f"{words.count(train - held_out)} examples to train on")
        if held_out:
            parts.append(f"{words.count(held_out)} held out of them for validation")
    if isinstance(test, int) and test:
        also = " and to validate on" if sweep.dataset.on_test_set else ""
        parts.append(f"{words.count(test)} to test on{also}")
    if shape := cast("list[int] | dict[str, list[int]] | None", data.get("input_shape")):
        dtypes = by_name(cast("str | dict[str, str]", data.get("input_dtype")))
        values = [
            f"{' x '.join(map(str, of_each)) or '1'} values of {dtypes[name]}"
            + ("" if name is None else f" ({name})")
            for name, of_each in by_name(shape).items()
        ]
        parts.append(f"an example is {' and '.join(values)}")
    return ", ".join(parts)


def _space(sweep: Sweep) -> Table:
    space = sweep.search_space
    rows = [(name, space.describe(name)) for name in space.dimensions]
    if sweep.search_space.awaits_range_test:
        rows = [(name, "what the range test will give") for name in RATES] + rows
    return Table("The search space", ("hyperparameter", "values"), tuple(rows))
