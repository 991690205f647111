"""`clr-sweep check`: what a sweep would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from clr_sweep.common.durations import duration
from clr_sweep.common.errors import InputError, problems_in
from clr_sweep.definition.dimensions import Range, listed, with_arguments
from clr_sweep.definition.factors import cycle_warnings, shown_factors
from clr_sweep.definition.fields import READ_AT
from clr_sweep.definition.final_rate import final_rates
from clr_sweep.definition.gamma import gamma_warnings
from clr_sweep.definition.loading import load_sweep, search_path
from clr_sweep.definition.optimizers import momentum_argument
from clr_sweep.definition.optuna_classes import pruner_warning
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.study_config import not_all_trained
from clr_sweep.definition.sweep import ON_TEST_SET, Sweep
from clr_sweep.definition.trial_plan import TrialPlan, plan_trial, plan_whole_budget
from clr_sweep.schedules import policies
from clr_sweep.search.configurations import steps_per_epoch
from clr_sweep.training.data.datasets import training_examples


def describe_plan(
    file: Path, say: Callable[[str], None] = lambda _: None, *, measure: bool = False
) -> str:
    """The plan of a sweep file, as text.

    Args:
        say: told what is under way, where it takes time.
        measure: load the data, build the model and time some steps; else nothing is imported
            that takes time, and of a `module:function` data set the size stays open.
    """
    sweep = load_sweep(file)
    own_data = sweep.dataset.examples
    examples = own_data or training_examples(
        sweep.dataset.name, sweep.dataset.options, search_path(file)
    )
    if sweep.training.function is not None:
        if measure:
            raise InputError(
                "--measure: the steps are those of training.function, which is not called for a "
                "look: the first epoch of a run tells what a trial costs"
            )
        cost = list(_by_function(sweep))
    elif measure:
        examples, cost = _measured(sweep, file, say)
    else:
        cost = [
            "labels: not looked at (run holds them against training.loss before its first step, "
            "and so does --measure)",
            "time: not measured (--measure times some training steps on this machine)",
        ]
    with problems_in(str(file)):  # what only a look at another study shows
        plan = list(_lines(sweep, examples))
    return "\n".join([f"{file}: valid", *plan, *cost])


def _lines(sweep: Sweep, examples: int | None) -> Iterator[str]:
    training, study = sweep.training, sweep.study
    yield (
        f"study: {sweep.study_name}, {study.trials} trials, sampler {study.sampler}, "
        f"pruner {study.pruner}, seed {study.seed}"
    )
    if (warning := pruner_warning(study.pruner)) is not None:
        yield warning
    yield from _start_and_end(sweep)
    objective = sweep.objective
    yield f"objective: {objective.direction} {objective.metric} {READ_AT[objective.at]}"
    if sweep.search_space.awaits_range_test:
        yield from _range_test(sweep)
    yield "search space:"
    for name in sweep.search_space.dimensions:
        if _is_read(name, sweep.search_space):
            yield f"  {name}: {sweep.search_space.describe(name)}"
    yield (
        f"training: {with_arguments(sweep.model.name, sweep.model.arguments)}, "
        f"{_optimizer(sweep)}, batch size {training.batch_size}, "
        f"at most {_epochs(training.epochs)}"
    )
    if (engine := sweep.engine).name == "ray":
        yield (
            f"engine: ray, the cluster {engine.address}, {engine.cpus:g} CPUs and "
            f"{engine.gpus:g} GPUs a trial"
        )
    if training.precision != "float32":
        yield f"precision: {training.precision}"
    if len(training.outputs) > 1:
        yield f"losses: {training.loss}"
    if (weights := training.class_weights) is not None:
        yield f"class weights: {weights}"
    if training.sample_weight is not None:
        yield f"sample weights: {training.sample_weight}"
    if training.cycle_momentum is not None:
        low, high = training.cycle_momentum.low, training.cycle_momentum.high
        argument = momentum_argument(training.optimizer.name) or "momentum"
        yield f"{argument}: cycled from {high:g} down to {low:g} while the rate rises, and back"
    if (rule := training.early_stopping) is not None:
        by = f" by more than {rule.min_delta:g}" if rule.min_delta else ""
        many = f"{rule.patience} troughs that do" if rule.patience > 1 else "a trough that does"
        yield f"early stopping: after {many} not improve{by}"
    yield f"baseline: {sweep.baseline.policy} learning rate {sweep.baseline.learning_rate}"
    yield from _comparison(sweep)
    if sweep.dataset.on_test_set:
        yield ON_TEST_SET
    if examples is None:
        yield f"data: {sweep.dataset.name} (its size is known once it is loaded: --measure)"
        yield from cycle_warnings(sweep)
        return
    per_epoch = steps_per_epoch(sweep, training.batch_size, examples)
    held_out = sweep.dataset.held_out(examples)
    validated = "none" if sweep.dataset.on_test_set else f"{held_out:,}"
    parts = f"{examples - held_out:,} examples to train on, {validated} held out for validation"
    if sweep.dataset.examples is not None:
        parts = f"its own, {examples:,} examples an epoch"
    yield f"data: {sweep.dataset.name}, {parts}, {per_epoch:,} steps per epoch"
    if "batch_size" in sweep.search_space.further:
        yield f"  (at batch size {training.batch_size}; the trials' own differ)"
    yield from _cycles(sweep, per_epoch)


def _optimizer(sweep: Sweep) -> str:
    """The optimizer; whether a function takes the sweep's shows when it is called."""
    optimizer = sweep.training.optimizer
    return (
        f"{optimizer}" if sweep.training.function is None else f"trial.optimizer() is {optimizer}"
    )


