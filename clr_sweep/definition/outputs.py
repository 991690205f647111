"""The outputs of a model that a sweep trains: of each its loss, its weight, and what is measured.

A model of one output has the name None for it, and is written without a name: `loss: huber`. Of
several each has its name, by which its labels are held too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, Discriminator, StrictStr, Tag

from clr_sweep.definition.dimensions import TAGS, Frozen, expected
from clr_sweep.definition.fields import AtLeastZero
from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.metrics import base, default_metrics, is_taken, name_of
from clr_sweep.definition.problems import Problem, unknown
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sections import section

NOT_OF_SEVERAL = (
    "is for a model of one output, as under fit: let sample_weight weigh the examples, by their "
    "labels"
)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def _some(value: Any) -> Any:
    if not isinstance(value, Mapping) or not value:
        raise expected("a loss for each output, such as {age: mse, sex: binary_crossentropy}")
    return value


class OutputLosses(Frozen):
    """What the training makes small where a model has several outputs: a weighted sum of losses.

    Attributes:
        outputs: the loss of each output, by the output's name.
        weights: what the loss of an output counts in the sum; 1 of one that is not named.
    """

    outputs: Annotated[dict[StrictStr, LossConfig], BeforeValidator(_some)]
    weights: dict[StrictStr, AtLeastZero] = {}

    not_taken = dict.fromkeys(
        ("name", "arguments"), "outputs has the loss of each output: leave one of the two out"
    )

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the names of the outputs and with their weights.

        Asked with the section: what else is said of these outputs is held against them all the
        same.
        """
        for name in self.outputs:
            if (text := _name_problem(name)) is not None:
                yield ("outputs", name), text
        for name in self.weights:
            if name not in self.outputs:
                yield ("weights", name), unknown("output", name, self.outputs)
        if not any(self.weights.get(name, 1) for name in self.outputs):
            text = "must leave the loss of one output a weight above 0: their sum is 0 always"
            yield ("weights",), text

    def __str__(self) -> str:
        """In words, with the weights that are given."""
        return ", ".join(
            f"{loss} of {name}"
            + (f" (weight {self.weights[name]:g})" if name in self.weights else "")
            for name, loss in self.outputs.items()
        )


class Output(NamedTuple):
    """One of a model's outputs.

    Attributes:
        name: None where it is the only one.
        metrics: what is measured of it beside its loss, as they are written.
        prefix: what Keras puts before the names of its metrics, where it is one of several.
    """

    name: str | None
    loss: LossConfig
    metrics: tuple[str, ...]
    prefix: str = ""

    def keys(self, key: str) -> tuple[str, ...]:
        """Where a sweep file says it, by the keys: training, loss, outputs, age."""
        if self.name is None:
            return ("training", key)
        return ("training", key, *(["outputs"] if key == "loss" else []), self.name)

    def place(self, key: str) -> str:
        """The same in words: `training.loss`, `training.loss.outputs.age`."""
        return ".".join(self.keys(key))

    def reported(self, metric: str) -> str:
        """The name under which Keras reports a metric of it."""
        return f"{self.prefix}{name_of(metric)}"


def outputs_of(
    loss: LossConfig | OutputLosses, metrics: Sequence[str] | Mapping[str, Sequence[str]]
) -> tuple[Output, ...]:
    """The outputs, from what a sweep says of their losses and metrics.

    Args:
        metrics: of one output a list, of several a list by each one's name; what is not of the kind
            that the loss is counts for none.
    """
    if isinstance(loss, LossConfig):
        listed = () if isinstance(metrics, Mapping) else tuple(metrics)
        return (Output(None, loss, listed),)
    by_output = metrics if isinstance(metrics, Mapping) else {}
    alone = len(loss.outputs) == 1
    return tuple(
        Output(name, one, tuple(by_output.get(name, ())), "" if alone else f"{name}_")
        for name, one in loss.outputs.items()
    )


def measured(outputs: Sequence[Output]) -> dict[str, str]:
    """What is measured beside the loss: of each name that Keras reports, the metric behind it.

    Of several outputs their own losses are among them, as Keras reports them then.
    """
    found = {one.reported(metric): metric for one in outputs for metric in one.metrics}
    if len(outputs) > 1:
        found |= {one.reported("loss"): "loss" for one in outputs}
    return found


