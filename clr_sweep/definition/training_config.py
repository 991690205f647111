"""How a model is trained, but for its learning rate: the section `training` of a sweep file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Self

from pydantic import model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.fields import (
    AtLeastZero,
    BelowOne,
    ClassWeight,
    Count,
    Metrics,
    Name,
    OwnName,
    Precision,
)
from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.optimizers import OptimizerConfig, momentum_problem
from clr_sweep.definition.outputs import (
    NOT_OF_SEVERAL,
    Loss,
    Output,
    OutputLosses,
    default_metrics_of,
    measured,
    metrics_problem,
    outputs_of,
    reported,
)
from clr_sweep.definition.own_training import OF_FUNCTION
from clr_sweep.definition.problems import Problem
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sections import Section


class CycledMomentum(Frozen):
    """Bounds of a momentum (or beta_1) that falls while the learning rate rises, and back."""

    low: BelowOne = 0.85
    high: BelowOne = 0.95

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.low >= self.high:
            text = f"must be above low ({self.low:g}), got {self.high:g}"
            raise FieldProblemsError([(("high",), text)])
        return self


class EarlyStopping(Frozen):
    """When a trial ends before its budget: judged from trough to trough, never between.

    Attributes:
        patience: so many troughs in a row without an improvement end the trial.
        min_delta: what counts as none: a gain in the objective's metric of no more than this.
    """

    stands_for = ("patience",)
    patience: Count
    min_delta: AtLeastZero = 0.0


class TrainingConfig(Section):
    """How a model is trained, apart from the learning-rate schedule.

    Attributes:
        epochs: the budget of a trial; but for `objective.at: final` a trial ends at its last
            whole cycle within it.
        loss: of a model of one output; or of several, by their names.
        metrics: what is measured beside the loss: Keras' metrics by name, or `module:name` of a
            metric of the user's own; of several outputs those of each, by its name. Accuracy where
            they are left out and the loss is one of a classification, else none.
        class_weight: what the examples of a class count in the loss that is trained, by the number
            of the class, as under Keras' `fit`; `balanced`: each class weighs the same; None: all
            examples count alike.
        sample_weight: `module:function` of the training examples and their labels, which returns
            what each of them counts in the loss that is trained; None: as `class_weight` says.
        cycle_momentum: None: the optimizer's momentum is the same at every step.
        early_stopping: None: trials use their budget. Policies without cycles always do.
        precision: Keras' dtype policy that the model is built under.
        function: `module:function` of the user's own that trains a trial; None: our loop does.
        evaluate: `module:function` that evaluates on a test set what `function` trained.
    """

    not_taken = {
        "callbacks": (
            "what they keep in Python is in no checkpoint, so a trial that was interrupted would "
            "end otherwise; the rate follows search_space.policy, early_stopping ends a trial, "
            "objective.at: best keeps the best weights, and each epoch is in epochs.jsonl and "
            "MLflow: leave it out, and see own-model.md, Callbacks"
        ),
        "learning_rate": "the schedule gives it: set init_lr and max_lr in search_space instead",
        "validation_freq": "every epoch is validated, for the objective's sake: leave it out",
        "steps_per_execution": (
            "whole stretches of steps are one call into the graph already: leave it out"
        ),
    }
    stands_for = ("epochs", "optimizer")
    optimizer: OptimizerConfig = OptimizerConfig(name="sgd")
    batch_size: Count = 64
    epochs: Count
    loss: Loss = LossConfig(name="sparse_categorical_crossentropy")
    metrics: Metrics = ("accuracy",)
    class_weight: ClassWeight | None = None
    sample_weight: OwnName | None = None
    cycle_momentum: CycledMomentum | None = None
    early_stopping: EarlyStopping | None = None
    precision: Precision = "float32"
    function: Name | None = None
    evaluate: Name | None = None

    @classmethod
    def filled(cls, written: Mapping[str, Any]) -> Mapping[str, Any]:
        """With the metrics of its loss; a function's own loss is known to nobody else."""
        if written.get("function") is not None:
            return {**written, "loss": OF_FUNCTION, "metrics": ()}
        if "metrics" not in written:
            loss = written.get("loss", cls.model_fields["loss"].default)
            return {**written, "metrics": default_metrics_of(loss)}
        return written

    @property
    def names_optimizer(self) -> bool:
        """Whether `optimizer` is known; a function may make its own where a sweep names none."""
        by_default = type(self).model_fields["optimizer"].default
        return self.function is None or self.optimizer != by_default

    @property
    def outputs(self) -> tuple[Output, ...]:
        """What is trained and measured of each output; of a single one, whose name is None."""
        return outputs_of(self.loss, self.metrics)

    @property
    def measured(self) -> dict[str, str]:
        """What is measured beside the loss: of each name that is reported, the metric behind it."""
        return measured(self.outputs)

    def reported(self, name: str) -> ReportedMetric:
        """The metric behind a name that a training reports, with or without `val_` or `test_`."""
        return reported(name, self.outputs)

    @property
    def class_weights(self) -> str | None:
        """The weights of the classes in words, if they do not all count alike."""
        weights = self.class_weight
        if weights is None or isinstance(weights, str):
            return weights
        return ", ".join(f"{number}: {weight:g}" for number, weight in weights.items())

    @property
    def is_tested(self) -> bool:
        """Whether what it trains can be evaluated on a test set."""
        return self.function is None or self.evaluate is not None

    @property
    def is_continued(self) -> bool:
        """Whether an interrupted trial goes on where it was, and does not start over."""
        return self.function is None

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        weighs_classes = values.get("class_weight") is not None
        if weighs_classes and values.get("sample_weight") is not None:
            text = "cannot be given with class_weight, as under fit: let the function weigh both"
            yield ("sample_weight",), text
        loss, metrics = values.get("loss"), values.get("metrics")
        if isinstance(loss, OutputLosses):
            yield from ((("loss", *keys), text) for keys, text in loss.problems())
            if weighs_classes:
                yield ("class_weight",), NOT_OF_SEVERAL
        if loss is not None and metrics is not None:
            yield from ((("metrics", *keys), text) for keys, text in metrics_problem(loss, metrics))
        optimizer = values.get("optimizer")
        if optimizer is not None and values.get("cycle_momentum") is not None:
            wrong = momentum_problem((optimizer.name,), optimizer.arguments)
            yield from ((("cycle_momentum",), text) for text in [wrong] if text)
