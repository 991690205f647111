"""The section `training` of a sweep file, where its values have more than one form."""

from __future__ import annotations

from written_sweeps import content, sweep

from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.validation import validation


def test_class_weights() -> None:
    """By the numbers of classes, as YAML, JSON and Python write them."""
    for written_as in ({0: 1, 12: 2.5}, {"0": 1.0, "12": 2.5}):
        assert sweep({"training.class_weight": written_as}).training.class_weight == {
            "0": 1.0,
            "12": 2.5,
        }
    _, found = validation(
        Sweep, content({"training.class_weight": {"-1": 1, "0": -2, "1": True, "2": 1}})
    )
    assert [(".".join(keys), text) for keys, text in found] == [
        ("training.class_weight.-1", "must be the number of a class, 0 or more, got '-1'"),
        ("training.class_weight.0", "must be a weight of 0 or more, got -2"),
        ("training.class_weight.1", "must be a weight of 0 or more, got true"),
    ]
    for wrong in ("equal", {}, [1.0, 5.0], 2):
        _, ((keys, text),) = validation(Sweep, content({"training.class_weight": wrong}))
        assert keys == ("training", "class_weight")
        assert text.startswith("must be a weight for each class, such as {0: 1.0, 1: 5.0}, or bal")


def test_what_of_fit_is_no_key() -> None:
    """Each is told what stands in its place, beside what else is wrong."""
    changes = {
        "training.callbacks": ["EarlyStopping"],
        "training.learning_rate": 0.1,
        "training.validation_freq": 2,
        "training.epoch": 3,
        "study.callbacks": [],
    }
    _, problems = validation(Sweep, content(changes))
    found = {".".join(keys): text for keys, text in problems}
    assert set(found) == set(changes)
    assert found["training.callbacks"].startswith("is not taken: what they keep in Python is in ")
    assert "early_stopping ends a trial" in found["training.callbacks"]
    assert found["training.learning_rate"].startswith("is not taken: the schedule gives it: set")
    assert "did you mean 'epochs'?" in found["training.epoch"]
    assert found["study.callbacks"].startswith("unknown key 'callbacks'")