def _by_function(sweep: Sweep) -> Iterator[str]:
    """What a sweep does without whose trials a function of the user's own trains."""
    yield (
        "trained by a function: an interrupted trial starts over; single steps are not recorded; "
        "the same numbers to the bit as far as the function gives them"
    )
    if sweep.training.evaluate is None:
        yield "no test set: training.evaluate would evaluate the best trial and the baseline on one"


def _start_and_end(sweep: Sweep) -> Iterator[str]:
    study = sweep.study
    if study.start_with:
        yield "starts with, what is left out is sampled:"
        yield from (f"  {listed(given)}" for given in study.start_with)
    yield from not_all_trained("start_with", len(study.start_with), study.trials)
    if study.warm_start is not None:
        # Here alone Optuna is needed, to look at the other study.
        from clr_sweep.search.starting_trials import warm_start_lines
        from clr_sweep.search.warm_start import looked_up

        yield from warm_start_lines(sweep, looked_up(sweep))
    if (rule := study.stop_when) is not None:
        yield f"stops when {rule.describe()}"


def _comparison(sweep: Sweep) -> Iterator[str]:
    plan = sweep.comparison
    if plan is None:
        return
    many = f", all of it in {plan.searches} independent searches" if plan.searches > 1 else ""
    yield (
        f"comparison: with {', '.join(plan.rivals)}, each by a search of its own; then the best "
        f"{plan.finalists} of each search with {plan.finalist_seeds} fresh seeds, and the winners "
        f"with {plan.seeds} on the test set{many}"
    )
    yield f"  {plan.describe_trainings(sweep.study.trials)}"


def _cycles(sweep: Sweep, per_epoch: int) -> Iterator[str]:
    epochs, trials = sweep.training.epochs, sweep.study.trials
    whole = plan_whole_budget(per_epoch, epochs)
    cyclical, acyclic = sweep.search_space.cyclical_policies, sweep.search_space.acyclic_policies
    mean = float(epochs)
    if cyclical:
        at = sweep.objective.at
        plans = {f: plan_trial(f, per_epoch, epochs, at) for f in shown_factors(sweep)}
        yield from _by_factor(sweep, plans)
        yield from cycle_warnings(sweep)
        yield from gamma_warnings(sweep, per_epoch)
        of_cycles = sum(plan.epochs for plan in plans.values()) / len(plans)
        mean = (len(cyclical) * of_cycles + len(acyclic) * epochs) / len(cyclical + acyclic)
    if acyclic:
        yield (
            f"without cycles ({', '.join(acyclic)}): {_epochs(epochs)}, {whole.steps:,} steps, "
            f"ending with the budget"
        )
    total, tested, test = trials * mean + epochs, "", sweep.range_test
    without = ", the comparison left out" if sweep.comparison is not None else ""
    if sweep.search_space.awaits_range_test:
        total += test.seeds * test.epochs
        tested = f", {test.seeds * test.epochs} for the range test"
    yield (
        f"cost without pruning: {trials} trials of {mean:.1f} epochs on average and {epochs} for "
        f"the baseline{tested}, {total:,.0f} epochs or {total * per_epoch:,.0f} steps in all"
        f"{without}"
    )


