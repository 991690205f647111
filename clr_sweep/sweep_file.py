"""Reading a sweep file: overrides, and the checks that need more than one of its values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep.config import SCHEDULE_KEYS, SearchSpace, Sweep
from clr_sweep.dimensions import Range, RatioRange, bounds
from clr_sweep.errors import InputError
from clr_sweep.optimizers import OPTIMIZERS, argument_problem
from clr_sweep.wording import unknown, validated
from clr_sweep.yaml_file import read_mapping


def load_sweep(path: Path, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Read, override and validate a sweep file.

    Args:
        path: the YAML file. Relative files and modules that it names are looked for beside it
            first, then in the current folder.
        overrides: values by dotted key (`study.trials`), put in place of the file's.

    Raises:
        InputError: with every problem found, each with its place.
    """
    content = read_mapping(path)
    for key, value in (overrides or {}).items():
        section, _, name = key.partition(".")
        inner = content.setdefault(section, {})
        if isinstance(inner, dict):
            inner[name] = value
    sweep = validated(Sweep, content, str(path))
    if problems := list(_problems(sweep, search_path(path))):
        raise InputError(problems, str(path))
    return sweep


def search_path(path: Path) -> tuple[Path, ...]:
    """Where files and modules named in the file at `path` are looked for, in this order."""
    return tuple(dict.fromkeys((path.resolve().parent, Path.cwd())))


def _problems(sweep: Sweep, folders: tuple[Path, ...]) -> Iterator[str]:
    from clr_sweep.training.datasets import check_dataset_name, training_examples
    from clr_sweep.training.models import check_model_name

    name = sweep.dataset.name
    wrong_data = check_dataset_name(name, folders)
    yield from (f"dataset.name: {problem}" for problem in wrong_data)
    if not wrong_data and (examples := training_examples(name, folders)) is not None:
        yield from validation_problems(sweep, examples)
    yield from (f"model.name: {p}" for p in check_model_name(sweep.model.name, folders))
    yield from (f"search_space.{problem}" for problem in _space_problems(sweep))


def validation_problems(sweep: Sweep, examples: int) -> Iterator[str]:
    """What is wrong with the validation part for this many training examples."""
    part = sweep.dataset.validation
    held_out = sweep.dataset.held_out(examples)
    if held_out >= examples:
        yield (
            f"dataset.validation: must be below the {examples} training examples of "
            f"{sweep.dataset.name}, got {part}"
        )
    elif held_out < 1:
        yield (f"dataset.validation: must leave at least one of {examples} examples, got {part}")
    else:
        largest = _largest(sweep.search_space.further.get("batch_size"), sweep.training.batch_size)
        if largest > examples - held_out:
            yield (
                f"training.batch_size: must be at most the {examples - held_out} examples "
                f"trained on, got {largest}"
            )


def _largest(dimension: Any, default: int) -> int:
    return default if dimension is None else int(bounds(dimension)[1])


def _space_problems(sweep: Sweep) -> Iterator[str]:
    space = sweep.search_space
    for key in ("init_lr", "max_lr", "step_size_factor", "gamma"):
        yield from _numeric_problems(key, getattr(space, key))
    if not any(_numeric_problems(key, getattr(space, key)) for key in ("init_lr", "max_lr")):
        yield from _overlap(space)
    gamma = space.gamma
    if not any(_numeric_problems("gamma", gamma)):
        if bounds(gamma)[1] > 1:
            yield f"gamma: must be at most 1, got {bounds(gamma)[1]}"
        policies = (space.policy,) if isinstance(space.policy, str) else space.policy
        if isinstance(gamma, (Range, tuple)) and "exp_range" not in policies:
            yield "gamma: is searched, but policy does not name exp_range, the only one to use it"
    for key, dimension in space.further.items():
        yield from _further_problems(sweep, key, dimension)


def _numeric_problems(key: str, dimension: Any) -> list[str]:
    if isinstance(dimension, RatioRange):
        return [] if key == "init_lr" else [f"{key}: ratio is for init_lr alone"]
    values = dimension if isinstance(dimension, tuple) else (dimension,)
    if not isinstance(dimension, Range):
        wrong = [v for v in values if isinstance(v, bool) or not isinstance(v, (int, float))]
        if wrong:
            return [f"{key}: must be numbers, got {wrong[0]!r}"]
    low = bounds(dimension)[0]
    # A rate of 0 trains nothing, but as the lower bound of a cycle it is Smith's own choice.
    if low < 0 or (low == 0 and key != "init_lr"):
        return [f"{key}: must be above 0, got {low:g}"]
    return []


def _overlap(space: SearchSpace) -> Iterator[str]:
    if isinstance(space.init_lr, RatioRange):
        return
    init_high, max_low = bounds(space.init_lr)[1], bounds(space.max_lr)[0]
    # Two ranges may touch: `suggest` leaves the common bound to max_lr. Fixed values may not.
    touching = init_high == max_low and isinstance(space.init_lr, Range)
    if init_high > max_low or (init_high == max_low and not touching):
        yield (
            f"max_lr: must lie above init_lr, got init_lr up to {init_high:g} and max_lr from "
            f"{max_low:g}: make the two ranges disjoint, or give init_lr as a part of max_lr "
            "(init_lr: {ratio: {low: 3, high: 100, log: true}})"
        )


def _further_problems(sweep: Sweep, key: str, dimension: Any) -> Iterator[str]:
    if isinstance(dimension, RatioRange):
        yield f"{key}: ratio is for init_lr alone"
        return
    values: tuple[Any, ...] = (
        (dimension.low, dimension.high)
        if isinstance(dimension, Range)
        else (dimension if isinstance(dimension, tuple) else (dimension,))
    )
    chosen = sweep.search_space.further.get("optimizer", sweep.training.optimizer.name)
    optimizers = chosen if isinstance(chosen, tuple) else (chosen,)
    optimizers = tuple(name for name in optimizers if name in OPTIMIZERS)
    if key == "optimizer":
        for value in values:
            if value not in OPTIMIZERS:
                yield f"optimizer: {unknown('optimizer', str(value), OPTIMIZERS)}"
        for name in optimizers:
            for argument, value in sweep.training.optimizer.arguments.items():
                if problem := argument_problem((name,), argument, (value,)):
                    yield f"optimizer: {problem} (from training.optimizer)"
    elif key == "batch_size":
        whole = all(isinstance(v, int) and not isinstance(v, bool) and v > 0 for v in values)
        if not whole:
            yield f"batch_size: must be whole numbers above 0, got {values[0]!r}"
    elif key == "epochs":
        yield "epochs: cannot be searched: it is the budget, the same for every trial (training)"
    elif key.startswith("model."):
        if not key.removeprefix("model.").isidentifier():
            yield f"{key}: must be 'model.' and the name of an argument of the model's function"
    elif not any(key in OPTIMIZERS[name] for name in optimizers):
        names = [key for name in optimizers for key in OPTIMIZERS[name]]
        known = dict.fromkeys([*SCHEDULE_KEYS, "batch_size", "optimizer", "model.<argument>"])
        yield unknown("hyperparameter", key, [*known, *dict.fromkeys(names)])
    elif problem := argument_problem(optimizers, key, values):
        yield f"{key}: {problem}"
