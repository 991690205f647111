"""The configuration of one trial: a frozen record with nothing left open."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, StrictInt, model_validator

from clr_sweep.definition.dimensions import Frozen, Number
from clr_sweep.definition.fields import At, Policy, PositiveInt, Seed
from clr_sweep.definition.sweep import DatasetConfig, ModelConfig, Objective
from clr_sweep.definition.training_config import CycledMomentum, TrainingConfig
from clr_sweep.definition.trial_plan import TrialPlan, plan_trial, plan_whole_budget
from clr_sweep.schedules import policies
from clr_sweep.schedules.momentum import CYCLED, momentum


class ScheduleConfig(Frozen):
    """A learning-rate schedule with nothing left open.

    Attributes:
        init_lr: the lowest rate.
        max_lr: the highest rate.
        step_size: half a cycle in optimizer steps; 0 where the policy has no cycle.
        step_size_factor: half a cycle in epochs; 0 where the policy has no cycle.
        gamma: decay per optimizer step; 1 where the policy has none.
        decay_steps: optimizer steps from the first to the end of linear, cosine and one_cycle;
            0 with the other policies.
    """

    policy: Policy
    init_lr: Annotated[Number, Field(ge=0)]
    max_lr: Annotated[Number, Field(ge=0)]
    step_size_factor: Annotated[Number, Field(ge=0)]
    step_size: Annotated[StrictInt, Field(ge=0)]
    gamma: Annotated[Number, Field(gt=0, le=1)] = 1.0
    decay_steps: Annotated[StrictInt, Field(ge=0)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.policy == "constant":
            if self.init_lr != self.max_lr:
                raise ValueError(
                    f"init_lr and max_lr of the constant policy must be equal, "
                    f"got {self.init_lr} and {self.max_lr}"
                )
        elif self.init_lr >= self.max_lr:
            raise ValueError(f"init_lr must be below max_lr, got {self.init_lr} and {self.max_lr}")
        elif self.is_cyclical and self.step_size < 1:
            raise ValueError(f"step_size must be at least 1 step, got {self.step_size}")
        elif not self.is_cyclical and self.decay_steps < 1:
            raise ValueError(f"decay_steps must be at least 1 step, got {self.decay_steps}")
        elif not self.is_cyclical and self.init_lr != self._lowest_rate:
            raise ValueError(
                f"init_lr must be where the policy {self.policy} ends, {self._lowest_rate!r} for "
                f"this max_lr, got {self.init_lr!r}"
            )
        return self

    @property
    def _lowest_rate(self) -> float:
        return policies.lowest_rate(self.policy, self.max_lr)

    @property
    def is_cyclical(self) -> bool:
        """Whether the rate rises and falls again and again."""
        return self.policy in policies.CYCLICAL

    @property
    def shape(self) -> dict[str, Any]:
        """What the place of a step on the schedule follows from, as `policies.height` takes it."""
        return {
            "policy": self.policy,
            "step_size": self.step_size or None,
            "steps": self.decay_steps or None,
        }

    @property
    def hyperparameters(self) -> dict[str, Any]:
        """What its policy uses, by the names of a search space."""
        values: dict[str, Any] = {"policy": self.policy, "max_lr": self.max_lr}
        if self.is_cyclical:
            values |= {"init_lr": self.init_lr, "step_size_factor": self.step_size_factor}
        if self.policy in policies.DECAYING:
            values["gamma"] = self.gamma
        return values

    def plan(self, steps_per_epoch: int, epochs: int, at: At) -> TrialPlan:
        """Where a training within so many epochs ends that follows it: see `plan_trial`."""
        if not self.is_cyclical:
            return plan_whole_budget(steps_per_epoch, epochs)
        return plan_trial(float(self.step_size_factor), steps_per_epoch, epochs, at)

    def learning_rate(self, steps: Any) -> Any:
        """The planned rate at a step, or at many: see `policies.learning_rate`."""
        return policies.learning_rate(
            steps, init_lr=self.init_lr, max_lr=self.max_lr, gamma=self.gamma, **self.shape
        )

    def phase(self, step: int) -> float:
        """Where a step lies within its cycle, 0 at its start, 0.5 at the peak; 0 without cycles."""
        return (step / (2 * self.step_size)) % 1.0 if self.step_size else 0.0

    def momentum(self, steps: Any, bounds: CycledMomentum) -> Any:
        """The planned momentum at a step, or at many: see `momentum.momentum`."""
        return momentum(steps, low=bounds.low, high=bounds.high, gamma=self.gamma, **self.shape)


class TrialConfig(Frozen):
    """All that decides a trial's numbers: the same configuration gives the same metrics.

    Attributes:
        steps: optimizer steps in all; the last epoch is cut short where a cycle ends in it.
        seed: of the weights, of dropout and of the order of the data.
        split_seed: of the validation part, one for all trials of a sweep.
    """

    dataset: DatasetConfig
    model: ModelConfig
    training: TrainingConfig
    schedule: ScheduleConfig
    objective: Objective
    steps: PositiveInt
    seed: Seed
    split_seed: Seed

    @property
    def cycled_momentum(self) -> CycledMomentum | None:
        """The bounds of the momentum, if it differs from step to step.

        It does not with a policy that has no rise to mirror: there it stays at `high`.
        """
        return self.training.cycle_momentum if self.schedule.policy in CYCLED else None

    def plan_for(self, steps_per_epoch: int, epochs: int | None = None) -> TrialPlan:
        """Where the training ends if an epoch has another number of steps.

        Args:
            epochs: its budget; None: the trial's.
        """
        budget = epochs or self.training.epochs
        return self.schedule.plan(steps_per_epoch, budget, self.objective.at)

    def schedule_for(self, steps_per_epoch: int, epochs: int | None = None) -> ScheduleConfig:
        """The schedule where an epoch has another number of steps: the same curve over epochs.

        Half a cycle is rounded to whole steps as for a trial, and gamma is the one with which as
        much is lost over a cycle. With the steps per epoch of the trial it is the trial's own.

        Args:
            epochs: over which a policy without cycles falls; None: as many as the trial's.
        """
        schedule, plan = self.schedule, self.plan_for(steps_per_epoch, epochs)
        if schedule.is_cyclical:
            gamma = schedule.gamma ** (schedule.step_size / plan.step_size)
            return schedule.model_copy(update={"step_size": plan.step_size, "gamma": gamma})
        steps = plan.steps if schedule.decay_steps else 0
        return schedule.model_copy(update={"decay_steps": steps})
