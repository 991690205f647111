"""What a trial reports while it trains, and at its end: plain, frozen, sent between processes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from clr_sweep.definition.dimensions import Scalar
from clr_sweep.training.requests import ModelIdentity

State = Literal["complete", "pruned", "diverged", "failed", "interrupted", "running"]
NotFinite = Literal["loss", "weights"]
# States that no longer change, in the order in which they are told. An interrupted trial goes on.
ENDED: tuple[State, ...] = ("complete", "pruned", "diverged", "failed")


@dataclass(frozen=True)
class StepPoint:
    """One optimizer step: the rate it used and the loss of its batch (before the update).

    Attributes:
        cycle: the number of the cycle it lies in, from 1; None without cycles.
    """

    step: int
    learning_rate: float
    batch_loss: float | None
    cycle: int | None = None


@dataclass(frozen=True)
class EpochReport:
    """The state of a trial at the end of an epoch.

    Attributes:
        epoch: counted from 1.
        step: optimizer steps taken so far.
        metrics: the loss and what `training.metrics` names, and each with `val_`; those that
            are finite.
        cpu_seconds: CPU time of the trial's process in this epoch.
        points: the thinned per-step curve of this epoch.
    """

    epoch: int
    step: int
    metrics: Mapping[str, float]
    cpu_seconds: float
    wall_seconds: float
    points: tuple[StepPoint, ...] = ()


@dataclass(frozen=True)
class Divergence:
    """Where the loss, or a weight, stopped being a number.

    Attributes:
        step: optimizer step, counted from 0. Weights are looked at after an epoch's last step.
        learning_rate: the rate that step used.
        phase: position within the cycle, 0 at its start, 0.5 at the peak.
    """

    step: int
    epoch: int
    learning_rate: float
    phase: float
    what: NotFinite = "loss"


@dataclass(frozen=True)
class TrialResult:
    """How a trial ended.

    Attributes:
        value: the objective; None unless complete.
        metrics: the metrics at the epoch that gives the objective, or the last ones.
        learning_rate_deviation: the greatest distance of the rates used from those planned, in
            float32; None in results of versions that did not measure it.
        has_other_weights: whether the model that `training.function` returned has other weights
            than those whose metrics it reported last.
        skipped_steps: those at which Keras' loss scaling found gradients that were no finite
            numbers, so that weights and schedule stood still.
        has_own_optimizer: whether `training.function` trained without `trial.optimizer()`, so that
            `training.optimizer` says nothing of the training.
        model: what was trained; None where it is not seen, or in results of versions that did not
            keep it.
        defaults: see `argument_defaults`; None in results of versions that did not keep them.
    """

    state: State
    reason: str | None
    value: float | None
    metrics: Mapping[str, float]
    epochs: int
    steps: int
    cpu_seconds: float
    wall_seconds: float
    divergence: Divergence | None = None
    learning_rate_deviation: float | None = None
    has_other_weights: bool = False
    skipped_steps: int = 0
    has_own_optimizer: bool = False
    model: ModelIdentity | None = None
    defaults: Mapping[str, Scalar] | None = None
