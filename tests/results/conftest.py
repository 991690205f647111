"""Stored studies to compare, draw and report: rates from the real schedules, metrics made up."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from clr_sweep.definition.sweep import DatasetConfig, ModelConfig, Objective
from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.definition.trial_config import ScheduleConfig, TrialConfig
from clr_sweep.schedules import cycles, policies
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import Divergence, EpochReport, State, StepPoint

SPE = 844  # steps of 54,000 examples in batches of 64
EPOCHS = 16


class Builder:
    """Makes records as the storage would give them."""

    def config(
        self, policy: str = "triangular2", init_lr: float = 0.0012, max_lr: float = 0.31,
        factor: float = 4, gamma: float = 1.0, epochs: int = EPOCHS, metric: str = "val_accuracy",
        at: str = "cycle_end", **training: Any,
    ) -> TrialConfig:  # fmt: skip
        """A configuration whose steps end at the last trough, unless `at` says otherwise."""
        cyclical, constant = policy in policies.CYCLICAL, policy == "constant"
        size = round(factor * SPE) if cyclical else 0
        ends = cycles.troughs(epochs * SPE, size) if cyclical and at != "final" else []
        if not cyclical:
            init_lr = init_lr if constant else policies.lowest_rate(policy, max_lr)
        return TrialConfig(
            dataset=DatasetConfig(name="fashion_mnist", validation=6000),
            model=ModelConfig(name="tutorial_cnn"),
            training=TrainingConfig(epochs=epochs, **training),
            schedule=ScheduleConfig(
                policy=policy, init_lr=init_lr, max_lr=init_lr if constant else max_lr,  # type: ignore[arg-type]
                step_size_factor=factor if cyclical else 0, step_size=size, gamma=gamma,
                decay_steps=0 if cyclical or constant else epochs * SPE,
            ),
            objective=Objective.model_validate({"metric": metric, "at": at}),
            steps=ends[-1] if ends else epochs * SPE,
            seed=7,
            split_seed=42,
        )  # fmt: skip

    def trial(
        self, number: int | None = 0, state: State = "complete", stop: int | None = None,
        tested: bool = False, params: dict[str, object] | None = None, level: float | None = None,
        config: TrialConfig | None = None, **config_arguments: Any,
    ) -> TrialRecord:  # fmt: skip
        """A trial with the metrics of its epochs.

        Args:
            stop: epochs reported, where it did not come to its end.
            level: the validation accuracy it tends to.
        """
        config = config or self.config(**config_arguments)
        schedule = config.schedule
        whole = math.ceil(config.steps / SPE)
        count = whole if stop is None else min(stop, whole)
        reports = self._reports(config, count, number or 0, level)
        name = config.objective.metric
        last = dict(reports[-1].metrics) if reports else {}
        divergence = None
        if state == "diverged":
            step = count * SPE + 120
            rate = float(self.rates(config, np.array([step]))[0])
            phase = (
                step % (2 * schedule.step_size) / (2 * schedule.step_size)
                if (schedule.step_size)
                else 0.0
            )
            divergence = Divergence(step, count + 1, rate, phase)
        return TrialRecord(
            kind="baseline" if number is None else "trial",
            number=number,
            state=state,
            reason={"pruned": "below the median of the lower 70% of the rate", "failed":
                    "ValueError: the model's output has the wrong shape"}.get(state),
            config=config,
            folder=Path("trials") / str(number),
            value=last.get(name) if state == "complete" else None,
            params=params if params is not None else {
                key: getattr(schedule, key)
                for key in ("init_lr", "max_lr", "step_size_factor", "policy")
            },
            metrics=last,
            test_metrics={
                "test_accuracy": last["val_accuracy"] - 0.011, "test_loss": last["val_loss"] + 0.02
            } if tested else {},
            reports=reports,
            cpu_seconds=6.4 * count,
            wall_seconds=6.9 * count,
            divergence=divergence,
        )  # fmt: skip

    def rates(self, config: TrialConfig, steps: np.ndarray) -> np.ndarray:
        """The schedule's rates at steps."""
        return np.asarray(config.schedule.learning_rate(steps))

    def batch_losses(self, config: TrialConfig, steps: int) -> np.ndarray:
        """Noisy batch losses that fall with the steps and rise with the rate."""
        t = np.arange(steps)
        noise = np.random.default_rng(config.seed).gamma(40, 1 / 40, steps)
        rates = self.rates(config, t)
        swing = 0.12 * rates / max(config.schedule.max_lr, 1e-12)
        return (0.33 + 1.9 * np.exp(-t / 500) + swing) * noise

    def study(
        self, trials: Sequence[TrialRecord] = (), baseline: TrialRecord | None = None, **kw: Any
    ) -> StudyRecord:
        """A study of these trials."""
        return StudyRecord(
            **{"name": "fashion-mnist", "metric": "val_accuracy", "direction": "maximize",
               "trials": tuple(trials), "baseline": baseline, **kw}
        )  # fmt: skip

    def baseline(self, **kw: Any) -> TrialRecord:
        """The run at a constant rate."""
        return self.trial(number=None, **{"policy": "constant", "init_lr": 0.01, **kw})

    def big_study(self, trials: int = 50, seed: int = 3, **kw: Any) -> StudyRecord:
        """A study as a sweep of the default space leaves it: most complete, some not."""
        rng = np.random.default_rng(seed)
        made = []
        for number in range(trials):
            max_lr = float(10 ** rng.uniform(-2, 0))
            init_lr = float(10 ** rng.uniform(-4, -2))
            policy = str(rng.choice(policies.CYCLICAL[:3]))
            factor = int(rng.integers(2, 9))
            peak = 0.893 - 0.05 * (math.log10(max_lr) + 0.45) ** 2
            level = peak - 0.006 * (policy == "triangular2") + rng.normal(0, 0.003)
            state: State = "complete"
            stop = None
            if max_lr > 0.7 and rng.random() < 0.6:
                state, stop = "diverged", int(rng.integers(0, 5))
            elif level < 0.86 and rng.random() < 0.7:
                state, stop = "pruned", int(rng.integers(2, 10))
            elif number == 17:
                state, stop = "failed", 1
            made.append(self.trial(
                number, state, stop, level=level, policy=policy, init_lr=init_lr, max_lr=max_lr,
                factor=factor, gamma=0.99994 if policy == "exp_range" else 1.0,
            ))  # fmt: skip
        study = self.study(made, self.baseline(tested=True, level=0.845))
        best = study.best
        if best is not None:
            tested = dataclasses.replace(best, test_metrics={
                "test_accuracy": best.metrics["val_accuracy"] - 0.012, "test_loss": 0.34,
            })  # fmt: skip
            made[tested.number or 0] = tested
        return dataclasses.replace(study, **{"trials": tuple(made), **kw})

    def _reports(
        self, config: TrialConfig, count: int, number: int, level: float | None
    ) -> tuple[EpochReport, ...]:
        rng = np.random.default_rng([number, config.steps])
        level = 0.87 if level is None else level
        schedule = config.schedule
        reports = []
        losses = self.batch_losses(config, config.steps)
        for epoch in range(1, count + 1):
            step = min(epoch * SPE, config.steps)
            steps = np.arange((epoch - 1) * SPE, step, 16)
            rates = self.rates(config, steps)
            high = float(self.rates(config, np.array([step]))[0]) / max(schedule.max_lr, 1e-12)
            wave = 0.0 if schedule.policy == "constant" else 0.028 * high
            accuracy = level - 0.2 * math.exp(-epoch / 2.2) - wave + rng.normal(0, 0.0015)
            loss = 2.6 * (1 - accuracy) + 0.02
            reports.append(EpochReport(
                epoch=epoch,
                step=step,
                metrics={
                    "loss": loss * 1.12 + 0.01, "accuracy": accuracy - 0.018,
                    "val_loss": loss, "val_accuracy": accuracy,
                },
                cpu_seconds=6.4,
                wall_seconds=6.9,
                points=tuple(
                    StepPoint(int(s), float(r), float(losses[s]))
                    for s, r in zip(steps, rates, strict=True)
                ),
            ))  # fmt: skip
        return tuple(reports)


@pytest.fixture(scope="session")
def build() -> Builder:
    """Makes records; it holds no state."""
    return Builder()


@pytest.fixture(scope="session")
def big_study(build: Builder) -> StudyRecord:
    """Fifty ended trials and a baseline, both compared on the test set."""
    return build.big_study()
