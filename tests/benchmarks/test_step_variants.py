"""The benchmark of a step: what it compares, and what it makes of what it measured."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import keras
import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf
from small_trials import few_images

from benchmarks.steps import worker
from benchmarks.steps.__main__ import Measured, read, summaries, table
from benchmarks.steps.figure import draw
from benchmarks.steps.variants import REFERENCE, VALIDATION, VARIANTS, Variant


def measured(variant: str, number: int, cpu: float, weights: str = "a") -> Measured:
    """One process's result."""
    return Measured(variant, number, 300, cpu, 2 * cpu, weights)


FOUND = [
    measured(REFERENCE, 1, 5.0),
    measured(REFERENCE, 2, 10.0),
    measured(REFERENCE, 3, 6.0),
    measured("mixed_bfloat16", 1, 4.0, "b"),
    measured("mixed_bfloat16", 2, 9.0, "b"),
    measured("50 steps a call", 1, 5.5),
    measured("fit as written", 4, 7.0),
    measured(VALIDATION, 1, 0.2),
    measured("validation in batches of 64", 1, 0.3),
]


def test_ratios_are_taken_within_a_round() -> None:
    """A round in which the machine was slow counts like another; one without its reference not."""
    rows = {row.variant.name: row for row in summaries(FOUND)}
    assert set(rows) == {one.variant for one in FOUND} - {"fit as written"}
    mixed = rows["mixed_bfloat16"]
    assert (mixed.least, mixed.greatest) == (0.8, 0.9)
    assert mixed.ratio == pytest.approx(0.85)
    assert (mixed.cpu, mixed.wall) == (6.5, 13.0)
    assert not mixed.same_numbers
    assert rows["50 steps a call"].same_numbers
    assert rows["validation in batches of 64"].ratio == pytest.approx(1.5)


def test_the_table() -> None:
    """A line for each variant; only where training is alike is said whether its numbers are."""
    lines = table(summaries(FOUND)).splitlines()
    assert "| mixed_bfloat16 | 6.50 | 13.00 | 0.85 (0.80 to 0.90) | no |" in lines
    assert "| 50 steps a call | 5.50 | 11.00 | 1.10 (1.10 to 1.10) | yes, to the bit |" in lines
    assert "| validation in batches of 64 | 0.30 | 0.60 | 1.50 (1.50 to 1.50) |  |" in lines


def test_the_figure(tmp_path: Path) -> None:
    """It is drawn from the rows."""
    draw(summaries(FOUND), 2, tmp_path / "steps.png")
    pixels = matplotlib.image.imread(tmp_path / "steps.png")
    assert pixels.std() > 0


def test_a_file_that_is_not_there_yet(tmp_path: Path) -> None:
    """Nothing was measured."""
    assert read(tmp_path / "steps.jsonl") == []


def test_variants_have_a_reference() -> None:
    """Each is held against one that is measured itself, and none has another's name."""
    names = [variant.name for variant in VARIANTS]
    assert len(set(names)) == len(names)
    assert {variant.reference for variant in VARIANTS} == {REFERENCE, VALIDATION} <= set(names)


def by_name(name: str) -> Variant:
    """The variant of this name."""
    return next(one for one in VARIANTS if one.name == name)


def weights_after(name: str) -> list[bytes]:
    """Those that a variant's loop ends with."""
    keras.backend.clear_session()
    (cpu, wall), model = worker.loop(by_name(name).settings, few_images(), 6)
    assert cpu > 0 < wall
    return [array.tobytes() for array in model.get_weights()]


@pytest.fixture(scope="module")
def reference() -> Iterator[list[bytes]]:
    """Those of the project's loop; the others train as little."""
    tf.config.experimental.enable_op_determinism()
    with pytest.MonkeyPatch.context() as patched:
        for constant, value in (("BATCH", 16), ("WARM_UP", 3), ("TRAINED", np.arange(320))):
            patched.setattr(worker, constant, value)
        yield weights_after(REFERENCE)


@pytest.mark.heavy
@pytest.mark.parametrize(
    "name",
    [
        "50 steps a call",
        "images as float32",
        "images put in order once",
        "images from tf.data",
        "shape of a batch known",
        "pooled before ReLU",
    ],
)
def test_variants_that_only_cost_something_else(reference: list[bytes], name: str) -> None:
    """The weights that they end with are those of the project's loop, to the bit."""
    assert weights_after(name) == reference