def _by_factor(sweep: Sweep, plans: Mapping[float, TrialPlan]) -> Iterator[str]:
    yield "cycles of a trial, by step-size factor (half a cycle = factor x steps per epoch):"
    yield "  factor  step size  whole cycles  epochs      steps  final rate"
    for factor, plan in plans.items():
        row = (
            f"  {factor:>6g}  {plan.step_size:>9,}  {plan.cycles:>12}  {plan.epochs:>6}  "
            f"{plan.steps:>9,}  "
        )
        ends = _final_rates(sweep, plan)
        yield row + ends[0]
        yield from (" " * len(row) + end for end in ends[1:])


def _is_read(name: str, space: SearchSpace) -> bool:
    """Whether a policy of the space uses the dimension."""
    if name == "gamma":
        return not set(policies.DECAYING).isdisjoint(space.cyclical_policies)
    return bool(space.cyclical_policies) or name not in ("init_lr", "step_size_factor")


def _final_rates(sweep: Sweep, plan: TrialPlan) -> list[str]:
    """The rate at a trial's end: one for all policies, or one for each where they differ."""
    rates = final_rates(sweep.search_space, plan)
    if len(set(rates.values())) == 1:
        return list(rates.values())[:1]
    return [f"{policy}: {rate}" for policy, rate in rates.items()]


def _range_test(sweep: Sweep) -> Iterator[str]:
    test = sweep.range_test
    seeds = f"{test.seeds} seed{'s' if test.seeds > 1 else ''}"
    yield (
        f"range test: the first stage, it gives init_lr and max_lr; {seeds} of "
        f"{_epochs(test.epochs)}, {test.ramp} from {test.low:g} to {test.high:g}, rule {test.rule}"
    )
    settings = [
        key
        for key, value in sweep.search_space.further.items()
        if isinstance(value, (Range, tuple))
    ]
    if settings:
        yield (
            f"warning: the range test is done at the values of training and model; bounds do not "
            f"carry over to others, and the space varies {', '.join(settings)}"
        )


def _epochs(count: int) -> str:
    return f"{count} epoch{'s' if count > 1 else ''}"


def _measured(sweep: Sweep, file: Path, say: Callable[[str], None]) -> tuple[int, list[str]]:
    from clr_sweep.common.scratch import scratch_folder
    from clr_sweep.common.stopping import stop_request
    from clr_sweep.engines.local.engine import local_engine
    from clr_sweep.search.configurations import baseline_config
    from clr_sweep.study.preparation import check_sizes, estimate, inspect, prepare_data
    from clr_sweep.study.slots import at_once, processor, take_slots

    folders = search_path(file)
    with stop_request() as stop, scratch_folder() as work, local_engine() as engine:
        take_slots(engine, sweep.study, work, stop)
        say(f"loading {sweep.dataset.name}")
        facts = prepare_data(engine, sweep.dataset, folders, work, stop)
        check_sizes(sweep, facts, str(file))
        config = baseline_config(sweep, facts.train)
        say("taking some training steps, to time them")
        found = inspect(engine, config, facts, folders, work, stop)
    cost = estimate(sweep, found, facts, sweep.study.trials, engine.slots)
    unit, compared = processor(engine), ""
    if sweep.comparison is not None:
        more = cost.comparison_seconds(sweep.comparison, sweep.study.trials)
        compared = f"; the comparison at most {duration(more)} of {unit} more"
    return facts.train, [
        f"time: a training step takes {found.seconds_per_step * 1000:.1f} ms of {unit} here, a "
        f"trial about {duration(cost.trial_seconds)}; in all at most "
        f"{duration(cost.cpu_seconds)} of {unit}, {duration(cost.wall_seconds)} with "
        f"{at_once(engine)}{compared}",
    ]
