"""Trials that take a second: a few images of the real slice, and models that train fast."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.fields import Precision
from clr_sweep.definition.losses import LossConfig
from clr_sweep.definition.metrics import default_metrics
from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.definition.sweep import DatasetConfig, ModelConfig, Objective
from clr_sweep.definition.training_config import CycledMomentum, EarlyStopping, TrainingConfig
from clr_sweep.definition.trial_config import ScheduleConfig, TrialConfig
from clr_sweep.definition.trial_plan import plan_trial, plan_whole_budget
from clr_sweep.schedules import policies
from clr_sweep.training.data.materialized import Dataset, in_memory, open_materialized
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import DataJob, StoredData

SLICE = Path(__file__).parents[1] / "data" / "fashion_mnist_slice.npz"
EXAMPLES, VALIDATION, BATCH = 320, 72, 32
STEPS_PER_EPOCH = 8  # 248 images: the last batch of an epoch has 24


def few_images(examples: int = EXAMPLES, one_hot: bool = False) -> Dataset:
    """The first images of the slice."""
    with np.load(SLICE) as arrays:
        found = {key: arrays[key] for key in arrays.files}
    for part, count in (("train", examples), ("test", 100)):
        found[f"x_{part}"] = found[f"x_{part}"][:count]
        found[f"y_{part}"] = found[f"y_{part}"][:count]
        if one_hot:
            found[f"y_{part}"] = np.eye(10, dtype="float32")[found[f"y_{part}"]]
    return in_memory("few images", found, str(SLICE))


def stored_in(folder: Path, digest: str = "d" * 64) -> StoredData:
    """Data that no job has to prepare again, in a folder that need not be there."""
    if folder.is_dir() and (folder / "dataset.json").exists():
        digest = open_materialized(folder).digest
    return StoredData(folder, digest, DataJob("few images", DataOptions(), (), folder))


def small_config(
    policy: str = "triangular",
    *,
    model: str = "user_models:perceptron",
    init_lr: float = 0.01,
    max_lr: float = 0.2,
    factor: float = 1,
    epochs: int = 2,
    gamma: float = 1.0,
    metric: str | None = None,
    direction: str | None = None,
    at: str = "cycle_end",
    optimizer: str = "sgd",
    optimizer_arguments: dict[str, Any] | None = None,
    cycle_momentum: CycledMomentum | None = None,
    loss: str = "sparse_categorical_crossentropy",
    loss_arguments: dict[str, Any] | None = None,
    metrics: Sequence[str] | None = None,
    seed: int = 7,
    early_stopping: dict[str, Any] | None = None,
    precision: Precision = "float32",
) -> TrialConfig:
    """The configuration of a trial on `few_images`, as the search would make it.

    Args:
        metric: the objective; None: validation accuracy where it is measured, else the loss.
    """
    measured = default_metrics(loss) if metrics is None else metrics
    if metric is None:
        metric = "val_accuracy" if "accuracy" in measured else "val_loss"
    objective = Objective.model_validate(
        {"metric": metric, "at": at} | ({} if direction is None else {"direction": direction})
    )
    cyclical = policy in policies.CYCLICAL
    plan = plan_whole_budget(STEPS_PER_EPOCH, epochs)
    if cyclical:
        plan = plan_trial(factor, STEPS_PER_EPOCH, epochs, objective.at)
    elif policy == "constant":
        max_lr = init_lr
    else:
        init_lr = policies.lowest_rate(policy, max_lr)
    return TrialConfig(
        dataset=DatasetConfig(name="few_images", validation=VALIDATION),
        model=ModelConfig(name=model),
        training=TrainingConfig(
            optimizer=OptimizerConfig(name=optimizer, arguments=optimizer_arguments or {}),
            batch_size=BATCH,
            epochs=epochs,
            loss=LossConfig(name=loss, arguments=loss_arguments or {}),
            cycle_momentum=cycle_momentum,
            early_stopping=EarlyStopping(**early_stopping) if early_stopping else None,
            precision=precision,
            **({} if metrics is None else {"metrics": tuple(metrics)}),
        ),
        schedule=ScheduleConfig(
            policy=policy,  # type: ignore[arg-type]
            init_lr=init_lr,
            max_lr=max_lr,
            step_size_factor=factor if cyclical else 0,
            step_size=plan.step_size,
            gamma=gamma,
            decay_steps=0 if cyclical or policy == "constant" else plan.steps,
        ),
        objective=objective,
        steps=plan.steps,
        seed=seed,
        split_seed=3,
    )


def planned_rates(config: TrialConfig, steps: int | None = None) -> np.ndarray:
    """The rate of each step by the formula, in float32 as the optimizer gets it."""
    rates = config.schedule.learning_rate(np.arange(config.steps if steps is None else steps))
    return np.asarray(rates).astype("float32")


def strict_json(text: str) -> Any:
    """What JSON text holds; NaN and Infinity, which Python's json lets pass, are refused."""

    def refuse(constant: str) -> Any:
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def comparable(result: TrialResult) -> tuple[Any, ...]:
    """All of a result but the times."""
    return (
        result.state, result.reason, result.value, dict(result.metrics), result.epochs,
        result.steps, result.divergence, result.learning_rate_deviation,
    )  # fmt: skip


def all_finite(values: Any) -> bool:
    """Whether every number of a mapping is finite."""
    return all(math.isfinite(value) for value in values.values())


def contents(folder: Path, but: str = "") -> dict[str, bytes]:
    """What lies in a folder and below it, by file name, but for the file of one name."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return {file.name: file.read_bytes() for file in files if file.name != but}
