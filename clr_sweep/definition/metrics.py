"""What a model is compiled with: Keras' metrics by their names, and metrics of the user's own.

One table says of each of Keras' metrics which direction is better, in which unit it is, and what
it takes labels and outputs to be. Of a metric of the user's own none of that is guessed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from clr_sweep.definition.mlflow_names import name_problem
from clr_sweep.definition.own_names import OWN
from clr_sweep.definition.own_training import OF_FUNCTION
from clr_sweep.definition.problems import shown, unknown

Direction = Literal["maximize", "minimize"]
Labels = Literal[
    "any", "numbers", "rows", "not_negative", "binary", "parts", "signs",
    "one_hot", "classes",
]  # fmt: skip


class KerasMetric(NamedTuple):
    """What is known of one of Keras' metrics.

    Attributes:
        words: its name for readers, after `validation`, `training` or `test`.
        direction: what makes a model better.
        labels: what it takes them to be. numbers: any; rows: any, several an example;
            not_negative: from 0 on; binary: 0 or 1; parts: from 0 to 1; signs: -1 or 1 (0 is
            taken for -1), each shaped as the outputs; one_hot: a probability for each class, of
            which there are two at least; classes: the number of a class; any: Keras chooses
            binary, one_hot or classes.
        is_share: the part of the examples that were right, whose differences are told in points.
        is_positive: never below 0 and not bounded above: an error, which a logarithm suits.
    """

    words: str
    direction: Direction
    labels: Labels
    is_share: bool = False
    is_positive: bool = False


def _share(words: str, labels: Labels) -> KerasMetric:
    return KerasMetric(words, "maximize", labels, is_share=True)


def _error(words: str, labels: Labels) -> KerasMetric:
    return KerasMetric(words, "minimize", labels, is_positive=True)


KERAS: Mapping[str, KerasMetric] = {
    "accuracy": _share("accuracy", "any"),
    "binary_accuracy": _share("binary accuracy", "binary"),
    "categorical_accuracy": _share("categorical accuracy", "one_hot"),
    "sparse_categorical_accuracy": _share("sparse categorical accuracy", "classes"),
    "top_k_categorical_accuracy": _share("top-5 categorical accuracy", "one_hot"),
    "sparse_top_k_categorical_accuracy": _share("sparse top-5 categorical accuracy", "classes"),
    "auc": KerasMetric("AUC", "maximize", "binary"),
    "precision": KerasMetric("precision", "maximize", "binary"),
    "recall": KerasMetric("recall", "maximize", "binary"),
    "f1_score": KerasMetric("F1 score", "maximize", "parts"),
    "f_beta_score": KerasMetric("F-beta score", "maximize", "parts"),
    "true_positives": KerasMetric("true positives", "maximize", "binary"),
    "true_negatives": KerasMetric("true negatives", "maximize", "binary"),
    "false_positives": KerasMetric("false positives", "minimize", "binary"),
    "false_negatives": KerasMetric("false negatives", "minimize", "binary"),
    "binary_io_u": KerasMetric("binary IoU", "maximize", "binary"),
    "binary_crossentropy": _error("binary crossentropy", "parts"),
    "categorical_crossentropy": _error("categorical crossentropy", "one_hot"),
    "sparse_categorical_crossentropy": _error("sparse categorical crossentropy", "classes"),
    "kl_divergence": _error("KL divergence", "parts"),
    "categorical_hinge": _error("categorical hinge", "one_hot"),
    "hinge": _error("hinge", "signs"),
    "squared_hinge": _error("squared hinge", "signs"),
    "mean_squared_error": _error("mean squared error", "numbers"),
    "root_mean_squared_error": _error("root mean squared error", "numbers"),
    "mean_absolute_error": _error("mean absolute error", "numbers"),
    "mean_absolute_percentage_error": _error("mean absolute percentage error", "numbers"),
    "mean_squared_logarithmic_error": _error("mean squared logarithmic error", "not_negative"),
    "log_cosh_error": _error("log-cosh error", "numbers"),
    "poisson": KerasMetric("Poisson loss", "minimize", "not_negative"),
    "cosine_similarity": KerasMetric("cosine similarity", "maximize", "numbers"),
    "r2_score": KerasMetric("R² score", "maximize", "numbers"),
    "pearson_correlation": KerasMetric("Pearson correlation", "maximize", "rows"),
    "concordance_correlation": KerasMetric("concordance correlation", "maximize", "rows"),
}
"""By Keras' names, those that it makes from a name alone."""

_CLASS_NAMES = {
    "auc": "AUC", "binary_io_u": "BinaryIoU", "kl_divergence": "KLDivergence",
}  # fmt: skip
ALIASES: Mapping[str, str] = {
    **{
        _CLASS_NAMES.get(name, "".join(part.capitalize() for part in name.split("_"))): name
        for name in KERAS
    },
    **{
        written: name
        for short, name in {
            "bce": "binary_crossentropy",
            "mse": "mean_squared_error",
            "mae": "mean_absolute_error",
            "mape": "mean_absolute_percentage_error",
            "msle": "mean_squared_logarithmic_error",
        }.items()
        for written in (short, short.upper())
    },
    "acc": "accuracy",
}
"""The other names that Keras has for them."""

INCOMPLETE = (
    "PrecisionAtRecall", "RecallAtPrecision", "SensitivityAtSpecificity",
    "SpecificityAtSensitivity", "IoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU",
    "precision_at_recall", "recall_at_precision", "sensitivity_at_specificity",
    "specificity_at_sensitivity", "io_u", "mean_io_u", "one_hot_io_u", "one_hot_mean_io_u",
)  # fmt: skip
"""Keras' metrics that need arguments, which a name alone does not give."""

