"""A key that its section does not have: what was meant is another, and is right where it stands."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from written_sweeps import content

from clr_sweep.common.errors import InputError
from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.keys_in_file import fields_in_file, records_in, takes, value_at
from clr_sweep.definition.loading import checked_sweep
from clr_sweep.definition.optimizers import OPTIMIZERS
from clr_sweep.definition.outputs import OutputLosses
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.yaml_file import read_value


def said(written: Mapping[str, Any], folder: Path = Path()) -> list[str]:
    """What is wrong with a sweep; nothing of one that is right."""
    try:
        checked_sweep(copy.deepcopy(dict(written)), (folder,))
    except InputError as error:
        return str(error).split("\n")
    return []


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """A sweep with other values, those in a mapping beside the ones that are there."""
    made = content()
    for key, value in changes.items():
        beside = isinstance(value, dict) and isinstance(made.get(key), dict)
        made[key] = {**made[key], **value} if beside else value
    return made


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # things with a name, written in other ways
        ({"study": {"sampler": {"name": "tpe"}}}, "got {name: 'tpe'} - did you mean 'tpe'?"),
        ({"study": {"pruner": {"type": "median"}}}, "- did you mean 'median'?"),
        (
            {"study": {"sampler": {"class_name": "TPESampler"}}},
            "- did you mean {class: 'TPESampler'}?",
        ),
        (
            {"study": {"pruner": {"PatientPruner": {"patience": 3}}}},
            "- did you mean {class: 'PatientPruner', arguments: {patience: 3}}?",
        ),
        (
            {"study": {"sampler": {"name": "TPESampler", "n_startup_trials": 3}}},
            "- did you mean {class: 'TPESampler', arguments: {n_startup_trials: 3}}?",
        ),
        (
            {"training": {"optimizer": {"sgd": {"momentum": 0.9}}}},
            "training.optimizer: must be the name of an optimizer, or a mapping of name and "
            "arguments, got {sgd: {momentum: 0.9}} - did you mean {name: 'sgd', arguments: "
            "{momentum: 0.9}}?",
        ),
        ({"training": {"loss": {"type": "huber"}}}, "- did you mean 'huber'?"),
        (
            {"training": {"loss": {"outputs": {"age": {"type": "mse"}}}, "metrics": {}}},
            "training.loss.outputs.age: must be the name of a loss, or a mapping of name and "
            "arguments, got {type: 'mse'} - did you mean 'mse'?",
        ),
        # keys of the sweep itself, and what a section's name stands for
        ({"objective": {"name": "val_loss"}}, "'name' - did you mean 'metric'?"),
        ({"tracking": {"name": "mine"}}, "'name' - did you mean 'experiment'?"),
        (
            {"study": {"objective": "val_loss"}},
            "'objective' - it stands beside study, not in it: objective: {metric: 'val_loss'} (",
        ),
        ({"training": {"study": {"trials": 3}}}, "- it stands beside training, not in it (known"),
        (
            {"network": {"name": "tutorial_cnn"}, "model": 3},
            "'network' - model is given already (known: ",
        ),
        ({"parameters": {"max_lr": 0.1}}, "'parameters' - search_space is given already (known: "),
        # arguments of an optimizer, which has them or not
        (
            {"training": {"momentum": 0.9}},
            "- did you mean training.optimizer: {name: 'sgd', arguments: {momentum: 0.9}}?",
        ),
        (
            {"training": {"optimizer": "adam", "momentum": 0.9}},
            "'momentum' - it is an argument of sgd, rmsprop, muon, and not of adam, which has "
            "'beta_1' in its place (known: ",
        ),
        (
            {"training": {"optimizer": {"name": "adam", "arguments": {"momentum": 0.9}}}},
            "unknown argument of the optimizer adam 'momentum' - it is an argument of sgd, ",
        ),
        (
            {"training": {"optimizer": "adam"}, "search_space": {"momentum": [0.9]}},
            "unknown hyperparameter 'momentum' - it is an argument of sgd, rmsprop, muon, and not ",
        ),
        (
            {"training": {"optimizer": "mine:build", "momentum": 0.9}},
            "- if mine:build takes it, it is written 'training.optimizer.arguments.momentum' (",
        ),
        (
            {"training": {"optimizer": {"name": "mine:build", "momentum": 0.9}}},
            "- if mine:build takes it, it is written 'arguments.momentum' (",
        ),
        (
            {"training": {"label_smoothing": 0.1}},
            "'label_smoothing' - it is an argument of the losses categorical_crossentropy, ",
        ),
        # hyperparameters below the name of a section, and dimensions in another form
        ({"search_space": {"model": {"dropout": [0.1, 0.2]}}}, "mean model.dropout: [0.1, 0.2]?"),
        ({"search_space": {"arguments": {"momentum": [0.9]}}}, "did you mean momentum: [0.9]?"),
        (
            {"search_space": {"optimizer": {"name": ["sgd"], "momentum": [0.9]}}},
            "- did you mean optimizer: ['sgd'] and momentum: [0.9]?",
        ),
        ({"search_space": {"optimizer.momentum": [0.9]}}, "- did you mean 'momentum'?"),
        ({"search_space": {"training.batch_size": [8]}}, "- did you mean 'batch_size'?"),
        ({"search_space": {"optimizer": {"name": ["sgd"]}}}, "- did you mean ['sgd']?"),
        ({"search_space": {"batch_size": {"values": [32, 64]}}}, "- did you mean [32, 64]?"),
        (
            {"search_space": {"max_lr": {"min": 0.1, "max": 1.0}}},
            "- did you mean {low: 0.1, high: 1.0}?",
        ),
        (
            {"search_space": {"max_lr": {"distribution": "log_uniform", "min": 0.1, "max": 1.0}}},
            "- did you mean {low: 0.1, high: 1.0, log: true}?",
        ),
        (
            {"search_space": {"max_lr": {"range": {"low": 0.1, "high": 1.0}, "log": True}}},
            "- did you mean {low: 0.1, high: 1.0, log: true}?",
        ),
    ],
)
def test_what_newcomers_write(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    """The message says what was meant."""
    found = said(changed(changes), tmp_path)
    assert any(message in text for text in found), found


def test_one_problem_and_one_cure(tmp_path: Path) -> None:
    """What is written in another way is not told key by key, nor is what hangs on it."""
    (found,) = said(changed({"search_space": {"max_lr": {"min": 0.1, "max": 1.0}}}), tmp_path)
    assert found.startswith("search_space.max_lr: must be a value, a list of values, or a range")
    (found,) = said(changed({"study": {"pruner": {"name": "median"}}}), tmp_path)
    assert found.startswith("study.pruner: must be one of cycle_aware, ")


def test_a_missing_section_has_no_defaults(tmp_path: Path) -> None:
    """Nothing is said of values that the section under its right name would have."""
    written = content({"training.epochs": 4})
    written["parameters"] = written.pop("search_space")
    assert [text.split(" (known")[0] for text in said(written, tmp_path)] == [
        "search_space: is required",
        "parameters: unknown key 'parameters' - did you mean 'search_space'?",
    ]


# Values of keys that have no default, or none that says what they are.
_VALUES: dict[str, Any] = {
    "init_lr": 0.001, "max_lr": 0.1, "step_size_factor": {"low": 2, "high": 4},
    "from": "range_test", "dataset": "fashion_mnist", "model": "tutorial_cnn", "training": 16,
    "search_space": "cosine", "comparison": ["cosine"], "early_stopping": 3, "warm_start": "other",
    "stop_when": 5, "cycle_momentum": {"low": 0.8, "high": 0.9},
    "when": {"momentum": {"optimizer": ["sgd"]}}, "start_with": [{"max_lr": 0.1}],
    "optimizer": "adam", "loss": "huber", "metrics": ["accuracy"], "epochs": 16, "folder": "there",
    "class_weight": "balanced", "sample_weight": "mine:weigh", "function": "mine:train",
    "evaluate": "mine:judge", "patience": 3, "target": 0.9, "no_better_in": 5, "study": "other",
    "image_size": [8, 8], "storage": "sqlite:///a.db", "uri": "http://host:5000",
    "artifacts": "s3://bucket/folder", "experiment": "mine", "margin": 0.1, "rivals": ["cosine"],
    "class": "TPESampler", "low": 0.1, "high": 0.5,
}  # fmt: skip


def records(cls: type[BaseModel], above: tuple[str, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every record that a file holds, with its place; also those of several at one place."""
    yield above, cls
    for key, field in fields_in_file(cls).items():
        for inner in records_in(field.annotation):
            if inner not in (OutputLosses, Range):
                yield from records(inner, (*above, key))


