"""`clr-sweep check`: what a sweep would do, without doing it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from clr_sweep.config import Sweep
from clr_sweep.cycles import plan_trial
from clr_sweep.dimensions import Range, bounds, describe
from clr_sweep.schedules import policies
from clr_sweep.sweep_file import load_sweep, search_path
from clr_sweep.training.datasets import training_examples
from clr_sweep.words import duration

# More factors than this are shown by their smallest, middle and largest.
FACTORS_SHOWN = 16


def describe_plan(file: Path, *, measure: bool = False) -> str:
    """The plan of a sweep file, as text.

    Args:
        measure: load the data, build the model and time some steps; else nothing is imported
            that takes time, and of a `module:function` data set the size stays open.
    """
    sweep = load_sweep(file)
    examples = training_examples(sweep.dataset.name, search_path(file))
    if measure:
        examples, cost = _measured(sweep, file)
    else:
        cost = ["time: not measured (--measure times some training steps on this machine)"]
    return "\n".join([f"{file}: valid", *_lines(sweep, examples), *cost])


def cycle_warnings(sweep: Sweep) -> list[str]:
    """What is wrong with comparing trials of this space at their ends, if anything."""
    if sweep.objective.at == "best":
        return []
    short, off = [], []
    for factor in _factors(sweep):
        # The answer does not hang on the steps of an epoch; many make the rounding small.
        plan = plan_trial(factor, 1000, sweep.training.epochs, sweep.objective.at)
        if not plan.cycles:
            short.append(factor)
        elif not plan.at_trough:
            off.append(factor)
    warnings = []
    if short:
        needed = -(-2 * max(short) // 1)
        warnings.append(
            f"warning: {sweep.training.epochs} epochs hold no whole cycle of the step-size "
            f"factor{'s' if len(short) > 1 else ''} {', '.join(f'{f:g}' for f in short)}: such "
            f"trials end before their trough and are not comparable; {needed:g} epochs would do"
        )
    if off:
        warnings.append(
            f"warning: with objective.at: {sweep.objective.at} the factors "
            f"{', '.join(f'{f:g}' for f in off)} do not end at a trough; cycle_end would"
        )
    return warnings


def _lines(sweep: Sweep, examples: int | None) -> Iterator[str]:
    training, study = sweep.training, sweep.study
    yield f"study: {sweep.study_name}, {study.trials} trials, sampler {study.sampler}, " + (
        f"pruner {study.pruner}, seed {study.seed}"
    )
    yield f"objective: {sweep.objective.direction} {sweep.objective.metric} at {sweep.objective.at}"
    yield "search space:"
    for name, dimension in sweep.search_space.dimensions.items():
        yield f"  {name}: {describe(dimension)}"
    arguments = "".join(f", {k} {v}" for k, v in training.optimizer.arguments.items())
    yield (
        f"training: {sweep.model.name}, {training.optimizer.name}{arguments}, "
        f"batch size {training.batch_size}, up to {training.epochs} epochs"
    )
    yield f"baseline: constant learning rate {sweep.baseline.learning_rate}"
    if examples is None:
        yield f"data: {sweep.dataset.name} (its size is known once it is loaded: --measure)"
        yield from cycle_warnings(sweep)
        return
    from clr_sweep.search.space import steps_per_epoch

    per_epoch = steps_per_epoch(sweep, training.batch_size, examples)
    held_out = sweep.dataset.held_out(examples)
    yield (
        f"data: {sweep.dataset.name}, {examples - held_out:,} examples to train on, "
        f"{held_out:,} held out for validation, {per_epoch} steps per epoch"
    )
    if "batch_size" in sweep.search_space.further:
        yield f"  (at batch size {training.batch_size}; the trials' own differ)"
    yield "cycles per trial, by step-size factor (half a cycle = factor x steps per epoch):"
    yield "  factor  step_size  whole cycles  epochs  steps   final rate"
    epochs = 0.0
    factors = _factors(sweep)
    for factor in factors:
        plan = plan_trial(factor, per_epoch, training.epochs, sweep.objective.at)
        epochs += plan.epochs / len(factors)
        place = float(policies.position(plan.steps, plan.step_size))
        end = "init_lr (trough)" if plan.at_trough else f"{place:.0%} of the way to the peak"
        yield (
            f"  {factor:<6g}  {plan.step_size:<9}  {plan.cycles:<12}  {plan.epochs:<6}  "
            f"{plan.steps:<6}  {end}"
        )
    yield from cycle_warnings(sweep)
    yield (
        f"cost without pruning: {study.trials} trials x {epochs:.1f} epochs on average + "
        f"{training.epochs} for the baseline = {study.trials * epochs + training.epochs:,.0f} "
        f"epochs, {(study.trials * epochs + training.epochs) * per_epoch:,.0f} steps"
    )


def _factors(sweep: Sweep) -> list[float]:
    dimension = sweep.search_space.step_size_factor
    if isinstance(dimension, Range):
        step = dimension.step or (1 if dimension.is_integer else None)
        low, high = bounds(dimension)
        if step is not None and (high - low) / step < FACTORS_SHOWN:
            return [low + i * float(step) for i in range(round((high - low) / step) + 1)]
        return [low, (low + high) / 2, high]
    values = dimension if isinstance(dimension, tuple) else (dimension,)
    return sorted(float(value) for value in values)  # type: ignore[arg-type]


def _measured(sweep: Sweep, file: Path) -> tuple[int, list[str]]:
    from clr_sweep.engines.local import local_engine
    from clr_sweep.preparation import check_sizes, estimate, inspect, prepare_data, usable_cores
    from clr_sweep.search.space import baseline_config
    from clr_sweep.stopping import stop_request

    slots = sweep.study.jobs or usable_cores()
    folders = search_path(file)
    with tempfile.TemporaryDirectory(prefix="clr-sweep-") as name, stop_request() as stop:
        work = Path(name)
        with local_engine(1) as engine:
            dataset = sweep.dataset
            facts = prepare_data(engine, dataset.name, dataset.folder, folders, work, stop)
            check_sizes(sweep, facts, str(file))
            config = baseline_config(sweep, facts.train)
            found = inspect(engine, config, facts, folders, work, stop)
    cost = estimate(sweep, found, facts, sweep.study.trials, slots)
    return facts.train, [
        f"time: a training step takes {found.seconds_per_step * 1000:.1f} ms of CPU here, a "
        f"trial about {duration(cost.trial_seconds)}; in all at most "
        f"{duration(cost.cpu_seconds)} of CPU, {duration(cost.wall_seconds)} with {slots} at once",
    ]