_CLASSIFYING_LOSSES = (
    "binarycrossentropy", "bce", "binaryfocalcrossentropy", "categoricalcrossentropy",
    "categoricalfocalcrossentropy", "sparsecategoricalcrossentropy", "categoricalhinge",
)  # fmt: skip

_TAKEN = ("loss", "learning_rate", "batch_loss", "cycle", "cpu_seconds", "momentum")
_PREFIXES = ("val_", "test_", "best_", "baseline_", "trial_", "sweep_", "system/")


def of_keras(name: str) -> KerasMetric | None:
    """What is known of a metric by any name that Keras has for it, without `val_` or `test_`."""
    return KERAS.get(ALIASES.get(name, name))


def base(metric: str) -> str:
    """A metric's name without what says where it was measured (`val_`, `test_`)."""
    return metric.removeprefix("val_").removeprefix("test_")


def measured_on(metric: str) -> str:
    """Which examples a metric speaks of: `validation`, `test` or `training`."""
    for prefix, where in (("val_", "validation"), ("test_", "test")):
        if metric.startswith(prefix):
            return where
    return "training"


def on_test_set(metric: str) -> str:
    """The metric's name where it is measured on the test set."""
    return f"test_{base(metric)}"


def direction(metric: str) -> Direction | None:
    """What makes a value of this metric better; None where it is the user's own to say."""
    name = base(metric)
    known = of_keras(name)
    return known.direction if known else "minimize" if name == "loss" else None


def sign_of(direction: str | None) -> int:
    """+1 where `maximize` says that larger values are better, else -1."""
    return 1 if direction == "maximize" else -1


_OF_ANY_SIGN = ("cosinesimilarity", "poisson")


def is_positive(loss: str) -> bool:
    """Whether a loss is known to be never below 0, so that a logarithm suits it."""
    if loss == OF_FUNCTION or OWN.fullmatch(loss):
        return False
    return loss.replace("_", "").lower() not in _OF_ANY_SIGN


def name_of(written: str) -> str:
    """The name under which a metric is reported: of `module:name` the name."""
    return written.rpartition(":")[2]


def is_taken(name: str) -> bool:
    """Whether what is called so would be taken for something else that is recorded of a trial."""
    return name in _TAKEN or name.startswith(_PREFIXES)


def reported_problem(name: str) -> str | None:
    """What is wrong with a name under which code of the user's reports a value, if anything.

    Args:
        name: without `val_`.
    """
    if name.startswith("val_"):
        return (
            f"{name} begins with val_, which stands once, before the name of what is measured on "
            "validation examples: give the metric another name"
        )
    if name != "loss" and is_taken(name):
        ours = ", ".join(known for known in _TAKEN if known != "loss")
        begins = ", ".join(prefix for prefix in _PREFIXES if prefix != "val_")
        return (
            f"{name} has a meaning of its own here, as have {ours}, and all that begins with "
            f"{begins}, with val_ before them too: give the metric another name"
        )
    return name_problem(name, "a metric")


def default_metrics(loss: str) -> tuple[str, ...]:
    """What is measured beside the loss where a sweep names nothing: accuracy, if it classifies."""
    classifies = loss.replace("_", "").lower() in _CLASSIFYING_LOSSES
    return ("accuracy",) if classifies else ()


def objectives(metrics: Iterable[str]) -> list[str]:
    """The metrics that an objective may be, where these are compiled beside the loss."""
    names = [*map(name_of, metrics), "loss"]
    return [f"{prefix}{name}" for prefix in ("val_", "") for name in names]


def metric_problems(metrics: Iterable[str]) -> Iterator[tuple[int, str]]:
    """What is wrong with `training.metrics` as it is written: the place in the list and a text."""
    seen: dict[str, str] = {}
    for index, written in enumerate(metrics):
        if text := _problem(written):
            yield index, text
            continue
        name = name_of(written)
        same = ALIASES.get(name, name)
        if same in seen:
            is_twice = seen[same] == written
            text = "must stand once" if is_twice else f"is the same metric as {shown(seen[same])}"
            yield index, f"{text}, got {shown(written)}{' again' * is_twice}"
        seen[same] = written


def _problem(written: str) -> str | None:
    if written in INCOMPLETE:
        return (
            f"{written} needs arguments, which a name alone does not give: write a class of your "
            f"own that gives them, and name it as module:name, got {shown(written)}"
        )
    if ":" not in written:
        if written == "loss":
            return "the loss is measured in any case: leave it out, got 'loss'"
        if of_keras(written) is None:
            return f"{unknown('metric', written, KERAS)}, or 'module:name' of your own"
        return None
    if OWN.fullmatch(written) is None:
        return f"must be module:name, as in my_code:my_metric, got {shown(written)}"
    name = name_of(written)
    if of_keras(name) is not None or is_taken(name):
        return f"{name} has a meaning of its own here: give the metric another name in its module"
    return name_problem(name, "a metric")


def unjudged(evaluate: str | None, objective: str, given: Mapping[str, float]) -> str:
    """That an evaluation gives no number of what trials are judged by; empty where it does.

    Args:
        evaluate: the function, `module:function`; None of a training that is evaluated by us.
        given: the metrics that it gave, with `test_`.
    """
    finite = [base(each) for each, value in given.items() if math.isfinite(value)]
    if evaluate is None or (name := base(objective)) in finite:
        return ""
    instead = f"only {', '.join(finite)}" if finite else "nor any other metric"
    return (
        f"{evaluate} gives no finite {name}, {instead}: the objective is "
        f"{objective}, by which the test set is to judge too, so let it give a finite {name}"
    )
