"""One problem of a sweep file does not hide another: all that can be known is told at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from written_sweeps import problems, written

SEVERAL = {"outputs": {"age": "mse", "sex": "sparse_categorical_crossentropy"}}

# Of each several values are wrong: by themselves, with others of their section, with other
# sections. Which of them are found must not hang on the others.
ONE_OUTPUT: list[dict[str, Any]] = [
    {"more": 1},
    {"dataset.validation": "x"},
    {"dataset.test": 3},
    {"dataset.color_mode": "rgb"},
    {"model.nam": 1},
    {"training.epochs": 0},
    {"training.batchsize": 3},
    {"training.class_weight": {"0": 2}, "training.sample_weight": "mine:weigh"},
    {"training.optimizer": "adagrad", "training.cycle_momentum": {}},
    {"training.early_stopping": {"patience": 0}},
    {"training.evaluate": "mine:evaluate"},
    {"objective.at": "never"},
    {"objective.direction": "minimize"},
    {"study.retries": -1},
    {"study.stop_when": {"target": 3}},
    {"comparison": {"rivals": ["cosine"], "trials": {"linear": 3}, "seeds": 1}},
    {"engine": {"name": "ray", "gpus": 1.5, "cpus": 1e-9, "cpu": 1}, "study.trials_per_gpu": 2},
    {"range_test.high": 1e-5},
    {"range_test.seeds": 3, "range_test.min_seeds": 9},
    {"range_test.rule": "smiths"},
    {"search_space.init_lr": "a"},
    {"search_space.policy": "sine"},
    {"tracking.uri": "x"},
    {"baseline.policy": "triangular"},
]
SEVERAL_OUTPUTS: list[dict[str, Any]] = [
    {"training.loss": {**SEVERAL, "weights": {"agee": 1}}},
    {"training.metrics": {"sexx": ["accuracy"]}},
    {"training.class_weight": {"0": 2}},
    {"training.epoch": 1},
    {"training.batch_size": 0},
    {"comparison": {"trials": 9}},
]


@pytest.mark.parametrize(
    ("base", "faults"),
    [
        ({}, ONE_OUTPUT),
        ({"training.loss": SEVERAL, "objective.metric": "val_loss"}, SEVERAL_OUTPUTS),
    ],
    ids=["one output", "several outputs"],
)
def test_all_are_told_at_once(
    tmp_path: Path, base: dict[str, Any], faults: list[dict[str, Any]]
) -> None:
    """A file with all of them is told what each alone is told, and nothing else."""
    (tmp_path / "mine.py").write_text("def weigh(x, y): ...\ndef evaluate(trial): ...\n")
    alone = [problems(written(tmp_path, {**base, **fault})) for fault in faults]
    together: dict[str, Any] = {**base}
    for fault in faults:
        together |= fault
    found = problems(written(tmp_path, together))
    assert sorted(found) == sorted({text for one in alone for text in one})


def test_of_a_function_that_trains(tmp_path: Path) -> None:
    """What it cannot give, beside what is wrong elsewhere and what has no effect with it."""
    (tmp_path / "mine.py").write_text("def train(trial): ...\n")
    changes = {
        "training.function": "mine:train",
        "training.loss": {"outputs": {"age": "msee"}},
        "training.epochs": 0,
        "objective.at": "best",
        "comparison": {},
        "study.retries": -1,
    }
    assert sorted(text.split(": ")[0] for text in problems(written(tmp_path, changes))) == [
        "comparison",
        "model.name",
        "objective.at",
        "study.retries",
        "training.epochs",
        "training.loss",
    ]


@pytest.mark.parametrize(
    ("changes", "places"),
    [
        ({"objective": {"metric": "val_f1", "at": "never"}, "training.metrics": ["mine:f1"]},
         ["objective", "objective.at"]),
        ({"objective": {"metric": "val_sex_accuracy"},
          "training.loss": {**SEVERAL, "weights": {"age": -1}}}, ["training.loss.weights.age"]),
        ({"objective": {"metric": "val_sex_accuracy"}, "training.loss": SEVERAL,
          "training.metrics": {"sex": ["acuracy"]}}, ["training.metrics.sex"]),
        ({"objective": {"metric": "val_sex_accuracy"}, "training.loss": SEVERAL,
          "training.metrics": ["accuracy"]}, ["training.metrics"]),
        ({"dataset.name": "images:here", "dataset.image_size": [1]},
         ["dataset.image_size", "dataset.name"]),
    ],
)  # fmt: skip
def test_what_is_not_known_is_not_told(
    tmp_path: Path, changes: dict[str, Any], places: list[str]
) -> None:
    """What follows from a wrong value is no problem of its own: it may be right."""
    (tmp_path / "mine.py").write_text("def f1(a, b): ...\n")
    found = problems(written(tmp_path, changes))
    assert sorted(text.split(": ")[0] for text in found) == places
