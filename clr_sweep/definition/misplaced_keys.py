"""Keys of other sections among the hyperparameters, where a name of any kind could stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clr_sweep.common.nearest import same
from clr_sweep.definition.keys_in_file import fields_in_file
from clr_sweep.definition.optimizers import NOT_TAKEN, OPTIMIZERS
from clr_sweep.definition.problems import Problem, shown
from clr_sweep.definition.search_space import SearchSpace
from clr_sweep.definition.sections import section
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.validation import keys_of

# Of `training` too, and not misplaced here; of epochs it is said why they are not searched.
_OF_BOTH = ("batch_size", "optimizer", "epochs")


def without_misplaced(content: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """A definition as it is written, without such keys, and where each of them belongs."""
    space = section(content, "search_space")
    optimizer = section(section(content, "training"), "optimizer")
    known: set[str] = {*fields_in_file(SearchSpace), *_OF_BOTH, *NOT_TAKEN}
    known.update(section(optimizer, "arguments"), *OPTIMIZERS.values())
    names = [key for key in space if str(key).isidentifier() and same(key, known) is None]
    places = {key: same(key, keys_of(Sweep)) for key in names}
    found = {key: place for key, place in places.items() if place is not None}
    if not found:
        return content, []
    left: Mapping[str, Any] = {key: one for key, one in space.items() if key not in found}
    problems: list[Problem] = [
        (("search_space", key), f"unknown hyperparameter {shown(key)} - did you mean {place!r}?")
        for key, place in found.items()
    ]
    return {**content, "search_space": left}, problems
