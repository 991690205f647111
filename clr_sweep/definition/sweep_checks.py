"""What is wrong with a sweep file's values taken together, and with the names among them.

`loading.py` asks, of files alone: but for `together_problems`, which the record asks too, a study
of an older version may hold what is refused here.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.dimensions import bounds
from clr_sweep.definition.keys_in_file import section_of
from clr_sweep.definition.losses import LossConfig, loss_problems
from clr_sweep.definition.metrics import objectives
from clr_sweep.definition.optimizers import OptimizerConfig, own_optimizer_problems
from clr_sweep.definition.optuna_classes import OptunaSampler, missing_package
from clr_sweep.definition.outputs import (
    OutputLosses,
    measured,
    metrics_problem,
    outputs_of,
    reported,
)
from clr_sweep.definition.own_functions import (
    FunctionArguments,
    function_arguments,
    function_problems,
    no_value,
)
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.pair_functions import pair_problem
from clr_sweep.definition.passwords import KEPT_BY, password_problem
from clr_sweep.definition.problems import Problem, sentence, unknown
from clr_sweep.definition.searched_checks import searched_problems
from clr_sweep.definition.sections import Section, of_section
from clr_sweep.definition.study_config import target_problem
from clr_sweep.definition.sweep import DatasetConfig, Objective, Sweep


def sweep_problems(
    values: Mapping[str, Any], folders: tuple[Path, ...], unread: Collection[str] = ()
) -> Iterator[Problem]:
    """What is wrong with values that are right by themselves, found without importing a module.

    Args:
        values: by dotted key, those that could be read: see `readable_values`.
        folders: in which files and modules that they name are looked for, in this order.
        unread: the keys of `search_space` whose values could not be read.
    """
    if (examples := values.get("dataset.examples")) is not None:
        yield from _size_problems(values, examples)
    elif (data := values.get("dataset.name")) is not None:
        yield from _data_problems(data, values, folders)
    for key in ("function", "evaluate"):
        if (named := values.get(f"training.{key}")) is not None:
            yield from ((("training", key), text) for text in function_problems(named, folders))
    known, required = known_arguments(values, folders)
    yield from _model_problems(values, folders, known, required)
    loss: LossConfig | OutputLosses | None = values.get("training.loss")
    is_own = values.get("training.function") is not None
    for one in () if loss is None or is_own else outputs_of(loss, ()):
        yield from (
            (one.keys("loss") + keys, text) for keys, text in loss_problems(one.loss, folders)
        )
    optimizer: OptimizerConfig | None = values.get("training.optimizer")
    for keys, text in () if optimizer is None else own_optimizer_problems(optimizer, folders):
        yield ("training", "optimizer", *keys), text
    if (weight := values.get("training.sample_weight")) is not None:
        wrong_weight = function_problems(weight, folders)
        yield from ((("training", "sample_weight"), text) for text in wrong_weight)
    yield from _metric_problems(values, folders)
    yield from _target_problems(values)
    start = values.get("study.warm_start")
    addresses = {**values, "study.warm_start.storage": start and start.storage}
    for key in KEPT_BY:
        if (told := password_problem(key, addresses.get(key))) is not None:
            yield tuple(key.split(".")), told
    if isinstance(sampler := values.get("study.sampler"), OptunaSampler):
        missing = missing_package(sampler.class_name)
        yield from ((("study", "sampler", "class"), text) for text in [missing] if text)
    yield from searched_problems(values, known, unread)


def together_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong with these values taken together, within a section or in several.

    The sections say it themselves where all their values are right: see `Section`.
    """
    for section, field in Sweep.model_fields.items():
        cls = section_of(field.annotation)
        if cls is not None and issubclass(cls, Section):
            for keys, text in cls.together(of_section(values, section)):
                yield (section, *keys), text
    yield from Sweep.across_sections(values)


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


