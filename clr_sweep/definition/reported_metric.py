"""A metric under the name that it is reported by, with what is behind that name.

A model of several outputs reports the accuracy of its output `sex` as `sex_accuracy`, and a metric
of the user's own may be called so as well. So a name alone does not say what is measured: what a
sweep trains does (`TrainingConfig.reported`).
"""

from __future__ import annotations

from typing import NamedTuple

from clr_sweep.definition import metrics
from clr_sweep.definition.metrics import Direction, KerasMetric


class ReportedMetric(NamedTuple):
    """A metric of a training, as it is reported.

    Attributes:
        name: with `val_` or `test_`, and the output's where there are several: `val_sex_accuracy`.
        metric: what is measured, as a sweep writes it: `accuracy`, `loss`, `module:my_gap`.
        output: of which of several outputs; None of a single one, and of the loss of them all.
    """

    name: str
    metric: str
    output: str | None = None

    @classmethod
    def by_name(cls, name: str) -> ReportedMetric:
        """One of which nothing but its name is known: it is what it is called."""
        return cls(name, metrics.base(name))

    @property
    def on_test_set(self) -> ReportedMetric:
        """The same, measured on the test set."""
        return self._replace(name=metrics.on_test_set(self.name))

    @property
    def known(self) -> KerasMetric | None:
        """What is known of it; None of a loss, and of a metric of the user's own."""
        return metrics.of_keras(self.metric)

    @property
    def direction(self) -> Direction | None:
        """What makes a value of it better; None where it is the user's own to say."""
        return metrics.direction(self.metric)

    @property
    def is_loss(self) -> bool:
        """Whether it is what the training makes small, of one output or of all."""
        return self.metric == "loss"

    @property
    def is_share(self) -> bool:
        """Whether it is the part of the examples that were right: one of Keras' accuracies."""
        return self.known is not None and self.known.is_share

    @property
    def is_error(self) -> bool:
        """Whether it is one of Keras' that are never below 0, not bounded above, and best at 0."""
        return self.known is not None and self.known.is_positive
