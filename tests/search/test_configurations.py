"""From a search space to a trial's configuration."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from suggested_bounds import EXAMPLES, Bounds
from written_sweeps import sweep

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.definition.trial_plan import cycles_within
from clr_sweep.schedules import cycles, policies
from clr_sweep.search.configurations import baseline_config, steps_per_epoch, suggest, trial_seed
from clr_sweep.search.sampling import make_sampler


def ask(sampler: optuna.samplers.BaseSampler) -> tuple[optuna.Study, optuna.Trial]:
    study = optuna.create_study(sampler=sampler)
    return study, study.ask()


@pytest.mark.parametrize("sampler", ["random", "tpe", "qmc"])
def test_values_lie_in_the_space(sampler: str) -> None:
    """Each sampler of a sweep gives values of the ranges, of the kinds that they have."""
    made = sweep(
        {
            "study.sampler": sampler,
            "search_space.gamma": {"low": 0.999, "high": 0.9999},
            "search_space.batch_size": {"low": 16, "high": 64, "step": 16},
            "search_space.momentum": {"low": 0, "high": 1},
            "search_space.nesterov": [True, False],
            "search_space.model.dropout": {"low": 0.0, "high": 0.5, "step": 0.1},
        }
    )
    study = optuna.create_study()
    momenta = set()
    for _ in range(12):
        study.sampler = make_sampler(made, len(study.trials))
        trial = study.ask()
        config = suggest(trial, made, trial.number, EXAMPLES)
        schedule, arguments = config.schedule, config.training.optimizer.arguments
        assert 1e-4 <= schedule.init_lr < 1e-2 <= schedule.max_lr <= 1
        assert schedule.step_size_factor in range(2, 9)
        assert isinstance(schedule.step_size_factor, int)
        assert 0.999 <= schedule.gamma <= 0.9999 or schedule.policy != "exp_range"
        assert (schedule.gamma == 1.0) == (schedule.policy != "exp_range")
        assert config.training.batch_size in (16, 32, 48, 64)
        assert isinstance(arguments["nesterov"], bool)
        assert config.model.arguments["dropout"] in [step * 0.1 for step in range(6)]
        momenta.add(arguments["momentum"])
        study.tell(trial, schedule.max_lr)
    assert len(momenta) > 2  # whole numbers as bounds of a momentum mean real numbers


@given(
    factor=st.floats(0.1, 20) | st.integers(1, 12),
    epochs=st.integers(1, 40),
    batch_size=st.integers(1, 3000),
    validation=st.integers(1, 40000) | st.floats(0.01, 0.9),
)
def test_steps_end_at_a_trough(
    factor: float, epochs: int, batch_size: int, validation: float
) -> None:
    """A trial ends at the last trough of its own schedule within its budget, if there is one."""
    made = sweep(
        {
            "search_space.step_size_factor": factor,
            "training": {"epochs": epochs, "batch_size": batch_size},
            "dataset.validation": validation,
        }
    )
    config = suggest(Bounds([]), made, 0, EXAMPLES)
    trained = EXAMPLES - made.dataset.held_out(EXAMPLES)
    per_epoch = math.ceil(trained / batch_size)
    assert steps_per_epoch(made, batch_size, EXAMPLES) == per_epoch
    size = config.schedule.step_size
    whole = max(1, round(factor * per_epoch))
    promised = cycles_within(factor, epochs)
    assert size == whole or (promised and whole - 1 <= size < whole)
    assert epochs * per_epoch // (2 * size) >= promised
    ends = cycles.troughs(epochs * per_epoch, size)
    assert config.steps == (ends[-1] if ends else epochs * per_epoch)


def test_the_batch_size_that_is_sampled_decides_the_steps() -> None:
    """Half a cycle is counted in epochs, so larger batches make it fewer steps."""
    made = sweep({"search_space.batch_size": [64, 128], "search_space.step_size_factor": 2})
    small, large = (suggest(Bounds(upper), made, 0, EXAMPLES) for upper in ([], ["batch_size"]))
    assert (small.training.batch_size, small.schedule.step_size) == (64, 1688)
    assert (large.training.batch_size, large.schedule.step_size) == (128, 844)


def test_a_fixed_value_is_not_sampled() -> None:
    """Fixed dimensions are no parameters of the study."""
    made = sweep(
        {
            "search_space": {
                "init_lr": 0.001,
                "max_lr": 0.1,
                "step_size_factor": 2.5,
                "policy": "exp_range",
                "momentum": 0,
            }
        }
    )
    study, trial = ask(optuna.samplers.RandomSampler(seed=0))
    config = suggest(trial, made, 0, EXAMPLES)
    assert study.trials[0].params == {}
    assert (config.schedule.init_lr, config.schedule.max_lr) == (0.001, 0.1)
    assert (config.schedule.policy, config.schedule.gamma) == ("exp_range", 0.99994)
    assert repr(config.training.optimizer.arguments) == "{'momentum': 0.0}"


def test_further_hyperparameters_go_where_they_belong() -> None:
    """To the training, to the optimizer beside the arguments it has, and to the model."""
    made = sweep(
        {
            "training.optimizer": {"name": "sgd", "arguments": {"momentum": 0.5, "clipnorm": 1}},
            "model.arguments": {"dropout": 0.1, "classes": 10},
            "search_space.optimizer": ["sgd", "rmsprop"],
            "search_space.momentum": [0, 0.9],
            "search_space.model.dropout": 0.3,
        }
    )
    config = suggest(Bounds(["optimizer", "momentum"]), made, 3, EXAMPLES)
    assert config.training.optimizer.name == "rmsprop"
    assert config.training.optimizer.arguments == {"momentum": 0.9, "clipnorm": 1.0}
    assert config.model.arguments == {"dropout": 0.3, "classes": 10}
    assert config.split_seed == 42


SPACE = {
    "search_space.gamma": {"low": 0.999, "high": 0.9999},
    "search_space.batch_size": [32, 64],
    "search_space.momentum": {"low": 0, "high": 0.9, "step": 0.1},
    "search_space.model.dropout": {"low": 0.0, "high": 0.5},
}


@pytest.mark.parametrize("ratio", [False, True])
def test_stored_trials_give_the_same_configuration(ratio: bool) -> None:
    """One `suggest` for a live trial, a stored one, and parameters alone."""
    changes: dict[str, Any] = dict(SPACE)
    if ratio:
        changes["search_space.init_lr"] = {"ratio": {"low": 3, "high": 100, "log": True}}
    made = sweep(changes)
    for seed in range(5):
        study, trial = ask(optuna.samplers.RandomSampler(seed=seed))
        live = suggest(trial, made, 7, EXAMPLES)
        stored = study.trials[0]
        assert suggest(stored, made, 7, EXAMPLES) == live
        assert suggest(optuna.trial.FixedTrial(stored.params), made, 7, EXAMPLES) == live
        assert TrialConfig.model_validate_json(live.model_dump_json()) == live


@given(
    seed=st.integers(0, 2**32 - 1),
    numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=2, unique=True),
)
def test_seeds_are_of_the_sweep_and_the_number_alone(seed: int, numbers: list[int]) -> None:
    """A trial's seed hangs on nothing else: not on the space, the sampler or what came before."""
    first, second = numbers
    made = sweep({"study.seed": seed})
    other = sweep({"study": {"seed": seed, "sampler": "random"}, "search_space.momentum": 0.5})
    assert suggest(Bounds([]), made, first, EXAMPLES).seed == trial_seed(seed, first)
    assert suggest(Bounds(["max_lr"]), other, first, 1000000).seed == trial_seed(seed, first)
    assert trial_seed(seed, first) != trial_seed(seed, second) or seed == second
    assert 0 <= trial_seed(seed, first) < 2**32


