"""From a search space to a trial's configuration: one `suggest` for live and stored trials."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from clr_sweep.definition.conditions import holds, parents_first
from clr_sweep.definition.dimensions import Range, RatioRange, bounds, largest_below
from clr_sweep.definition.fields import AUTO, Policy
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.search_space import RATIO, SearchSpace, in_whole_numbers
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import ScheduleConfig, TrialConfig
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.schedules import policies

if TYPE_CHECKING:  # `check` does without Optuna
    from optuna.trial import BaseTrial


def suggest(trial: BaseTrial, sweep: Sweep, number: int, examples: int) -> TrialConfig:
    """The configuration of a trial, sampling what the search space leaves open.

    Args:
        number: the trial's number: with the sweep's seed it gives the trial's.
        examples: training examples in all, the validation part included.
    """
    space = sweep.search_space
    policy = _suggest(trial, "policy", space.policy)
    max_lr = float(_suggest(trial, "max_lr", space.max_lr))
    if policy in policies.CYCLICAL:
        schedule = _cyclical(trial, space, policy, max_lr)
    else:
        schedule = acyclic(policy, max_lr)
    values = schedule.hyperparameters
    for key in parents_first(space.further, space.when):
        if holds(space.when.get(key, {}), values):
            values[key] = _suggest(trial, key, space.further[key])
    further = {key: values[key] for key in space.further if key in values}
    return _configure(sweep, further, examples, schedule, trial_seed(sweep.study.seed, number))


def baseline_config(sweep: Sweep, examples: int) -> TrialConfig:
    """The configuration without CLR: everything else as in training, with the first trial's seed.

    A hyperparameter that is searched stands at the value that `training` and `model` give it.
    """
    schedule = acyclic(sweep.baseline.policy, float(sweep.baseline.learning_rate))
    return _configure(sweep, {}, examples, schedule, trial_seed(sweep.study.seed, 0))


def acyclic(policy: Policy, max_lr: float) -> ScheduleConfig:
    """The schedule of a policy without a cycle; its steps are those of a trial, once known."""
    constant = policy == policies.CONSTANT
    return ScheduleConfig(
        policy=policy,
        init_lr=policies.lowest_rate(policy, max_lr),
        max_lr=max_lr,
        step_size_factor=0,
        step_size=0,
        decay_steps=0 if constant else 1,
    )


def range_test_config(sweep: Sweep, number: int, examples: int) -> TrialConfig:
    """What a seed of the range test trains: the baseline's configuration, with a seed of its own.

    A hyperparameter that is searched stands at the value that `training` and `model` give it.

    Args:
        number: of the seed, from 0.
    """
    test, training = sweep.range_test, sweep.training
    config = baseline_config(sweep, examples)
    return config.model_copy(
        update={
            "training": training.model_copy(update={"epochs": test.epochs}),
            "steps": test.epochs * steps_per_epoch(sweep, training.batch_size, examples),
            # Seeds of trials are made from two numbers.
            "seed": seed_of(sweep.study.seed, number, 2),
        }
    )


def with_ranges(sweep: Sweep, suggestion: Suggestion) -> Sweep:
    """The sweep with the ranges of init_lr and max_lr that its range test gave."""
    if not sweep.search_space.awaits_range_test:
        return sweep
    init_lr, max_lr = (
        Range(low=low, high=high, log=True) for low, high in (suggestion.init_lr, suggestion.max_lr)
    )
    update = {"origin": None, "init_lr": init_lr, "max_lr": max_lr}
    return sweep.model_copy(update={"search_space": sweep.search_space.model_copy(update=update)})


def suggested_parameters(sweep: Sweep, suggestion: Suggestion) -> dict[str, Any]:
    """The parameters of the first trial: the pair, triangular, with a factor in the middle.

    What else the space leaves open is left to the sampler.

    Args:
        sweep: with the ranges that the test gave.
    """
    space = sweep.search_space
    high = bounds(_below(space.init_lr, space.max_lr))[1]
    parameters: dict[str, Any] = {"init_lr": min(suggestion.base, high), "max_lr": suggestion.max}
    factor = space.step_size_factor
    if isinstance(factor, tuple):
        parameters["step_size_factor"] = factor[len(factor) // 2]
    elif isinstance(factor, Range):
        whole = in_whole_numbers("step_size_factor", factor)
        reach, step = factor.high - factor.low, factor.step or (1 if whole else None)
        half = reach / 2 if step is None else step * math.floor(reach / 2 / step)
        parameters["step_size_factor"] = factor.low + half
    if isinstance(space.policy, tuple):
        simple = "triangular" in space.policy
        parameters["policy"] = "triangular" if simple else space.policy[0]
    return parameters


def trial_seed(seed: int, number: int) -> int:
    """A trial's seed, from the sweep's seed and the trial's number alone."""
    return seed_of(seed, number)


