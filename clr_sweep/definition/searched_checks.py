"""What is wrong with a sweep file's search space, its conditions, and the values given in it.

Each fault is said once, where it is: what hangs on a dimension or a condition that is wrong itself
is held back, since it may be right as soon as that is.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from clr_sweep.common.nearest import nearest
from clr_sweep.definition.conditions import condition_problems, whole_condition
from clr_sweep.definition.given_values import starting_problems
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.problems import Problem
from clr_sweep.definition.search_space import RATES, SCHEDULE_KEYS, dimensions_of
from clr_sweep.definition.sections import of_section
from clr_sweep.definition.space_checks import momentum_problems, space_problems

_ALWAYS = (*SCHEDULE_KEYS, "optimizer")


def searched_problems(
    values: Mapping[str, Any], model_arguments: tuple[str, ...] | None, unread: Collection[str]
) -> Iterator[Problem]:
    """What is wrong with `search_space` and with `study.start_with`.

    Args:
        values: by dotted key, those that could be read.
        model_arguments: of the model's function, where they are known without importing it.
        unread: the keys of `search_space` whose values could not be read.
    """
    space = of_section(values, "search_space")
    optimizer: OptimizerConfig | None = values.get("training.optimizer")
    dimensions, when = dimensions_of(space), space.get("when", {})
    conditions = list(condition_problems(when, dimensions, _ALWAYS, unread))
    # A misspelt name is the condition of another one.
    wrong = {*unread, *(_meant(keys[0], dimensions) for keys, _ in conditions)}
    undecided = {
        name
        for name in dimensions.keys() - {*_ALWAYS}
        if "when" in unread or not wrong.isdisjoint([name, *whole_condition(name, when)])
    }
    of_space = list(space_problems(space, optimizer, model_arguments, undecided))
    faulty = {*unread, *(key for keys, _ in of_space for key in keys[:1])}
    if not space.get("from"):
        faulty.update(key for key in RATES if space.get(key) is None)
    for keys, text in conditions:
        is_of_itself = len(keys) == 1 and keys[0] in dimensions
        if is_of_itself or _meant(keys[-1], [*dimensions, *faulty]) not in faulty:
            yield ("search_space", "when", *keys), text
    for keys, text in of_space:
        yield ("search_space", *keys), text
    cycles = values.get("training.cycle_momentum") is not None
    started = starting_problems(
        values.get("study.start_with", ()),
        space,
        optimizer,
        cycles_momentum=cycles,
        faulty=faulty,
        undecided=undecided,
    )
    yield from ((("study", "start_with", *keys), text) for keys, text in started)
    if cycles and optimizer is not None:
        for keys, text in momentum_problems(space, optimizer):
            yield ("search_space", *keys), text


def _meant(name: str, known: Collection[str]) -> str | None:
    return name if name in known else nearest(name, known)
