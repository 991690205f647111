"""The sweep definition: what it takes, its defaults, its way through JSON, and its schema."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_schemas import SWEEP_SCHEMA, allows
from pydantic import ValidationError
from written_sweeps import ABSENT, SHIPPED, content, sweep

from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.fields import POLICIES
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.sweep import Objective, Sweep
from clr_sweep.definition.validation import validation
from clr_sweep.definition.yaml_file import read_mapping
from clr_sweep.schedules import policies


def test_what_is_left_out_has_its_default() -> None:
    """A short file means what the documentation says."""
    made = sweep({"study": ABSENT, "search_space.step_size_factor": ABSENT})
    assert made.search_space.step_size_factor == Range(low=2, high=8)
    assert made.search_space.policy == ("triangular", "triangular2", "exp_range")
    assert policies.POLICIES == POLICIES
    assert made.training.cycle_momentum is None
    assert made.search_space.gamma == 0.99994
    assert (made.study.trials, made.study.sampler, made.study.pruner) == (50, "tpe", "cycle_aware")
    assert (made.study.deterministic, made.study.retries) == (False, 2)
    assert (made.study.trial_timeout, made.study.timeout) == (None, None)
    assert (made.objective.metric, made.objective.direction) == ("val_accuracy", "maximize")
    assert made.baseline.learning_rate == 0.01
    assert made.study_name == "example"
    assert sweep({"study.name": "other"}).study_name == "other"


def test_records_are_frozen() -> None:
    """Nothing changes a definition once it is read."""
    with pytest.raises(ValidationError):
        sweep().study.trials = 3  # type: ignore[misc]


def test_whole_numbers_stand_for_real_ones() -> None:
    """Where a real number is meant, a whole one is as good, and an optimizer gets a float."""
    made = sweep(
        {
            "baseline": {"learning_rate": 1},
            "search_space.gamma": 1,
            "search_space.init_lr": {"low": 0, "high": 1},
            "search_space.max_lr": 2,
            "training.optimizer": {"name": "sgd", "arguments": {"momentum": 0, "clipnorm": 1}},
        }
    )
    assert made.baseline.learning_rate == 1
    assert made.search_space.max_lr == 2
    assert repr(made.training.optimizer.arguments) == "{'momentum': 0.0, 'clipnorm': 1.0}"


def test_an_optimizer_is_a_name_or_a_mapping() -> None:
    """A name alone is the optimizer with its default arguments."""
    assert sweep({"training.optimizer": "adam"}) == sweep({"training.optimizer": {"name": "adam"}})
    config = OptimizerConfig(name="sgd", arguments={"momentum": 0.9})
    assert OptimizerConfig.model_validate(config) is config


@pytest.mark.parametrize(
    ("metric", "direction", "sign"),
    [
        ("val_accuracy", "maximize", 1),
        ("accuracy", "maximize", 1),
        ("val_loss", "minimize", -1),
        ("loss", "minimize", -1),
    ],
)
def test_the_direction_follows_from_the_metric(metric: str, direction: str, sign: int) -> None:
    """A loss is minimized and an accuracy maximized; the contrary is refused."""
    made = Objective.model_validate({"metric": metric})
    assert (made.direction, made.sign) == (direction, sign)
    other = {"maximize": "minimize", "minimize": "maximize"}[direction]
    with pytest.raises(ValidationError, match=f"must be {direction} for the metric {metric}"):
        Objective.model_validate({"metric": metric, "direction": other})


def test_held_out() -> None:
    """The validation part is a number of examples, or a part rounded to the nearest number."""
    assert sweep({"dataset.validation": 100}).dataset.held_out(1000) == 100
    assert sweep({"dataset.validation": 0.25}).dataset.held_out(1002) == 251
    assert sweep({"dataset.validation": 0.1}).dataset.held_out(4) == 0


# Values as YAML can give them, and keys that the definition knows among those it does not.
KEYS = st.sampled_from(
    ["name", "arguments", "low", "high", "log", "step", "ratio", "(range)", "x", "", "model.a"]
) | st.text(max_size=4)
GARBAGE = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["sgd", "triangular", "fashion_mnist", "tpe", 10**400, -(10**400)]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
PLACES = [
    "name",
    "description",
    "more",
    *(f for f in Sweep.model_fields if f not in ("name", "description")),
    *(
        f"{section}.{key}"
        for section, field in Sweep.model_fields.items()
        for key in getattr(field.annotation, "model_fields", ())
    ),
    "search_space.momentum",
    "search_space.optimizer",
    "search_space.batch_size",
    "search_space.model.dropout",
    "study.more",
]


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(changes=st.dictionaries(st.sampled_from(PLACES), GARBAGE, max_size=4))
def test_garbage_is_a_sweep_or_a_list_of_problems(changes: dict[str, Any]) -> None:
    """Whatever stands at any place, the answer is a sweep or problems, each with a place."""
    changed = {key: value for key, value in changes.items() if "." not in key}
    inner = {key: value for key, value in changes.items() if key.partition(".")[0] not in changed}
    made, problems = validation(Sweep, content(changed | inner))
    assert (made is None) == bool(problems)
    for keys, text in problems:
        assert keys
        assert text
        assert "\n" not in text
        assert "Input should be" not in text
    if made is not None:
        assert Sweep.model_validate_json(made.model_dump_json()) == made


NUMBERS = st.floats(0.001, 0.9) | st.integers(1, 5)


@st.composite
def ranges(draw: st.DrawFn) -> dict[str, Any]:
    low, high = sorted(draw(st.lists(NUMBERS, min_size=2, max_size=2, unique=True)))
    return {"low": low, "high": high, "log": draw(st.booleans())}


DIMENSIONS = ranges() | NUMBERS | st.lists(NUMBERS, min_size=1, max_size=3, unique=True)
CHANGES = st.fixed_dictionaries(
    {},
    optional={
        "search_space.init_lr": DIMENSIONS | st.builds(dict, ratio=st.just({"low": 2, "high": 9})),
        "search_space.max_lr": DIMENSIONS,
        "search_space.step_size_factor": DIMENSIONS,
        "search_space.policy": st.sampled_from(POLICIES)
        | st.lists(st.sampled_from(POLICIES), min_size=1, unique=True),
        "search_space.gamma": DIMENSIONS,
        "search_space.momentum": DIMENSIONS,
        "search_space.model.units": DIMENSIONS,
        "search_space.optimizer": st.just(["sgd", "adam"]),
        "dataset.validation": st.integers(1, 10**9) | st.floats(0.01, 0.99),
        "dataset.folder": st.text(min_size=1, max_size=5),
        "training.optimizer": st.sampled_from(
            ["adam", {"name": "lion"}, {"name": "sgd", "arguments": {"momentum": 1}}]
        ),
        "training.loss": st.sampled_from(
            ["huber", "my_code:loss", {"name": "huber", "arguments": {"delta": 2}}]
        ),
        "training.metrics": st.just(["accuracy"]),
        "training.class_weight": st.none()
        | st.just("balanced")
        | st.dictionaries(st.integers(0, 99).map(str), NUMBERS.map(abs), min_size=1),
        "training.batch_size": st.integers(1, 10**6),
        "training.precision": st.sampled_from(["float32", "mixed_bfloat16"]),
        "training.early_stopping": st.none()
        | st.fixed_dictionaries({"patience": st.integers(1, 9)}, optional={"min_delta": NUMBERS}),
        "objective": st.fixed_dictionaries(
            {"metric": st.sampled_from(["val_loss", "accuracy"])},
            optional={"at": st.sampled_from(["cycle_end", "final", "best"])},
        ),
        "study.jobs": st.none() | st.integers(1, 64),
        "study.trials_per_gpu": st.integers(1, 9),
        "study.seed": st.integers(0, 2**32 - 1),
        "study.deterministic": st.booleans(),
        "study.retries": st.integers(0, 9),
        "study.trial_timeout": st.none() | NUMBERS,
        "study.timeout": st.none() | st.integers(1, 10**6),
        "baseline": st.fixed_dictionaries(
            {"learning_rate": NUMBERS},
            optional={"policy": st.sampled_from(policies.ACYCLIC)},
        ),
        "description": st.text(max_size=9),
    },
)


@given(changes=CHANGES)
def test_a_sweep_comes_back_from_json(changes: dict[str, Any]) -> None:
    """What is stored is what was read: through a dump, JSON, and the schema's eyes."""
    made = sweep(changes)
    stored = json.loads(json.dumps(made.model_dump(mode="json")))
    assert Sweep.model_validate(stored) == made
    assert Sweep.model_validate(made.model_dump()) == made
    assert Sweep.model_validate_json(json.dumps(stored)).model_dump(mode="json") == stored
    assert allows(SWEEP_SCHEMA, stored)
    assert allows(SWEEP_SCHEMA, json.loads(json.dumps(content(changes))))


