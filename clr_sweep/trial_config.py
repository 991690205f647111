"""The configuration of one trial: a frozen record with nothing left open."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, StrictInt, model_validator

from clr_sweep.config import DatasetConfig, ModelConfig, Objective, TrainingConfig
from clr_sweep.dimensions import Frozen, Number
from clr_sweep.fields import Policy, PositiveInt, Seed


class ScheduleConfig(Frozen):
    """A learning-rate schedule with nothing left open.

    Attributes:
        step_size: half a cycle in optimizer steps; 0 for the constant policy.
        step_size_factor: half a cycle in epochs; 0 for the constant policy.
        gamma: decay of the amplitude per optimizer step; 1 where the policy has none.
    """

    policy: Policy | Literal["constant"]
    init_lr: Annotated[Number, Field(ge=0)]
    max_lr: Annotated[Number, Field(ge=0)]
    step_size_factor: Annotated[Number, Field(ge=0)]
    step_size: Annotated[StrictInt, Field(ge=0)]
    gamma: Annotated[Number, Field(gt=0, le=1)] = 1.0

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
        elif self.step_size < 1:
            raise ValueError(f"step_size must be at least 1 step, got {self.step_size}")
        return self


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
