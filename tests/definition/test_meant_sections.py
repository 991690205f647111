"""A value alone where a section is wanted: every section says what was meant by it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from clr_sweep.common.errors import InputError
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.keys_in_file import fields_in_file, section_of
from clr_sweep.definition.loading import checked_sweep
from clr_sweep.definition.named import Named
from clr_sweep.definition.sweep import Sweep

WHOLE: dict[str, Any] = {
    "name": "a_sweep",
    "dataset": {"name": "fashion_mnist"},
    "model": {"name": "tutorial_cnn"},
    "training": {"epochs": 20},
    "search_space": {"init_lr": 0.001, "max_lr": 0.1},
}


def sections(cls: type[Frozen], above: str = "") -> Iterator[tuple[str, type[Frozen]]]:
    """The places of a sweep file that have to hold a mapping of known keys, with its record."""
    for key, field in fields_in_file(cls).items():
        inner = section_of(field.annotation)
        # What is written as a name has no section's message, nor has what may be a single value.
        if inner is None or not issubclass(inner, Frozen) or issubclass(inner, Named):
            continue
        yield f"{above}{key}", inner
        yield from sections(inner, f"{above}{key}.")


SECTIONS = dict(sections(Sweep))
"""All that the schema has."""
MEANT: dict[str, list[tuple[Any, str]]] = {
    "dataset": [("fashion_mnist", "{name: 'fashion_mnist'}"), ("a.npz", "{name: 'a.npz'}")],
    "model": [("my_model:build", "{name: 'my_model:build'}")],
    "training": [("adamw", "{optimizer: 'adamw'}"), (30, "{epochs: 30}")],
    "training.cycle_momentum": [(True, "{}, with all at its default")],
    "training.early_stopping": [(3, "{patience: 3}")],
    "search_space": [("range_test", "{from: 'range_test'}"), ("cosine", "{policy: 'cosine'}")],
    "objective": [
        ("val_loss", "{metric: 'val_loss'}"),
        ("val_accuracy", "{metric: 'val_accuracy'}"),
        ("minimize", "{direction: 'minimize'}"),
        ("final", "{at: 'final'}"),
    ],
    "study": [
        ("random", "{sampler: 'random'}"),
        ("median", "{pruner: 'median'}"),
        ("my_study", "{name: 'my_study'}"),
        (20, "{trials: 20}"),
        (None, "{}, with all at its default"),
    ],
    "study.warm_start": [("other", "{study: 'other'}")],
    "study.stop_when": [(20, "{no_better_in: 20}"), (0.95, "{target: 0.95}")],
    "baseline": [("constant", "{policy: 'constant'}"), (0.1, "{learning_rate: 0.1}")],
    "range_test": [("valley", "{rule: 'valley'}"), (True, "{}, with all at its default")],
    "comparison": [
        ("cosine", "{rivals: ['cosine']}"),
        (["constant", "cosine"], "{rivals: ['constant', 'cosine']}"),
        (True, "{}, with all at its default"),
    ],
    "engine": [("ray", "{name: 'ray'}"), ("10.0.0.1:6379", "{address: '10.0.0.1:6379'}")],
    "tracking": [("http://host:5000", "{uri: 'http://host:5000'}")],
}


def problem(place: str, value: Any) -> str:
    """What is said of a sweep with this value at this place."""
    section, _, key = place.partition(".")
    changed = {**WHOLE.get(section, {}), key: value} if key else value
    with pytest.raises(InputError) as refused:
        checked_sweep({**WHOLE, section: changed}, (Path(),))
    return next(line for line in str(refused.value).split("\n") if line.startswith(f"{place}: "))


@pytest.mark.parametrize("place", SECTIONS)
def test_every_section_says_what_it_takes(place: str) -> None:
    """Also of a value that none of its keys takes, and of each that has a cure one is known."""
    assert place in MEANT
    known = f"(known keys: {', '.join(fields_in_file(SECTIONS[place]))})"
    assert problem(place, "") == f"{place}: must be a mapping of keys to values, got '' {known}"


@pytest.mark.parametrize(
    ("place", "value", "meant"),
    [(place, value, meant) for place, pairs in MEANT.items() for value, meant in pairs],
)
def test_a_value_alone_is_taken_for_its_key(place: str, value: Any, meant: str) -> None:
    """The error gives the section as it is written, to be pasted."""
    said = problem(place, value)
    assert said.startswith(f"{place}: must be a mapping of keys to values, got ")
    assert said.endswith(f" - did you mean {meant}?")


@pytest.mark.parametrize(
    ("place", "value"), [("search_space", None), ("training", True), ("dataset", None)]
)
def test_an_empty_section_is_no_cure_where_a_value_is_needed(place: str, value: Any) -> None:
    """These have keys that must be given."""
    assert "(known keys: " in problem(place, value)
