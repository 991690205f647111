"""Reading a sweep file: overrides, and every problem of both at once."""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.conditions import condition_problems
from clr_sweep.definition.data_names import DataOptions, option_problems
from clr_sweep.definition.dimensions import bounds
from clr_sweep.definition.engine_config import renamed
from clr_sweep.definition.given_values import starting_problems
from clr_sweep.definition.losses import LossConfig, loss_problem, loss_problems
from clr_sweep.definition.metrics import default_metrics, objectives
from clr_sweep.definition.optimizers import OptimizerConfig, own_optimizer_problems
from clr_sweep.definition.optuna_classes import OptunaSampler, missing_package
from clr_sweep.definition.own_functions import OWN, function_arguments, function_problems, no_value
from clr_sweep.definition.own_training import own_training_problems, with_own_training
from clr_sweep.definition.passwords import KEPT_BY, password_problem
from clr_sweep.definition.problems import Problem, sentence, unknown
from clr_sweep.definition.readable_values import readable_values
from clr_sweep.definition.search_space import SCHEDULE_KEYS, dimensions_of
from clr_sweep.definition.shipped_sweeps import with_known_sweeps
from clr_sweep.definition.space_checks import (
    cycle_problem,
    momentum_problems,
    space_problems,
)
from clr_sweep.definition.sweep import DatasetConfig, Sweep
from clr_sweep.definition.validation import validation
from clr_sweep.definition.yaml_file import read_mapping

OPTIONS = {
    "--trials": "study.trials",
    "--epochs": "training.epochs",
    "--jobs": "study.jobs",
    "--seed": "study.seed",
    "--study": "study.name",
    "--storage": "study.storage",
    "--engine": "engine.name",
    "--tracking-uri": "tracking.uri",
}
"""The options of the command line that stand in place of a value of the file."""

RANGE_TEST_OPTIONS = {
    f"--{name.replace('_', '-')}": f"range_test.{name}"
    for name in ("low", "high", "epochs", "seeds", "ramp", "rule", "min_seeds")
}
"""Those of `clr-sweep range-test`."""

_OPTION_OF = {
    key: option for known in (OPTIONS, RANGE_TEST_OPTIONS) for option, key in known.items()
}
_TEXTS = ("study.name", "study.storage", "engine.name", "tracking.uri")
_RATES = ("range_test.low", "range_test.high")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")


