"""Before a sweep starts: the data is loaded once, a trial is looked at, its cost estimated."""

from __future__ import annotations

import hashlib
from pathlib import Path

import optuna

from clr_sweep.common.durations import duration
from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.dimensions import bounds
from clr_sweep.definition.factors import cycle_warnings
from clr_sweep.definition.gamma import gamma_warnings
from clr_sweep.definition.optuna_classes import pruner_warning
from clr_sweep.definition.search_space import SearchSpace, in_whole_numbers
from clr_sweep.definition.sweep import DatasetConfig, Sweep
from clr_sweep.definition.sweep_checks import validation_problems
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.engines.base import Engine
from clr_sweep.engines.to_the_end import Job, run_one
from clr_sweep.search.configurations import baseline_config, steps_per_epoch
from clr_sweep.search.reading import trials_left
from clr_sweep.study.progress import Display, Estimate
from clr_sweep.study.slots import at_once, processor
from clr_sweep.training.requests import (
    EVALUATED,
    EVALUATIONS,
    IDENTIFY_MODEL,
    INSPECT_TRIAL,
    PREPARE_DATA,
    DataFacts,
    DataJob,
    Inspection,
    ModelIdentity,
    PreparedData,
    StoredData,
    TrialJob,
)


def prepare_data(
    engine: Engine,
    dataset: DatasetConfig,
    search_path: tuple[Path, ...],
    work: Path,
    stop: StopRequest,
) -> PreparedData:
    """Load the data set in a process of its own, into files that all trials share.

    Data that are those of a function of the user's own are left to it: of them nothing is known but
    what the sweep file says, and that is what their digest is of.
    """
    job = DataJob(dataset.name, dataset.options, search_path, work / "data")
    if (examples := dataset.examples) is not None:
        digest = hashlib.sha256(f"{dataset.name} {examples}".encode()).hexdigest()
        return PreparedData(
            name=dataset.name,
            source=f"{dataset.name}, unseen",
            digest=digest,
            train=examples,
            test=0,
            input_shape=(),
            input_dtype="",
            stored=StoredData(job.into, digest, job),
        )
    facts = run_one(engine, Job(PREPARE_DATA, job, work / "data.log"), stop)
    assert isinstance(facts, PreparedData)
    return facts


def check_sizes(sweep: Sweep, facts: DataFacts, source: str) -> None:
    """Refuse a validation part or a batch that the data, now known, cannot give."""
    if problems := list(validation_problems(sweep, facts.train)):
        raise InputError(problems, source)


def plan_warnings(sweep: Sweep, facts: DataFacts) -> list[str]:
    """What `check` warns of in the plan of a sweep, once the size of its data is known."""
    unphased = pruner_warning(sweep.study.pruner)
    found = [*cycle_warnings(sweep), *([unphased] if unphased else [])]
    return found + gamma_warnings(sweep, _steps_per_epoch(sweep, facts))


def inspect(
    engine: Engine,
    config: TrialConfig,
    facts: PreparedData,
    search_path: tuple[Path, ...],
    work: Path,
    stop: StopRequest,
) -> Inspection:
    """Build a trial's model and time some steps: errors in the user's model show here."""
    job = TrialJob(config, facts.stored, work / "inspection", search_path)
    found = run_one(engine, Job(INSPECT_TRIAL, job, work / "inspection.log"), stop)
    assert isinstance(found, Inspection)
    return found


def identify(
    engine: Engine,
    sweep: Sweep,
    facts: PreparedData,
    search_path: tuple[Path, ...],
    work: Path,
    stop: StopRequest,
) -> ModelIdentity:
    """What the sweep's model is now: that of the baseline, where a search varies its arguments."""
    config = baseline_config(sweep, facts.train)
    job = TrialJob(config, facts.stored, work / "identification", search_path)
    found = run_one(engine, Job(IDENTIFY_MODEL, job, work / "identification.log"), stop)
    assert isinstance(found, ModelIdentity)
    return found


def estimate(
    sweep: Sweep, found: Inspection, facts: DataFacts, trials: int, slots: int
) -> Estimate:
    """What the trials still to run will cost if none is pruned."""
    per_epoch = _steps_per_epoch(sweep, facts)
    space, budget = sweep.search_space, sweep.training.epochs
    epochs = [
        plan_trial(factor, per_epoch, budget, sweep.objective.at).epochs
        for factor in _some_factors(space)
        for _ in space.cyclical_policies
    ]
    epochs += [budget] * 3 * len(space.acyclic_policies)
    dataset = sweep.dataset
    validation = facts.test if dataset.on_test_set else dataset.held_out(facts.train)
    per_epoch_seconds = per_epoch * found.seconds_per_step + validation * found.seconds_per_example
    test, range_test = sweep.range_test, 0.0
    if sweep.search_space.awaits_range_test:
        evaluated = EVALUATIONS * min(EVALUATED, validation)
        range_test = test.seeds * (
            found.fixed_seconds
            + test.epochs * per_epoch * found.seconds_per_step
            + evaluated * found.seconds_per_example
        )
    return Estimate(
        trial_seconds=found.fixed_seconds + per_epoch_seconds * sum(epochs) / len(epochs),
        baseline_seconds=found.fixed_seconds + per_epoch_seconds * sweep.training.epochs,
        trials=trials,
        slots=slots,
        range_test_seconds=range_test,
    )


def _steps_per_epoch(sweep: Sweep, facts: DataFacts) -> int:
    """At the batch size of the sweep; that of trials may differ."""
    return steps_per_epoch(sweep, sweep.training.batch_size, facts.train)


def _some_factors(space: SearchSpace) -> tuple[float, float, float]:
    """The smallest, a middle and the largest step-size factor that trials may have."""
    factor = space.step_size_factor
    low, high = bounds(factor)
    if isinstance(factor, tuple):
        return low, float(sorted(factor)[len(factor) // 2]), high
    whole = in_whole_numbers("step_size_factor", factor)
    return low, (low + high) // 2 if whole else (low + high) / 2, high


def announce_cost(
    sweep: Sweep,
    study: optuna.Study,
    facts: DataFacts,
    engine: Engine,
    display: Display,
    comparison: ComparisonConfig | None,
    found: Inspection,
) -> None:
    """Say what is left of a sweep will cost, from a look at a trial.

    Args:
        comparison: that comes after it, if one does.
    """
    left, trials = trials_left(study, sweep.study.trials), sweep.study.trials
    step = f"{found.seconds_per_step * 1000:.1f} ms"
    # Of a function of the user's own the first epoch is known, with all that it prepared in it.
    took = f"a training step of the first epoch took {step}"
    if found.model is not None:
        took = f"the model has {found.model.parameters:,} parameters, a training step takes {step}"
    cost = estimate(sweep, found, facts, left, engine.slots)
    display.say(f"{left} of {trials} trials to run, {at_once(engine)}; {took}")
    display.slots = engine.slots
    display.expect(cost)
    less = "" if str(sweep.study.pruner) in ("none", "NopPruner") else "; less with pruning"
    if sweep.study.stop_when is not None:
        less += f"{' and' if less else '; less'} where study.stop_when ends it"
    where = " (as measured on one of the nodes)" if engine.place else ""
    display.say(
        f"at most {duration(cost.cpu_seconds)} of {processor(engine)} for the training, about "
        f"{duration(cost.wall_seconds)} by the clock{where}{less}"
    )
    if comparison is not None:
        more = duration(cost.comparison_seconds(comparison, trials))
        display.say(
            f"then a comparison: {comparison.describe_trainings(trials)}, at most {more} of "
            f"{processor(engine)} more"
        )