def test_the_schema_allows_the_shipped_sweep() -> None:
    """An editor that checks by the schema finds nothing wrong with what is shipped."""
    assert allows(SWEEP_SCHEMA, read_mapping(SHIPPED))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("name", "a b"),
        ("more", 1),
        ("training.epochs", 0),
        ("training.epochs", 2.5),
        ("training.early_stopping", 3),
        ("training.early_stopping", {"min_delta": 0.1}),
        ("training.early_stopping", {"patience": 0}),
        ("training.early_stopping", {"patience": 2, "min_delta": -0.1}),
        ("training.early_stopping", {"patience": 2, "delta": 0.1}),
        ("training.optimizer", "sgdd"),
        ("training.optimizer", {"arguments": {}}),
        ("training.optimizer", {"name": "sgd", "momentum": 0.9}),
        ("training.optimizer", ["sgd"]),
        ("training.loss", {"arguments": {"delta": 1}}),
        ("training.loss", {"name": "huber", "delta": 1}),
        ("training.loss", ["huber"]),
        ("training.class_weight", "equal"),
        ("training.class_weight", {"0": -1}),
        ("training.class_weight", [1, 2]),
        ("search_space", []),
        ("search_space.init_lr", ABSENT),
        ("search_space.init_lr", "abc"),
        ("search_space.init_lr", [1, "a"]),
        ("search_space.init_lr", {"low": 1}),
        ("search_space.max_lr", {"ratio": {"low": 3, "high": 9}}),
        ("search_space.momentum", {"ratio": {"low": 3, "high": 9}}),
        ("search_space.momentum", None),
        ("search_space.policy", "sine"),
        ("search_space.policy", ["triangular", "triangular"]),
        ("search_space.step_size_factor", True),
        ("study", None),
        ("study.trials", "50"),
        ("study.sampler", "grid"),
        ("study.storage", "optuna.db"),
        ("study.deterministic", "yes"),
        ("study.retries", -1),
        ("study.retries", 1.5),
        ("study.trial_timeout", 0),
        ("study.timeout", "1h"),
        ("dataset.validation", 0),
        ("dataset.validation", 1.0),
        ("baseline", {"learning_rate": 0}),
        ("baseline", {"policy": "triangular"}),
        ("training.cycle_momentum", {"low": 1}),
        ("training.cycle_momentum", {"max": 0.9}),
    ],
)
def test_the_schema_forbids_what_is_refused(key: str, value: Any) -> None:
    """What `check` refuses for its form, an editor underlines."""
    assert allows(SWEEP_SCHEMA, content())
    assert not allows(SWEEP_SCHEMA, content({key: value}))


def test_the_schema_tells_what_each_section_is() -> None:
    """Every record of the schema has a description, which editors show."""
    nested = SWEEP_SCHEMA["$defs"].values()
    assert all(part.get("description") for part in [SWEEP_SCHEMA, *nested])


def test_the_shipped_sweep_is_what_the_tests_think() -> None:
    """The file that the tests read is the one that `mlflow run .` runs."""
    project = read_mapping(Path(__file__).parents[2] / "MLproject")
    default = project["entry_points"]["main"]["parameters"]["sweep"]["default"]
    assert SHIPPED.relative_to(SHIPPED.parent.parent).as_posix() == default