def load_sweep(path: Path, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Read, override and validate a sweep file.

    Args:
        path: the YAML file. Relative files and modules that it names are looked for beside it
            first, then in the current folder.
        overrides: values by dotted key (`study.trials`), put in place of the file's. A whole
            number may be given as the text that stood on the command line.

    Raises:
        InputError: with every problem found in the file and in the overrides, each with its
            place.
    """
    given = {key: _from_text(key, value) for key, value in (overrides or {}).items()}
    wrong = [f"{_option(key)}: {text}" for key, text in _override_problems(given)]
    try:
        content = read_mapping(path)
    except InputError as error:
        text = with_known_sweeps(str(error), path)
        raise InputError([*wrong, *text.split("\n")]) from None
    for key, value in given.items():
        section, _, name = key.partition(".")
        inner = content.setdefault(section, {})
        if isinstance(inner, dict):
            content[section] = (
                renamed(inner, value) if key == "engine.name" else {**inner, name: value}
            )
    return _checked(content, search_path(path), f"{path}: ", given, wrong)


def checked_sweep(content: dict[str, Any], folders: tuple[Path, ...]) -> Sweep:
    """The sweep of what a sweep file would hold.

    Args:
        folders: in which files and modules that it names are looked for, in this order.

    Raises:
        InputError: as `load_sweep`.
    """
    return _checked(content, folders, "", {}, [])


def _checked(
    content: dict[str, Any],
    folders: tuple[Path, ...],
    place: str,
    given: Mapping[str, Any],
    wrong: list[str],
) -> Sweep:
    """The sweep of a file's content, with what is given in place of its values.

    Args:
        place: what stands before each problem of the file's.
        wrong: problems that are known already.
    """
    sweep, problems = validation(Sweep, content)
    problems += own_training_problems(content)
    content = with_own_training(content)
    values = readable_values(content)
    training = content.get("training")
    if isinstance(training, dict) and "metrics" not in training and "training.loss" in values:
        loss = values["training.loss"].name
        # What is measured beside a loss that there is not, nobody can say.
        values["training.metrics"] = None if loss_problem(loss) else default_metrics(loss)
    problems += _problems(values, folders)
    no_metric = any(keys == ("objective", "metric") for keys, _ in problems)
    for keys, text in dict.fromkeys(problems):
        if no_metric and keys == ("objective",) and "direction is required" in text:
            continue  # there is no such metric, which is said already
        if ".".join(keys) not in given:
            wrong.append(f"{place}{sentence(keys, text)}")
    # Wrong only together with the factors, so an override by itself does not show it.
    if (short := cycle_problem(values)) is not None:
        key = "training.epochs"
        wrong.append(f"{_option(key) if key in given else f'{place}{key}'}: {short}")
    if sweep is None or wrong:
        raise InputError(wrong)
    return sweep


def search_path(path: Path) -> tuple[Path, ...]:
    """Where files and modules named in the file at `path` are looked for, in this order."""
    return tuple(dict.fromkeys((path.resolve().parent, Path.cwd())))


def validation_problems(sweep: Sweep, examples: int) -> Iterator[str]:
    """What is wrong with the validation part and the batches for this many training examples."""
    values = {
        "dataset.name": sweep.dataset.name,
        "dataset.validation": sweep.dataset.validation,
        "dataset.examples": sweep.dataset.examples,
        "training.batch_size": sweep.training.batch_size,
        **{f"search_space.{key}": value for key, value in sweep.search_space.further.items()},
    }
    yield from (sentence(keys, text) for keys, text in _size_problems(values, examples))


def _from_text(key: str, value: Any) -> Any:
    if isinstance(value, str) and key not in _TEXTS and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and key in _RATES:
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _option(key: str) -> str:
    return _OPTION_OF.get(key, key)


def _override_problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the overrides by themselves, whatever the file says."""
    alone: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        section, _, name = key.partition(".")
        alone.setdefault(section, {})[name] = value
    for keys, text in validation(Sweep, alone)[1]:
        if (key := ".".join(keys)) in given:
            yield key, text


def _problems(values: Mapping[str, Any], folders: tuple[Path, ...]) -> Iterator[Problem]:
    from clr_sweep.training.data.datasets import check_dataset_name
    from clr_sweep.training.models import FACTS, MODELS, check_model_name

    if (examples := values.get("dataset.examples")) is not None:
        yield from _size_problems(values, examples)
    elif (data := values.get("dataset.name")) is not None:
        wrong_data = check_dataset_name(data, folders)
        yield from ((("dataset", "name"), text) for text in wrong_data)
        if not wrong_data:
            yield from _data_problems(values, folders)
    for key in ("function", "evaluate"):
        if (named := values.get(f"training.{key}")) is not None:
            yield from ((("training", key), text) for text in function_problems(named, folders))
    model_arguments = None
    trained_by = values.get("training.function")
    if (model := trained_by or values.get("model.name")) is not None:
        if trained_by is None:
            yield from ((("model", "name"), text) for text in check_model_name(model, folders))
        if model in MODELS:
            model_arguments = tuple(inspect.signature(MODELS[model]).parameters)
        else:
            model_arguments, required = function_arguments(model, folders)
            if trained_by is not None and model_arguments:  # the first is the trial
                model_arguments, required = model_arguments[1:], required[1:]
            given = values.get("model.arguments")
            for key in required:
                of_data = key in FACTS and trained_by is None
                if given is not None and key not in given and not of_data:
                    yield ("model", "arguments", key), no_value(model)
    if model_arguments is not None:
        for key in values.get("model.arguments", {}):
            if key not in model_arguments:
                kind = "model" if trained_by is None else "function"
                text = unknown(f"argument of the {kind} {model}", key, model_arguments)
                yield ("model", "arguments", key), text
    # Not when any definition is read: a study of an older version may hold such a loss.
    loss: LossConfig | None = values.get("training.loss")
    for keys, text in () if loss is None else loss_problems(loss, folders):
        yield ("training", "loss", *keys), text
    optimizer: OptimizerConfig | None = values.get("training.optimizer")
    for keys, text in () if optimizer is None else own_optimizer_problems(optimizer, folders):
        yield ("training", "optimizer", *keys), text
    if (weight := values.get("training.sample_weight")) is not None:
        wrong_weight = function_problems(weight, folders)
        yield from ((("training", "sample_weight"), text) for text in wrong_weight)
    yield from _metric_problems(values, folders)
    for key in KEPT_BY:
        if (told := password_problem(key, values.get(key))) is not None:
            yield tuple(key.split(".")), told
    if isinstance(sampler := values.get("study.sampler"), OptunaSampler):
        missing = missing_package(sampler.class_name)
        yield from ((("study", "sampler", "class"), text) for text in [missing] if text)
    space = {
        key.removeprefix("search_space."): value
        for key, value in values.items()
        if key.startswith("search_space.")
    }
    always = (*SCHEDULE_KEYS, "optimizer")
    for keys, text in condition_problems(space.get("when", {}), dimensions_of(space), always):
        yield ("search_space", "when", *keys), text
    for keys, text in space_problems(space, optimizer, model_arguments):
        yield ("search_space", *keys), text
    cycles = values.get("training.cycle_momentum") is not None
    given = values.get("study.start_with", ())
    for keys, text in starting_problems(given, space, optimizer, cycles_momentum=cycles):
        yield ("study", "start_with", *keys), text
    if cycles and optimizer is not None:
        for keys, text in momentum_problems(space, optimizer):
            yield ("search_space", *keys), text


def _data_problems(values: Mapping[str, Any], folders: tuple[Path, ...]) -> Iterator[Problem]:
    """What is wrong with the options of a data set, else with the sizes that it gives."""
    from clr_sweep.training.data.datasets import check_options, training_examples

    name = values["dataset.name"]
    options = DataOptions(test=values.get("dataset.test"))
    # What has no effect is refused with the section itself.
    problems = [] if any(option_problems(name, options)) else list(check_options(name, options))
    yield from ((("dataset", key), text) for key, text in problems)
    if not problems and (examples := training_examples(name, options, folders)) is not None:
        yield from _size_problems(values, examples)


def _metric_problems(values: Mapping[str, Any], folders: tuple[Path, ...]) -> Iterator[Problem]:
    """What is wrong with the metrics' modules, and with an objective that is not among them."""
    loss, metrics = values.get("training.loss"), values.get("training.metrics")
    if metrics is None or loss is None or values.get("training.function") is not None:
        return  # a function measures what it likes: its first report tells
    for index, written in enumerate(metrics):
        for text in function_problems(written, folders) if OWN.fullmatch(written) else ():
            yield ("training", "metrics", str(index)), text
    metric = values.get("objective.metric")
    if metric is not None and metric not in (known := objectives(metrics)):
        beside = f"with the loss {loss}, " if not metrics else ""
        yield (
            ("objective", "metric"),
            f"{unknown('metric', metric, known)}: {beside}training.metrics says what is measured "
            "beside the loss",
        )


def _size_problems(values: Mapping[str, Any], examples: int) -> Iterator[Problem]:
    trained_on = examples
    if values.get("dataset.examples") is None:
        part = values.get("dataset.validation")
        if part is None:
            return
        dataset = DatasetConfig(name=values["dataset.name"], validation=part)
        held_out = dataset.held_out(examples)
        if not dataset.on_test_set and not 0 < held_out < examples:
            yield (
                ("dataset", "validation"),
                f"must hold out at least one and leave at least one of the {examples} training "
                f"examples of {values['dataset.name']}, got {part}, which holds out {held_out}",
            )
            return
        trained_on -= held_out
    for keys in (("training", "batch_size"), ("search_space", "batch_size")):
        sizes = values.get(".".join(keys))
        try:
            largest = 0.0 if sizes is None else bounds(sizes)[1]
        except (TypeError, ValueError):
            continue  # no numbers: refused with the search space
        if largest > trained_on:
            yield (
                keys,
                f"must be at most the {trained_on} examples that are trained on, got {largest:g}",
            )