def test_seeds_stay_what_they_are() -> None:
    """A study that is continued, or trained again, by a later version has the same seeds."""
    seeds = [trial_seed(42, number) for number in range(3)]
    assert seeds == [3444837047, 3329053876, 955475868]


ALL = {"search_space.policy": list(policies.POLICIES)}


@pytest.mark.parametrize("policy", policies.POLICIES)
def test_a_policy_has_its_own_parameters(policy: str) -> None:
    """init_lr and the factor are those of cycles, gamma that of the exp_ranges."""
    made = sweep({**ALL, "search_space.gamma": {"low": 0.999, "high": 0.9999}})
    study = optuna.create_study()
    study.enqueue_trial({"policy": policy, "max_lr": 0.5})
    config = suggest(study.ask(), made, 0, EXAMPLES)
    schedule = config.schedule
    names = {"policy", "max_lr"}
    if policy in policies.CYCLICAL:
        names |= {"init_lr", "step_size_factor"}
        assert schedule.step_size == schedule.step_size_factor * 844
        assert schedule.decay_steps == 0
    else:
        assert schedule.step_size == schedule.step_size_factor == 0
        assert config.steps == 16 * 844
        assert schedule.decay_steps == (0 if policy == "constant" else config.steps)
    if policy.startswith("exp_range"):
        names |= {"gamma"}
    else:
        assert schedule.gamma == 1
    assert set(study.trials[0].params) == names
    assert (schedule.policy, schedule.max_lr) == (policy, 0.5)
    lowest = {"constant": 0.5, "linear": 0, "cosine": 0, "one_cycle": 0.5 / 25 / 1e4}
    assert schedule.init_lr == lowest.get(policy, study.trials[0].params.get("init_lr"))
    # What is stored comes back as it was: no rounding makes it another schedule.
    assert TrialConfig.model_validate_json(config.model_dump_json()) == config


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_samplers_deal_with_parameters_that_only_some_have(sampler: str) -> None:
    """Every policy is sampled, and each stored trial gives its configuration again."""
    made = sweep({**ALL, "study.sampler": sampler})
    study = optuna.create_study(direction="maximize")
    seen = set()
    for number in range(40):
        study.sampler = make_sampler(made, number)
        trial = study.ask()
        config = suggest(trial, made, number, EXAMPLES)
        study.tell(trial, config.schedule.max_lr)
        again = suggest(study.trials[number], made, number, EXAMPLES)
        assert again == config
        seen.add(config.schedule.policy)
    assert len(seen) >= 5


