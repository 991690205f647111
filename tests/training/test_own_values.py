"""What a function of the user's own gives us: numbers and names of any kind, or a sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from test_own_training import Told, config_of, job_of, sweep

from clr_sweep.common.errors import InputError
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.own_training import evaluate_by_function
from clr_sweep.training.own_trial import OwnTrial, TrialOverError

LONGEST = "x" * 200


def trial(folder: Path, told: Told) -> OwnTrial:
    """A trial of four epochs, as its function gets it."""
    return OwnTrial(config_of(sweep("by_hand")), None, TrialFolder(folder), (), told)


@pytest.mark.parametrize("kind", [int, np.int64, np.uint8, np.array, tf.constant])
def test_epochs_of_any_whole_kind(kind: Any, tmp_path: Path) -> None:
    """As `np.arange` counts them; what is stored and told is Python's."""
    told, folder = Told(), TrialFolder(tmp_path)
    one = trial(tmp_path, told)
    for epoch in range(1, 5):
        one.report(kind(epoch), {"val_loss": 1.0})
        folder.append(told.epochs[-1])
    assert [report.epoch for report in folder.reports()] == [1, 2, 3, 4]
    assert {type(report.epoch) for report in told.epochs} == {int}
    assert {type(report.step) for report in told.epochs} == {int}


@pytest.mark.parametrize("epoch", [1.0, np.float64(1), True, np.True_, "1", None])
def test_an_epoch_that_is_no_whole_number(epoch: Any, tmp_path: Path) -> None:
    """It is refused, with the call, the value and the cure; `np.linspace` gives such."""
    told = Told()
    with pytest.raises(
        InputError, match=r"trial\.report: the epoch must be a whole .*int\(epoch\)"
    ):
        trial(tmp_path, told).report(epoch, {"val_loss": 1.0})
    assert not told.said


@pytest.mark.parametrize(
    "value",
    [
        1, True, np.float16(1), np.array(1), tf.constant(1.0), Decimal("1"), np.int8(1),
        np.array([1.0]), np.array([[1]]), tf.constant([1.0]), tf.constant([[1]], tf.bfloat16),
        keras.Variable([1.0]), np.array(Decimal("1")),
    ],
)  # fmt: skip
def test_numbers_of_any_kind(value: Any, tmp_path: Path) -> None:
    """Whatever a float can be, and an array of one."""
    told = Told()
    trial(tmp_path, told).report(1, {"val_loss": value, LONGEST: value, "val_a b/c:d.e-f": value})
    assert set(told.epochs[0].metrics.values()) == {1.0}
    assert {type(number) for number in told.epochs[0].metrics.values()} == {float}


@pytest.mark.parametrize(
    "value",
    [
        np.str_("1"), np.array("1"), np.array(["1"], object), np.array(b"1"), tf.constant("1"),
        tf.constant(["1"]), memoryview(b"1"), np.complex64(1 + 2j), np.array([1j]),
        tf.constant(1 + 2j), np.array(5, "m8[ns]"), np.array([]), tf.constant([1.0, 2.0]),
    ],
)  # fmt: skip
def test_what_python_would_make_a_number_of(value: Any, tmp_path: Path) -> None:
    """Texts, complex numbers and times are refused in an array too; so is more than one."""
    with pytest.raises(InputError, match="val_loss must be a number that a float can be, got"):
        trial(tmp_path, Told()).report(1, {"val_loss": value})


def test_what_is_behind_a_mask_is_no_number(tmp_path: Path) -> None:
    """As NumPy has it, with its warning; it is a divergence."""
    one = trial(tmp_path, Told())
    with pytest.warns(UserWarning, match="masked"), pytest.raises(TrialOverError):
        one.report(1, {"val_loss": np.ma.array([0.5], mask=[True])})
    assert one.divergence is not None


@pytest.mark.parametrize(
    ("metrics", "text"),
    [
        ([1, 2], r"must be numbers by name, such as {'val_loss': 0\.5}, got \[1, 2\]"),
        (None, "must be numbers by name, .*got nothing"),
        ({"val_loss": 10**400}, r"val_loss must be a number that a float can be, got 1000"),
        ({"val_loss": 10**5000}, r"val_loss must be a number .*got a whole number of 16610 bits"),
        ({"val_loss": 1j}, "val_loss must be a number .*got 1j"),
        ({"val_loss": None}, "val_loss must be a number .*got nothing"),
        ({"val_loss": b"1"}, "val_loss must be a number .*got b'1'"),
        ({"val_loss": np.zeros(2)}, "val_loss must be a number .*got array"),
        ({3: 1.0}, "the name of each must be a text, got 3"),
        ({"recall@5": 1.0}, "'recall@5' is no name for a metric: MLflow takes letters"),
        ({"": 1.0}, "'' is no name for a metric"),
        ({"a//b": 1.0}, "'a//b' is no name for a metric"),
        ({f"{LONGEST}x": 1.0}, "'xx.*xx' is no name for a metric: .*at most 200"),
        ({"cpu_seconds": 1.0}, "cpu_seconds has a meaning of its own here"),
        ({"val_learning_rate": 1.0}, "learning_rate has a meaning of its own here"),
        (
            {"test_loss": 1.0},
            "test_loss has a meaning of its own here, as have learning_rate, batch_loss, cycle, "
            "cpu_seconds, momentum, and all that begins with test_, best_, baseline_, trial_, "
            "sweep_, system/, with val_ before them too: give the metric another name$",
        ),
        ({"val_val_loss": 1.0}, "val_loss begins with val_, which stands once, before the name "),
        ({"system/x": 1.0}, "system/x has a meaning of its own here"),
    ],
)
def test_what_cannot_be_reported(metrics: Any, text: str, tmp_path: Path) -> None:
    """It is named with its value before anything is told; else MLflow would refuse it later."""
    told = Told()
    with pytest.raises(InputError, match=f"^trial\\.report: {text}"):
        trial(tmp_path, told).report(1, metrics)
    assert not told.said


def test_all_that_is_wrong_at_once(tmp_path: Path) -> None:
    """Each in a line of its own."""
    with pytest.raises(InputError) as raised:
        trial(tmp_path, Told()).report(1, {"val_loss": "low", "p@1": 1.0, "cpu_seconds": 2.0})
    assert len(raised.value.problems) == 3


@pytest.mark.parametrize(
    ("case", "text"),
    [
        ("name", "own_trainings:giving returns: 'recall@5' is no name for a metric: MLflow"),
        ("huge", "returns: loss must be a number that a float can be, got 1000"),
        ("twice", "returns: test_loss gets test_ in front of it: name it loss"),
        ("validation", "returns: val_loss gets test_ in front of it: name it loss"),
    ],
)
def test_what_an_evaluation_cannot_give(case: str, text: str, tmp_path: Path) -> None:
    """The same, of what `training.evaluate` returns."""
    import own_trainings

    given = {
        "name": {"recall@5": 1.0},
        "huge": {"loss": 10**400},
        "twice": {"test_loss": 1.0},
        "validation": {"val_loss": 1.0},
    }
    own_trainings.GIVEN.update(given[case])
    try:
        config = config_of(sweep("by_hand", "giving"))
        with pytest.raises(InputError, match=text):
            evaluate_by_function(job_of(config, tmp_path), None, TrialFolder(tmp_path))
    finally:
        own_trainings.GIVEN.clear()
