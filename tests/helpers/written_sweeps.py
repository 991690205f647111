"""Sweep files for the tests that read them: a valid one, and changes to it by dotted key."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep

SHIPPED = Path(__file__).parents[2] / "sweeps" / "fashion_mnist.yaml"
# In place of a value: leave the key out.
ABSENT = object()

_CONTENT: dict[str, Any] = {
    "name": "example",
    "dataset": {"name": "fashion_mnist", "validation": 6000},
    "model": {"name": "tutorial_cnn"},
    "training": {"optimizer": "sgd", "batch_size": 64, "epochs": 16},
    "search_space": {
        "init_lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "max_lr": {"low": 1e-2, "high": 1.0, "log": True},
        "step_size_factor": {"low": 2, "high": 8},
    },
    "study": {"trials": 5, "seed": 42},
}


def content(changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """What a valid sweep file holds, with the values at some dotted keys changed.

    The key is divided at its first dot: further keys of the search space may hold dots.
    """
    made = copy.deepcopy(_CONTENT)
    for key, value in (changes or {}).items():
        section, dot, name = key.partition(".")
        place = made.setdefault(section, {}) if dot else made
        if value is ABSENT:
            place.pop(name if dot else section)
        else:
            place[name if dot else section] = value
    return made


def written(folder: Path, changes: dict[str, Any] | None = None) -> Path:
    """The file `sweep.yaml`; JSON is YAML, and NaN stands there as YAML has it."""
    file = folder / "sweep.yaml"
    text = json.dumps(content(changes)).replace("NaN", ".nan").replace("Infinity", ".inf")
    file.write_text(text, encoding="utf-8")
    return file


def sweep(changes: dict[str, Any] | None = None) -> Sweep:
    """That sweep as a record, with the values at some dotted keys changed."""
    return Sweep.model_validate(content(changes))


def problems(file: Path, overrides: dict[str, Any] | None = None) -> list[str]:
    """The problems of a file that is refused, without the file's name."""
    with pytest.raises(InputError) as caught:
        load_sweep(file, overrides)
    assert caught.value.exit_status == 2
    assert list(caught.value.problems) == str(caught.value).split("\n")
    return [text.removeprefix(f"{file}: ") for text in caught.value.problems]


# Changes: the bounds come from a range test.
FROM_RANGE_TEST: dict[str, Any] = {
    "search_space.from": "range_test",
    "search_space.init_lr": ABSENT,
    "search_space.max_lr": ABSENT,
}