def known_arguments(values: Mapping[str, Any], folders: tuple[Path, ...]) -> FunctionArguments:
    """What `model.arguments` may give, and what it must: of the model, or of what trains it."""
    from clr_sweep.training.models import FACTS, MODELS

    if (trains := values.get("training.function")) is not None:
        names, required = function_arguments(trains, folders)
        # The first is the trial.
        return FunctionArguments(names and names[1:], required[1:] if names else required)
    if (model := values.get("model.name")) is None:
        return FunctionArguments()
    if model in MODELS:
        return FunctionArguments(tuple(inspect.signature(MODELS[model]).parameters))
    names, required = function_arguments(model, folders)
    return FunctionArguments(names, tuple(key for key in required if key not in FACTS))


def _model_problems(
    values: Mapping[str, Any],
    folders: tuple[Path, ...],
    known: tuple[str, ...] | None,
    required: tuple[str, ...],
) -> Iterator[Problem]:
    """What is wrong with the model's name, and with the arguments of it or of what trains it."""
    from clr_sweep.training.models import check_model_name

    trains, name = values.get("training.function"), values.get("model.name")
    if trains is None and name is not None:
        yield from ((("model", "name"), text) for text in check_model_name(name, folders))
    named, kind = (name, "model") if trains is None else (trains, "function")
    given = values.get("model.arguments")
    if named is None or given is None:
        return
    for key in required:
        if key not in given:
            yield ("model", "arguments", key), no_value(named)
    for key in given:
        if known is not None and key not in known:
            text = unknown(f"argument of the {kind} {named}", key, known)
            yield ("model", "arguments", key), text


def _data_problems(
    name: str, values: Mapping[str, Any], folders: tuple[Path, ...]
) -> Iterator[Problem]:
    """What is wrong with a data set, with its options, or with the sizes that it gives."""
    from clr_sweep.training.data.datasets import examined

    found = examined(name, _options(values), folders)
    yield from ((("dataset", "name"), text) for text in found.problems)
    if found.test_problem is not None:
        yield ("dataset", "test"), found.test_problem
    if found.training_examples is not None:
        yield from _size_problems(values, found.training_examples)


def _options(values: Mapping[str, Any]) -> DataOptions:
    """What decides which examples there are."""
    folder = values.get("dataset.folder")
    return DataOptions(Path(folder) if folder else None, values.get("dataset.test"))


def _metric_problems(values: Mapping[str, Any], folders: tuple[Path, ...]) -> Iterator[Problem]:
    """What is wrong with the metrics' modules, and with an objective that is not among them."""
    loss, metrics = values.get("training.loss"), values.get("training.metrics")
    if metrics is None or loss is None or values.get("training.function") is not None:
        return  # a function measures what it likes: its first report tells
    outputs = outputs_of(loss, metrics)
    for one in outputs:
        for index, written in enumerate(one.metrics):
            if OWN.fullmatch(written):
                pair = pair_problem(written, folders, takes_more=False)
                for text in (*function_problems(written, folders), *([pair] if pair else [])):
                    yield (*one.keys("metrics"), str(index)), text
    if any(metrics_problem(loss, metrics)):
        return  # what is measured is not known while they do not go with the loss
    metric = values.get("objective.metric")
    if metric is not None and metric not in (known := objectives(measured(outputs))):
        beside = f"with the loss {loss}, " if not metrics else ""
        default = Objective.model_fields["metric"].default
        where = f"; {default} is the default, so name one of these" if metric == default else ""
        yield (
            ("objective", "metric"),
            f"{unknown('metric', metric, known)}: {beside}training.metrics says what is measured "
            f"beside the loss{where}",
        )


def _target_problems(values: Mapping[str, Any]) -> Iterator[Problem]:
    """A target that no value of the objective can reach, or that every value does."""
    loss, metrics = values.get("training.loss"), values.get("training.metrics")
    if (metric := values.get("objective.metric")) is None:
        return
    outputs = () if loss is None or metrics is None else outputs_of(loss, metrics)
    text = target_problem(values.get("study.stop_when"), reported(metric, outputs))
    if text is not None:
        yield ("study", "stop_when", "target"), text


def _size_problems(values: Mapping[str, Any], examples: int) -> Iterator[Problem]:
    trained_on = examples
    if values.get("dataset.examples") is None:
        part = values.get("dataset.validation")
        if part is None:
            return
        # Not validated: images need further keys, which do not matter here.
        dataset = DatasetConfig.model_construct(name=values["dataset.name"], validation=part)
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