@pytest.mark.parametrize("policy", policies.ACYCLIC)
def test_the_baseline_may_be_any_policy_without_cycles(policy: str) -> None:
    """Its highest rate is `learning_rate`, and it takes the whole budget."""
    made = sweep({"baseline": {"policy": policy, "learning_rate": 1}})
    config = baseline_config(made, EXAMPLES)
    assert (config.schedule.policy, config.schedule.max_lr, config.steps) == (policy, 1, 16 * 844)
    rates = config.schedule.learning_rate(np.arange(config.steps))
    assert rates.max() == pytest.approx(1, rel=1e-7)  # of one_cycle it lies between two steps


def test_the_baseline_is_everything_but_the_schedule() -> None:
    """Constant rate, whole budget, the first trial's seed, and what is searched as in training."""
    made = sweep({"search_space.momentum": [0, 0.9], "search_space.batch_size": [16, 32]})
    config = baseline_config(made, EXAMPLES)
    assert (config.schedule.policy, config.schedule.init_lr, config.schedule.max_lr) == (
        "constant",
        0.01,
        0.01,
    )
    assert config.training == made.training
    assert config.steps == 16 * 844
    assert config.seed == trial_seed(42, 0)
    assert config.split_seed == suggest(Bounds([]), made, 5, EXAMPLES).split_seed