def seed_of(*numbers: int) -> int:
    """A seed, below 2**32, that has nothing in common with those of other numbers."""
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def steps_per_epoch(sweep: Sweep, batch_size: int, examples: int) -> int:
    """Steps of an epoch as Keras counts them: the last batch may be smaller."""
    return math.ceil((examples - sweep.dataset.held_out(examples)) / batch_size)


def _cyclical(
    trial: BaseTrial, space: SearchSpace, policy: Policy, max_lr: float
) -> ScheduleConfig:
    if isinstance(space.init_lr, RatioRange):
        init_lr = max_lr / float(_suggest(trial, RATIO, space.init_lr.ratio))
    else:
        init_lr = float(_suggest(trial, "init_lr", _below(space.init_lr, space.max_lr)))
    factor = _suggest(trial, "step_size_factor", space.step_size_factor)
    decays_by_step = policy in policies.DECAYING
    return ScheduleConfig(
        policy=policy,
        init_lr=init_lr,
        max_lr=max_lr,
        step_size_factor=factor,
        step_size=1,
        gamma=float(_suggest(trial, "gamma", space.gamma)) if decays_by_step else 1.0,
    )


def _configure(
    sweep: Sweep, further: dict[str, Any], examples: int, schedule: ScheduleConfig, seed: int
) -> TrialConfig:
    training = sweep.training
    batch_size = further.get("batch_size", training.batch_size)
    name = further.get("optimizer", training.optimizer.name)
    own = ("batch_size", "optimizer")
    chosen = {k: v for k, v in further.items() if k not in own and not k.startswith("model.")}
    optimizer = OptimizerConfig(name=name, arguments={**training.optimizer.arguments, **chosen})
    model_arguments = {
        key.removeprefix("model."): value
        for key, value in further.items()
        if key.startswith("model.")
    }
    model = sweep.model.model_copy(
        update={"arguments": {**sweep.model.arguments, **model_arguments}}
    )
    per_epoch = steps_per_epoch(sweep, batch_size, examples)
    plan = schedule.plan(per_epoch, training.epochs, sweep.objective.at)
    if schedule.is_cyclical:
        schedule = schedule.model_copy(update={"step_size": plan.step_size})
    elif schedule.decay_steps:
        schedule = schedule.model_copy(update={"decay_steps": plan.steps})
    return TrialConfig(
        # How examples are read changes no number, and each start says it anew.
        dataset=sweep.dataset.model_copy(update={"in_memory": AUTO}),
        model=model,
        training=training.model_copy(update={"batch_size": batch_size, "optimizer": optimizer}),
        schedule=schedule,
        objective=sweep.objective,
        steps=plan.steps,
        seed=seed,
        split_seed=sweep.study.seed,
    )


def _below(init_lr: Any, max_lr: Any) -> Any:
    """init_lr's range without the bound that it shares with max_lr's, if it shares it.

    Samplers do return the bounds of a range: TPE moves what lies outside to the nearer one.
    """
    below = largest_below(bounds(max_lr)[0])
    if isinstance(init_lr, Range) and init_lr.step is None and init_lr.high > below:
        return init_lr.model_copy(update={"high": below})
    return init_lr


def _suggest(trial: BaseTrial, name: str, dimension: Any) -> Any:
    if isinstance(dimension, tuple):
        return trial.suggest_categorical(name, dimension)
    if not isinstance(dimension, Range):
        return dimension
    if in_whole_numbers(name, dimension):
        step = int(dimension.step or 1)
        low, high = int(dimension.low), int(dimension.high)
        return trial.suggest_int(name, low, high, step=step, log=dimension.log)
    step_size = None if dimension.step is None else float(dimension.step)
    low_float, high_float = float(dimension.low), float(dimension.high)
    return trial.suggest_float(name, low_float, high_float, step=step_size, log=dimension.log)
