"""The fixed trials: those that this project samples from its default search space by its seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from benchmarks.throughput.workload import (
    BATCH_SIZE,
    FACTOR,
    GAMMA,
    INIT_LR,
    MAX_LR,
    POLICIES,
    Workload,
)
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.configurations import suggest
from clr_sweep.search.sampling import seen_by
from clr_sweep.training.data.datasets import load_dataset
from clr_sweep.training.data.splits import hold_out

SEED = 42
BASELINE_LR = 0.01


def prepare(folder: Path, trials: int, epochs: int, images: int | None, cores: int) -> Workload:
    """Write the sweep file, the split of the data and workload.json into the folder.

    Args:
        trials: the baseline among them.
        images: the first so many training images; None: all, 60,000.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = "fashion_mnist" if images is None else str(_slice(folder / "images.npz", images))
    data = load_dataset(name)
    assert data.folder is not None
    examples = len(data.x_train)
    sweep_file = folder / "sweep.yaml"
    # JSON is YAML.
    sweep_file.write_text(json.dumps(_definition(name, examples // 10, trials, epochs), indent=1))
    sweep = load_sweep(sweep_file)
    train, validation = hold_out(examples, sweep.dataset.validation, sweep.study.seed)
    np.save(folder / "train.npy", train)
    np.save(folder / "validation.npy", validation)
    baseline = {"policy": "constant", "max_lr": BASELINE_LR}
    sampled = [sample(sweep, number, examples) for number in range(trials - 1)]
    workload = Workload(
        sweep=str(sweep_file),
        data=str(data.folder),
        rows=str(folder),
        epochs=epochs,
        cores=cores,
        trials=(baseline, *sampled),
    )
    workload.write(folder / "workload.json")
    return workload


def sample(sweep: Sweep, number: int, examples: int) -> dict[str, Any]:
    """What the sweep samples for the trial of this number, in any order of the others."""
    study = optuna.create_study(direction="maximize")
    trial = seen_by(study, sweep, number).ask()
    suggest(trial, sweep, number, examples)
    return dict(trial.params)


def _definition(name: str, held_out: int, trials: int, epochs: int) -> dict[str, Any]:
    def between(bounds: tuple[float, float], **keys: bool) -> dict[str, Any]:
        return {"low": bounds[0], "high": bounds[1], **keys}

    return {
        "name": "throughput",
        "dataset": {"name": name, "validation": held_out},
        "model": {"name": "tutorial_cnn"},
        "training": {"optimizer": "sgd", "batch_size": BATCH_SIZE, "epochs": epochs},
        "search_space": {
            "init_lr": between(INIT_LR, log=True),
            "max_lr": between(MAX_LR, log=True),
            "step_size_factor": between(FACTOR),
            "policy": list(POLICIES[:3]),
            "gamma": GAMMA,
        },
        # Every trial has the same number of steps.
        "objective": {"metric": "val_accuracy", "at": "final"},
        "study": {"trials": trials - 1, "sampler": "random", "pruner": "none", "seed": SEED},
        "baseline": {"policy": "constant", "learning_rate": BASELINE_LR},
    }


def _slice(file: Path, images: int) -> Path:
    if not file.exists():
        data = load_dataset("fashion_mnist")
        part = {
            key: array[: images if "train" in key else images // 6]
            for key, array in data.arrays().items()
        }
        np.savez(file, **part)
    return file.absolute()
