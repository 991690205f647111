"""A sweep file for a model and data that were looked at: what fits them, and why, as its text."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from clr_sweep.common.errors import InputError
from clr_sweep.definition.gamma import fitting_gamma
from clr_sweep.definition.image_options import ImageOptions
from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.definition.yaml_file import dump
from clr_sweep.training.data.arrays import NUMBER_CLASSES
from clr_sweep.training.data.named import by_name
from clr_sweep.training.label_scale import large_labels
from clr_sweep.training.requests import DataFacts, Look, ModelLook

_KEYS = "https://github.com/clr-sweep/clr-sweep/blob/main/docs/sweep-file.md"
# Half cycles in epochs: each goes a whole number of times into half the budget. The longest is that
# half itself, a single cycle: the best trial of the documented sweep has it (docs/first-sweep.md).
FACTORS, EPOCHS = (2, 4, 8), 16
TRIALS = 20
_LARGEST_BATCH, _SMALLEST_BATCH = 64, 16
_FEWEST_STEPS = 50  # of an epoch: below it a smaller batch gives the schedule more to go through
_RAMP_STEPS = 150  # of a range test: below it its curve is too coarse to read
# Where held-out values are wrong at first: 100 for each of the six decades, and some to spare.
_SETTLING_STEPS = 660
# And in no other case: docs/range-test.md, "The rules".
_QUARTER = (
    "# quarter reads the training loss. Batch normalisation meets the columns unscaled: until its",
    "# moving averages have reached them, the held-out values are wrong, which smith would read.",
)
_FINE = (
    "# Many epochs: batch normalisation meets the columns unscaled, and until its moving averages",
    "# have reached them, the held-out values are wrong, which the rule (smith) reads.",
)


@dataclass(frozen=True)
class Objective:
    """What a trial is trained for and judged by."""

    loss: str
    metrics: tuple[str, ...]
    metric: str
    direction: str
    why: str


def fitting_objective(look: Look, model: str) -> Objective:
    """The loss that goes with a model's outputs and its labels.

    Raises:
        InputError: none does, and what to change.
    """
    shape, units = look.label_shape, look.output_shape[-1] if look.output_shape else 1
    one_each = shape in (look.output_shape[:-1], (*look.output_shape[:-1], 1))
    if units == 1 and look.ends_in_softmax:
        seen = ", as the labels of all training examples are the same" if look.all_alike else ""
        raise InputError(
            f"the model {model} ends in a softmax of one output{seen}: that is 1 whatever it "
            "learns; train it on labels of several classes, with an output for each"
        )
    if look.labels == "classes" and one_each and units > 1:
        if look.classes is not None and look.classes > units:
            raise InputError(
                f"the labels number {look.classes} classes, from 0 to {look.classes - 1}, and the "
                f"model {model} has {units} outputs: give it one for each class, or, where the "
                f"labels are no such numbers, {NUMBER_CLASSES}"
            )
        why = f"class numbers, {look.classes} of them"
        return _of_classes("sparse_categorical_crossentropy", why, look)
    if look.labels == "one hot" and shape == look.output_shape:
        why = f"{units} classes, one number for each"
        return _of_classes("categorical_crossentropy", why, look)
    if look.ends_in_sigmoid and (look.labels == "yes or no" or look.classes == 2):
        return _classification("binary_crossentropy", "yes or no")
    if shape == look.output_shape or (one_each and units == 1):
        return Objective(
            "mean_squared_error",
            ("mean_absolute_error",),
            "val_mean_absolute_error",
            "minimize",
            "amounts",
        )
    raise InputError(
        f"no loss goes with labels of the shape {('n', *shape)} and a model, {model}, that ends in "
        f"{('n', *look.output_shape)}: end it in an output for each class, or in as many as there "
        "are amounts"
    )


def _of_classes(loss: str, why: str, look: Look) -> Objective:
    if look.sums_to_one:
        return _classification(loss, why)
    logits = f"{{name: {loss}, arguments: {{from_logits: true}}}}"
    return _classification(logits, f"{why}; outputs: no probabilities")


def _classification(loss: str, why: str) -> Objective:
    return Objective(loss, ("accuracy",), "val_accuracy", "maximize", why)


def sweep_warnings(look: ModelLook, objective: Objective | dict[str, Objective]) -> Iterator[str]:
    """What is wrong with the size of examples and with labels, each with its cure."""
    if look.unscaled:
        yield look.unscaled
    losses = by_name(objective)
    for name, one in by_name(look.outputs).items():
        if one.all_alike:
            of_output = f" of {name}" if name else ""
            yield (
                f"the labels{of_output} of all training examples are the same, so nothing can be "
                "learnt from them: train on examples with different ones"
            )
        if text := large_labels(one.label_size, losses[name].loss, name):
            yield text


def held_out_part(examples: int) -> float:
    """Which part of so many training examples is held out for validation.

    Raises:
        InputError: no example would be.
    """
    if examples < 3:
        raise InputError(
            "x_train: must hold at least 3 examples, so that one can be held out to score trials, "
            f"got {examples}"
        )
    return 0.1 if examples >= 2000 else 0.2


def fitting_batch(examples: int) -> int:
    """The batch size for so many examples that are trained on."""
    size = _LARGEST_BATCH
    while size > _SMALLEST_BATCH and examples / size < _FEWEST_STEPS:
        size //= 2
    return min(size, examples)


def sweep_text(
    name: str,
    dataset: DatasetConfig,
    seen: str,
    model: str,
    facts: DataFacts,
    look: Look | dict[str, Look],
    objective: Objective | dict[str, Objective],
    warnings: Sequence[str],
    schema: str,
    budget: str,
    *,
    settles: bool = False,
) -> str:
    """The file.

    Args:
        name: of the study.
        dataset: as the file names it, with the keys that it needs.
        seen: why these are as they are.
        model: as the file names it.
        look, objective: of a model of several outputs, of each by its name.
        warnings: what speaks against a run of it as it is.
        schema: where an editor finds the JSON schema.
        budget: what a run costs.
        settles: as in `ModelLook`.
    """
    part = held_out_part(facts.train)
    held_out = dataset.model_copy(update={"validation": part}).held_out(facts.train)
    batch = fitting_batch(facts.train - held_out)
    steps = math.ceil((facts.train - held_out) / batch)
    ramp = max(3, math.ceil((_SETTLING_STEPS if settles else _RAMP_STEPS) / steps))
    cycles = ", ".join(str(EPOCHS // (2 * factor)) for factor in FACTORS)
    what = f"{facts.train:,} examples {_inputs(facts)}"
    parameters = next(iter(by_name(look).values())).parameters
    metric, direction = "val_loss", "minimize"
    if isinstance(objective, Objective):
        metric, direction = objective.metric, objective.direction
    rule, settling = "", _FINE if settles else ()
    if settles and direction == "minimize":  # an accuracy does not fall by orders of magnitude
        rule, settling = ", rule: quarter", _QUARTER
    lines = [
        ("name: " + _scalar(name), "of the study, and of MLflow's experiment"),
        ("dataset:", ""),
        ("  name: " + _scalar(dataset.name), what),
        *_image_lines(dataset.options.images, seen),
        (f"  validation: {part}", f"held out to score trials: {held_out:,} examples"),
        ("model:", ""),
        ("  name: " + _scalar(model), f"{parameters:,} parameters"),
        ("training:", ""),
        ("  optimizer: sgd", "or adam, ...; the schedule gives its rate"),
        (f"  batch_size: {batch}", f"{steps:,} steps an epoch"),
        (f"  epochs: {EPOCHS}", f"of a trial: {cycles} whole cycles, by the factors below"),
        *_trained_for(objective),
        ("search_space:", ""),
        ("  from: range_test", "the first stage finds init_lr and max_lr"),
        (
            f"  step_size_factor: {list(FACTORS)}",
            f"half a cycle, in epochs; {FACTORS[-1]}: one long cycle, against several short ones",
        ),
        ("  policy: [triangular, triangular2, exp_range]", ""),
        (
            f"  gamma: {fitting_gamma(EPOCHS * steps)}",
            f"exp_range's amplitude ends at a third, after {EPOCHS * steps:,} steps",
        ),
        *((line, "") for line in settling),
        (f"range_test: {{epochs: {ramp}, seeds: 3{rule}}}", "trainings in which the rate rises"),
        ("objective:", ""),
        (f"  metric: {metric}", "on what is held out"),
        (f"  direction: {direction}", ""),
        ("  at: cycle_end", "where the rate is low: comparable from trial to trial"),
        (f"study: {{trials: {TRIALS}, seed: 42}}", "the same command with more goes on"),
        (
            "baseline: {policy: constant, learning_rate: 0.01}",
            "sgd's own rate in Keras: what the best trial has to beat",
        ),
    ]
    width = max(len(key) for key, _ in lines if len(key) < 50) + 2
    body = [f"{key:{width}}# {why}" if why else key for key, why in lines]
    head = [
        f"# yaml-language-server: $schema={schema}",
        "# Written by `clr-sweep init`, after a look at the data and the model; every key:",
        f"# {_KEYS}",
        "# What it would do: clr-sweep check; start it, go on: clr-sweep run.",
        f"# {budget}",
        *(f"# {line}" for text in warnings for line in textwrap.wrap(text, 98)),
    ]
    return "\n".join([*head, *body, ""])


def _image_lines(options: ImageOptions, seen: str) -> list[tuple[str, str]]:
    """The keys that images need, and what was seen of them."""
    given = options.given()
    if not given:
        return []
    size = given.pop("image_size")
    others = [(f"  {key}: {value}", "") for key, value in given.items()]
    return [(f"  image_size: {list(size)}", seen), *others]


def _inputs(facts: DataFacts) -> str:
    """Shape and type of an example, of each of its arrays where they have names."""
    shapes, dtypes = by_name(facts.input_shape), by_name(facts.input_dtype)
    return ", ".join(
        f"{shape} {dtypes[name]}" if name is None else f"{name} {shape} {dtypes[name]}"
        for name, shape in shapes.items()
    )


def _trained_for(objective: Objective | dict[str, Objective]) -> Iterator[tuple[str, str]]:
    """The lines of loss and metrics, each with its comment."""
    if isinstance(objective, Objective):
        yield f"  loss: {objective.loss}", f"labels: {objective.why}"
        yield f"  metrics: [{', '.join(objective.metrics)}]", ""
        return
    weights = ", ".join(f"{name}: 1" for name in objective)
    yield "  loss:", "small is made the sum of these, each times its weight"
    yield "    outputs:", ""
    for name, one in objective.items():
        yield f"      {_scalar(name)}: {one.loss}", f"labels: {one.why}"
    yield f"    weights: {{{weights}}}", "so that none drowns the others: change them"
    metrics = ", ".join(
        f"{_scalar(name)}: [{', '.join(one.metrics)}]" for name, one in objective.items()
    )
    yield f"  metrics: {{{metrics}}}", ""


def _scalar(text: str) -> str:
    """A text as YAML has it."""
    written = dump({"text": text}).removeprefix("text: ").rstrip("\n")
    return json.dumps(text, ensure_ascii=False) if "\n" in written else written
