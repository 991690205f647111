"""The section `training` of a sweep file, where its values have more than one form."""

from __future__ import annotations

from pathlib import Path

from written_sweeps import content, problems, sweep, written

from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.own_modules import own_modules
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
    _, listed = validation(Sweep, content(changes))
    found = {".".join(keys): text for keys, text in listed}
    assert set(found) == set(changes)
    assert found["training.callbacks"].startswith("is not taken: what they keep in Python is in ")
    assert "early_stopping ends a trial" in found["training.callbacks"]
    assert found["training.learning_rate"].startswith("is not taken: the schedule gives it: set")
    assert "did you mean 'epochs'?" in found["training.epoch"]
    assert found["study.callbacks"].startswith("unknown key 'callbacks'")


def test_weights_of_examples(tmp_path: Path) -> None:
    """By a function of the user's, whose module goes where the sweep is trained; in one way."""
    (tmp_path / "weighing.py").write_text("def by_age(x, y): ...\n")
    made = load_sweep(written(tmp_path, {"training.sample_weight": "weighing:by_age"}))
    assert own_modules(made, [tmp_path]) == (tmp_path / "weighing.py",)
    wrong = {
        "weights.npy": "must be module:function, as in my_code:my_function, got 'weights.npy'",
        "absent:by_age": "there is no module 'absent' (looked in ",
    }
    for name, text in wrong.items():
        (found,) = problems(written(tmp_path, {"training.sample_weight": name}))
        assert found.startswith(f"training.sample_weight: {text}")
    both = {
        "training.sample_weight": "weighing:by_age",
        "training.class_weight": "balanced",
        "training.optimizer": "adagrad",
        "training.cycle_momentum": {},
    }
    first, second = problems(written(tmp_path, both))
    assert first.startswith("training.sample_weight: cannot be given with class_weight, as under")
    assert second.startswith("training.cycle_momentum: needs an optimizer with momentum or beta_1")