def default_metrics_of(loss: Any) -> Any:
    """What is measured where a sweep names nothing, of a loss as it is written."""
    if not is_of_several(loss):
        return default_metrics(_name_in(loss))
    outputs = _outputs_in(loss)
    if not isinstance(outputs, Mapping):
        return {}
    found = {name: default_metrics(_name_in(one)) for name, one in outputs.items()}
    return {name: metrics for name, metrics in found.items() if metrics}


def metrics_problem(
    loss: LossConfig | OutputLosses, metrics: Sequence[str] | Mapping[str, Sequence[str]]
) -> Iterator[Problem]:
    """What is wrong with metrics beside a loss: they are of one output, or of several, as it is."""
    if isinstance(loss, OutputLosses):
        if not isinstance(metrics, Mapping):
            names = ", ".join(f"{name}: [...]" for name in loss.outputs)
            text = f"must be lists by the names of the outputs, such as {{{names}}}, got a list"
            yield (), text
            return
        for name in metrics:
            if name not in loss.outputs:
                yield (str(name),), unknown("output", name, loss.outputs)
        seen: dict[str, str] = {}
        for one in outputs_of(loss, metrics):
            for reported in (*measured((one,)), one.reported("loss")):
                if reported in seen:
                    text = f"{reported} is a metric of the output {seen[reported]} too"
                    yield (str(one.name),), f"{text}: give one of the outputs another name"
                seen[reported] = str(one.name)
    elif isinstance(metrics, Mapping):
        text = (
            "must be a list, since training.loss is of one output: lists by output go with a loss "
            "by output, training.loss: {outputs: {NAME: ...}}"
        )
        yield (), text


def is_of_several(loss: Any) -> bool:
    """Whether a loss, as it is written, is that of several outputs, each by its name."""
    return _which(loss) == _SEVERAL


def reported(name: str, outputs: Sequence[Output]) -> ReportedMetric:
    """The metric that a name stands for; one that is not measured is what it is called.

    Args:
        name: as Keras reports it, with or without `val_` or `test_`.
    """
    for one in outputs:
        for metric in (*one.metrics, "loss"):
            if one.reported(metric) == base(name):
                return ReportedMetric(name, metric, one.name if one.prefix else None)
    return ReportedMetric.by_name(name)


def with_direction(content: Any) -> Any:
    """A definition as it is written, with the objective's direction where one of Keras' metrics of
    an output tells it: the name alone, `val_sex_accuracy`, does not."""
    objective, training = section(content, "objective"), section(content, "training")
    metric, loss = objective.get("metric"), training.get("loss")
    if "direction" in objective or not isinstance(metric, str) or not is_of_several(loss):
        return content
    metrics = training.get("metrics", default_metrics_of(loss))
    try:
        # Their names alone matter, whatever is wrong with their losses.
        named = OutputLosses.model_construct(outputs=_outputs_in(loss))
        found = reported(metric, outputs_of(named, metrics)).direction
    except (TypeError, AttributeError):  # said where they are read
        return content
    if found is None:
        return content
    return {**content, "objective": {**objective, "direction": found}}


_ONE, _SEVERAL = "(one)", "(outputs)"
TAGS.update({_ONE: LossConfig, _SEVERAL: OutputLosses})


def _which(value: Any) -> str:
    several = isinstance(value, Mapping) and not {"outputs", "weights"}.isdisjoint(value)
    return _SEVERAL if several or isinstance(value, OutputLosses) else _ONE


def _name_problem(name: str) -> str | None:
    """What is wrong with the name of an output, from which those of its metrics are made."""
    if not _NAME.fullmatch(name):
        return "must be named by letters, digits, - and _"
    if is_taken(f"{name}_loss"):
        return (
            f"{name}_loss has a meaning of its own here: give the output, and its labels, another "
            "name"
        )
    return None


def _outputs_in(loss: Any) -> Any:
    """The losses of several outputs, however they are written."""
    return loss.outputs if isinstance(loss, OutputLosses) else loss.get("outputs")


def _name_in(loss: Any) -> str:
    """The name of a loss, however it is written."""
    return str(loss.get("name") if isinstance(loss, Mapping) else getattr(loss, "name", loss))


Loss = Annotated[
    Annotated[LossConfig, Tag(_ONE)] | Annotated[OutputLosses, Tag(_SEVERAL)],
    Discriminator(_which),
]
