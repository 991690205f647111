"""Messages about the user's input: the place, what is allowed, what was found."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from written_sweeps import ABSENT, content

from clr_sweep.common.errors import InputError
from clr_sweep.definition.dimensions import TAGS, Range
from clr_sweep.definition.keys_in_file import fields_in_file
from clr_sweep.definition.problems import sentence
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.definition.sweep import BaselineConfig, Sweep
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.definition.validation import validated, validation


def problems(changes: dict[str, Any]) -> list[str]:
    """The form problems of a sweep with these changes."""
    sweep, found = validation(Sweep, content(changes))
    assert sweep is None
    return [sentence(keys, text) for keys, text in found]


MAPPING = "must be a mapping of keys to values"
DEFAULTS = "did you mean {}, with all at its default?"


def known(section: type[BaseModel]) -> str:
    """The keys of a section, as a message has them that knows no cure."""
    return f"(known keys: {', '.join(fields_in_file(section))})"


NAMES = "must be letters, digits, '.', '_' and '-' (at most 100, the first a letter or digit)"
POLICIES = (
    "must be one of triangular, triangular2, exp_range, exp_range_bounds, constant, linear, "
    "cosine and one_cycle, or a list of some of them"
)
DIMENSION = (
    "must be a finite number or another single value, a list of values, or a range such as "
    "{low: 0.001, high: 0.1, log: true}"
)
HELD_OUT = (
    "must be a number of examples, 1 or more, or a part of them between 0 and 1; or test: on the "
    "test set"
)
URL = "must be a database URL such as sqlite:///optuna.db or postgresql://host/name"
OPTIMIZER = "must be the name of an optimizer, or a mapping of name and arguments"
KNOWN = {
    "sweep": (
        "(known: name, description, dataset, model, training, search_space, objective, study, "
        "baseline, range_test, comparison, engine, tracking)"
    ),
    "range": "(known: low, high, log, step)",
    "study": (
        "(known: name, trials, sampler, pruner, start_with, warm_start, stop_when, seed, jobs, "
        "trials_per_gpu, storage, deterministic, retries, trial_timeout, timeout)"
    ),
}


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", ABSENT, "is required"),
        ("name", 3, "must be text, got 3"),
        ("name", None, "must be text, got nothing"),
        ("name", "a b", f"{NAMES}, got 'a b'"),
        ("name", "", f"{NAMES}, got ''"),
        ("description", ["a"], "must be text, got ['a']"),
        (
            "dataset",
            "fashion_mnist",
            f"{MAPPING}, got 'fashion_mnist' - did you mean {{name: 'fashion_mnist'}}?",
        ),
        ("dataset", ABSENT, "is required"),
        ("dataset.name", "", "must be text that is not empty, got ''"),
        ("dataset.validation", 0, f"{HELD_OUT}, got 0"),
        ("dataset.validation", 1.0, f"{HELD_OUT}, got 1.0"),
        ("dataset.validation", float("nan"), f"{HELD_OUT}, got nan"),
        ("dataset.validation", "10%", f"{HELD_OUT}, got '10%'"),
        ("dataset.validation", "tests", f"{HELD_OUT}, got 'tests' - did you mean 'test'?"),
        ("dataset.validation", True, f"{HELD_OUT}, got true"),
        ("model.arguments", [1], f"{MAPPING}, got [1]"),
        ("training", [], f"{MAPPING}, got [] {known(TrainingConfig)}"),
        ("training.epochs", ABSENT, "is required"),
        ("training.epochs", 0, "must be at least 1, got 0"),
        ("training.epochs", 2.5, "must be a whole number, got 2.5"),
        ("training.epochs", 16.0, "must be a whole number, got 16.0"),
        ("training.epochs", "16", "must be a whole number, got '16'"),
        ("training.epochs", True, "must be a whole number, got true"),
        ("training.epochs", {"low": 1}, "must be a whole number, got {low: 1}"),
        ("training.epochs", 10**7, "must be at most 1000000, got 10000000"),
        ("training.batch_size", -64, "must be at least 1, got -64"),
        ("training.optimizer", None, f"{OPTIMIZER}, got nothing"),
        ("training.optimizer", ["sgd"], f"{OPTIMIZER}, got ['sgd']"),
        ("search_space", ["a", "b"], f"{MAPPING}, got ['a', 'b'] {known(SearchSpace)}"),
        ("search_space", None, f"{MAPPING}, got nothing {known(SearchSpace)}"),
        ("search_space.init_lr", float("nan"), f"{DIMENSION}, got nan"),
        ("search_space.init_lr", [], "must be a list with at least one value, got []"),
        ("search_space.policy", "sawtooth", f"{POLICIES}, got 'sawtooth'"),
        ("search_space.policy", ["sawtooth"], f"{POLICIES}, got ['sawtooth']"),
        (
            "search_space.policy",
            ["constant", "triangle"],
            f"{POLICIES}, got ['constant', 'triangle'] - did you mean 'triangular'?",
        ),
        ("search_space.policy", [], f"{POLICIES}, got []"),
        ("search_space.policy", [["triangular"]], f"{POLICIES}, got [['triangular']]"),
        ("search_space.policy", {"low": 1}, f"{POLICIES}, got {{low: 1}}"),
        ("search_space.momentum", None, f"{DIMENSION}, got nothing"),
        (
            "objective",
            "val_accuracy",
            f"{MAPPING}, got 'val_accuracy' - did you mean {{metric: 'val_accuracy'}}?",
        ),
        ("study", None, f"{MAPPING}, got nothing - {DEFAULTS}"),
        ("study", [1, 2], f"{MAPPING}, got [1, 2] {known(StudyConfig)}"),
        ("study.trials", 0, "must be at least 1, got 0"),
        ("study.trials", -1, "must be at least 1, got -1"),
        ("study.trials", "50", "must be a whole number, got '50'"),
        ("study.seed", -1, "must be at least 0, got -1"),
        ("study.seed", 2**32, "must be below 4294967296, got 4294967296"),
        (
            "study.sampler",
            "tpee",
            "must be one of tpe, random or qmc, got 'tpee' - did you mean 'tpe'?",
        ),
        ("study.sampler", None, "must be one of tpe, random or qmc, got nothing"),
        ("study.sampler", ["tpe"], "must be one of tpe, random or qmc, got ['tpe']"),
        ("study.name", "a/b", f"{NAMES}, got 'a/b'"),
        ("study.storage", "", f"{URL}, got ''"),
        ("study.storage", "optuna.db", f"{URL}, got 'optuna.db'"),
        ("study.storage", 5, "must be text, got 5"),
        ("baseline", [], f"{MAPPING}, got [] {known(BaselineConfig)}"),
        (
            "baseline.policy",
            "triangular",
            "must be one of constant, linear, cosine or one_cycle, got 'triangular'",
        ),
        ("baseline.learning_rate", "fast", "must be a finite number above 0, got 'fast'"),
        ("baseline.learning_rate", 0, "must be a finite number above 0, got 0"),
    ],
)
def test_one_problem_gives_one_message(key: str, value: Any, message: str) -> None:
    """Each wrong form gives one message: its dotted key, what is allowed, what was found."""
    assert problems({key: value}) == [f"{key}: {message}"]


@pytest.mark.parametrize("value", [ABSENT, None])
def test_rates_that_come_from_nowhere(value: Any) -> None:
    """Neither given nor tested: both ways are named."""
    assert problems({"search_space.init_lr": value}) == [
        "search_space: must give init_lr a value, or `from: range_test` instead of init_lr and "
        "max_lr: then a range test gives both"
    ]


@pytest.mark.parametrize(
    ("key", "value", "place", "message"),
    [
        ("basline", {}, "", f"unknown key 'basline' - did you mean 'baseline'? {KNOWN['sweep']}"),
        ("study.trails", 5, "", f"unknown key 'trails' - did you mean 'trials'? {KNOWN['study']}"),
        ("training.optimizer", "sgdd", "", "unknown optimizer 'sgdd' - did you mean 'sgd'?"),
        ("training.optimizer", {"name": "Adam"}, ".name", "unknown optimizer 'Adam' - did you"),
        ("training.optimizer", {"arguments": {}}, ".name", "is required"),
        (
            "training.optimizer",
            {"name": "sgd", "momentum": 0.9},
            ".momentum",
            "unknown key 'momentum' - did you mean 'arguments.momentum'? (known: name, arguments)",
        ),
        (
            "training.optimizer",
            {"name": "sgd", "arguments": {"momentum": "high"}},
            ".arguments.momentum",
            "must be a number, got 'high'",
        ),
        (
            "training.optimizer",
            {"name": "sgd", "arguments": {"learning_rate": 0.1}},
            ".arguments.learning_rate",
            "is given by the schedule: set init_lr and max_lr in the search space instead",
        ),
        (
            "training.optimizer",
            {"name": "sgd", "arguments": {"clipnorm": 1, "clipvalue": 1}},
            ".arguments",
            "only one of clipnorm, clipvalue, global_clipnorm may be given, got clipnorm and",
        ),
        ("search_space.init_lr", {"low": 1}, ".high", "is required"),
        (
            "search_space.init_lr",
            {"low": 1, "high": 2, "lg": True},
            ".lg",
            f"unknown key 'lg' - did you mean 'log'? {KNOWN['range']}",
        ),
        ("search_space.init_lr", {"low": "a", "high": 2}, ".low", "must be a finite number, got"),
        ("search_space.init_lr", {"low": 2, "high": 1}, ".low", "must be below high, which is 1"),
        ("search_space.init_lr", [1, [2]], ".1", "must be a finite number, a text, or true or"),
        ("search_space.init_lr", {"ratio": 3}, ".ratio", "must be a range such as {low: 3, high"),
        ("search_space.init_lr", {"ratio": {"low": 3}}, ".ratio.high", "is required"),
        (
            "search_space.init_lr",
            {"ratio": {"low": 1, "high": 3}},
            ".ratio.low",
            "must be at least 1.001, got 1",
        ),
        (
            "search_space.init_lr",
            {"ratio": {"low": 2, "high": 3}, "log": True},
            ".log",
            "unknown key 'log' (known: ratio)",
        ),
        ("search_space.momentum", {"low": 0.9}, ".high", "is required"),
        ("search_space.model.units", {"low": 9}, ".high", "is required"),
        (
            "objective",
            {"metric": "val_loss", "direction": "maximize"},
            ".direction",
            "must be minimize for the metric val_loss, got 'maximize'",
        ),
    ],
)
def test_problems_inside_a_value(key: str, value: Any, place: str, message: str) -> None:
    """A problem inside a value is placed there, with keys as the user wrote them."""
    (found,) = problems({key: value})
    assert found.startswith(f"{key}{place}: {message}")


def test_places_never_name_the_members_of_a_union() -> None:
    """Not even where a user's key looks like the name of one."""
    value = {"range": 1, "value": {}, "choice": [], "ratio": {"range": 1}}
    found = problems({"search_space.init_lr": value, "search_space.range": {"value": 1}})
    assert {text.split(":")[0] for text in found} == {
        "search_space.init_lr.range",
        "search_space.init_lr.value",
        "search_space.init_lr.choice",
        "search_space.init_lr.ratio.range",
        "search_space.init_lr.ratio.low",
        "search_space.init_lr.ratio.high",
        "search_space.range.value",
        "search_space.range.low",
        "search_space.range.high",
    }
    assert not any(tag in text for tag in TAGS for text in found)


def test_validated_tells_every_problem_with_its_source() -> None:
    """Every problem stands on a line of its own, after the file's name."""
    with pytest.raises(InputError) as caught:
        validated(Range, {"low": "a", "high": None, "lg": 1}, "file.yaml")
    assert str(caught.value).split("\n") == [
        "file.yaml: low: must be a finite number, got 'a'",
        "file.yaml: high: must be a finite number, got nothing",
        f"file.yaml: lg: unknown key 'lg' - did you mean 'log'? {KNOWN['range']}",
    ]
    assert caught.value.exit_status == 2


def test_validated_gives_the_record() -> None:
    """What is right becomes the record."""
    assert validated(Range, {"low": 1, "high": 2}, "file.yaml") == Range(low=1, high=2)
