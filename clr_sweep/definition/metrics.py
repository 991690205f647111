"""What a model is compiled with: Keras' metrics by their names, and metrics of the user's own.

One table says of each of Keras' metrics which direction is better, in which unit it is, and what
it takes labels and outputs to be. Of a metric of the user's own none of that is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

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


_UP: Direction = "maximize"
_DOWN: Direction = "minimize"

KERAS: Mapping[str, KerasMetric] = {
    "accuracy": KerasMetric("accuracy", _UP, "any", is_share=True),
    "binary_accuracy": KerasMetric("binary accuracy", _UP, "binary", is_share=True),
    "categorical_accuracy": KerasMetric("categorical accuracy", _UP, "one_hot", is_share=True),
    "sparse_categorical_accuracy": KerasMetric(
        "sparse categorical accuracy", _UP, "classes", is_share=True
    ),
    "top_k_categorical_accuracy": KerasMetric(
        "top-5 categorical accuracy", _UP, "one_hot", is_share=True
    ),
    "sparse_top_k_categorical_accuracy": KerasMetric(
        "sparse top-5 categorical accuracy", _UP, "classes", is_share=True
    ),
    "auc": KerasMetric("AUC", _UP, "binary"),
    "precision": KerasMetric("precision", _UP, "binary"),
    "recall": KerasMetric("recall", _UP, "binary"),
    "f1_score": KerasMetric("F1 score", _UP, "parts"),
    "f_beta_score": KerasMetric("F-beta score", _UP, "parts"),
    "true_positives": KerasMetric("true positives", _UP, "binary"),
    "true_negatives": KerasMetric("true negatives", _UP, "binary"),
    "false_positives": KerasMetric("false positives", _DOWN, "binary"),
    "false_negatives": KerasMetric("false negatives", _DOWN, "binary"),
    "binary_io_u": KerasMetric("binary IoU", _UP, "binary"),
    "binary_crossentropy": KerasMetric("binary crossentropy", _DOWN, "parts", is_positive=True),
    "categorical_crossentropy": KerasMetric(
        "categorical crossentropy", _DOWN, "one_hot", is_positive=True
    ),
    "sparse_categorical_crossentropy": KerasMetric(
        "sparse categorical crossentropy", _DOWN, "classes", is_positive=True
    ),
    "kl_divergence": KerasMetric("KL divergence", _DOWN, "parts", is_positive=True),
    "categorical_hinge": KerasMetric("categorical hinge", _DOWN, "one_hot", is_positive=True),
    "hinge": KerasMetric("hinge", _DOWN, "signs", is_positive=True),
    "squared_hinge": KerasMetric("squared hinge", _DOWN, "signs", is_positive=True),
    "mean_squared_error": KerasMetric("mean squared error", _DOWN, "numbers", is_positive=True),
    "root_mean_squared_error": KerasMetric(
        "root mean squared error", _DOWN, "numbers", is_positive=True
    ),
    "mean_absolute_error": KerasMetric("mean absolute error", _DOWN, "numbers", is_positive=True),
    "mean_absolute_percentage_error": KerasMetric(
        "mean absolute percentage error", _DOWN, "numbers", is_positive=True
    ),
    "mean_squared_logarithmic_error": KerasMetric(
        "mean squared logarithmic error", _DOWN, "not_negative", is_positive=True
    ),
    "log_cosh_error": KerasMetric("log-cosh error", _DOWN, "numbers", is_positive=True),
    "poisson": KerasMetric("Poisson loss", _DOWN, "not_negative"),
    "cosine_similarity": KerasMetric("cosine similarity", _UP, "numbers"),
    "r2_score": KerasMetric("R² score", _UP, "numbers"),
    "pearson_correlation": KerasMetric("Pearson correlation", _UP, "rows"),
    "concordance_correlation": KerasMetric("concordance correlation", _UP, "rows"),
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

OWN = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")
_TAKEN = ("loss", "learning_rate", "batch_loss", "cycle", "cpu_seconds", "momentum")
_PREFIXES = ("val_", "test_", "best_", "baseline_", "trial_", "sweep_")


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


def is_share(metric: str) -> bool:
    """Whether it is the part of the examples that were right: one of Keras' accuracies."""
    known = of_keras(base(metric))
    return known is not None and known.is_share


def is_error(metric: str) -> bool:
    """Whether it is one of Keras' that are never below 0, are not bounded above, and best at 0."""
    known = of_keras(base(metric))
    return known is not None and known.is_positive


def is_positive(loss: str) -> bool:
    """Whether a loss of Keras' is never below 0, so that a logarithm suits it."""
    return loss.replace("_", "").lower() not in ("cosinesimilarity", "poisson")


def name_of(written: str) -> str:
    """The name under which a metric is reported: of `module:name` the name."""
    return written.rpartition(":")[2]


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
            yield index, f"is the same metric as {shown(seen[same])}, got {shown(written)}"
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
    if of_keras(name) is not None or name in _TAKEN or name.startswith(_PREFIXES):
        return f"{name} has a meaning of its own here: give the metric another name in its module"
    return None