RECORDS = list(records(Sweep))
PLACES = sorted({place for place, _ in RECORDS})
KEYS: dict[str, Any] = {"name": "mine", "arguments": {"momentum": 0.9}, "momentum": 0.9}
for _, record in RECORDS:
    for name, field in record.model_fields.items():
        default = None if field.default is PydanticUndefined else field.default
        value = _VALUES.get(field.alias or name, default)
        value = value.model_dump() if isinstance(value, BaseModel) else value
        for key in (name, field.alias or name):
            KEYS.setdefault(key, "text" if value is None else value)


def test_all_of_the_schema_is_walked() -> None:
    """Places and keys are those of the sweep file."""
    assert {(), ("study",), ("study", "sampler"), ("training", "early_stopping")} <= set(PLACES)
    assert {"class_name", "class", "origin", "from", "patience", "training"} <= KEYS.keys()


def put(into: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Puts a value under these keys: a mapping beside what is there, in place of what is none."""
    *above, last = keys
    if isinstance(value, dict) and isinstance(there := value_at(into, keys), dict):
        value = {**there, **value}
    for key in above:
        inner = into.get(key)
        into[key] = inner if isinstance(inner, dict) else {}
        into = into[key]
    into[last] = value


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(place) or "sweep")
def test_what_is_meant_is_another_key_that_is_right(tmp_path: Path, place: tuple[str, ...]) -> None:
    """Of each key that is not the section's: never itself, and what is proposed is taken."""
    known = {key for where, cls in RECORDS if where == place for key in fields_in_file(cls)}
    hinted = 0
    for key, value in KEYS.items():
        if key in known:
            continue
        written = content()
        put(written, (*place, key), value)
        dotted = ".".join((*place, key))
        for text in said(written, tmp_path):
            where, _, problem = text.partition(": ")
            if where not in (dotted, ".".join(place)) or " - " not in problem:
                continue
            hinted += 1
            assert f"did you mean {key!r}?" not in problem, text
            assert f"did you mean '{dotted}'?" not in problem, text
            if (path := re.search(r" - did you mean '([\w.]+)'\?", problem)) is not None:
                keys = tuple(path[1].split("."))
                if where == ".".join(place) and place:
                    put(written, place, path[1])
                    assert not at(said(written, tmp_path), where), text
                elif place == ("search_space",) and keys[0] in ("model", *OPTIMIZERS["sgd"]):
                    continue  # a hyperparameter's name, which the sweep's own checks propose
                elif keys[0] not in fields_in_file(Sweep) or (len(keys) == 1 and place):
                    assert keys[0] in known, text
                else:
                    assert right_there(keys, value), text
            elif form := re.search(
                r"(?:did you mean|not in it:) (?:([\w.]+): )?([\[{].*[\]}])(?:\?| \(known|$)",
                problem,
            ):
                fresh = content()
                target = tuple((form[1] or where).split("."))
                is_searched = place[:1] == ("search_space",) and "not in it" not in problem
                if is_searched and form[1] and (len(target) == 1 or target[0] == "model"):
                    target = ("search_space", form[1])
                put(fresh, target, read_value(form[2]))
                assert not at(said(fresh, tmp_path), ".".join(target)), (text, said(fresh))
    assert hinted


def at(problems: list[str], place: str) -> list[str]:
    """The problems at a place, itself or below it."""
    return [text for text in problems if re.match(rf"{re.escape(place)}[.:]", text)]


def right_there(keys: tuple[str, ...], value: Any) -> bool:
    """Whether the sweep has a key at this place that takes the value."""
    *above, last = keys
    return any(
        last in fields_in_file(cls) and (takes(cls, last, value) or isinstance(value, dict))
        for place, cls in RECORDS
        if place == tuple(above)
    )
