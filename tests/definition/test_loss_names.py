"""The names and arguments of Keras' losses, held against Keras; and what a sweep file may name."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest
from written_sweeps import problems, written

from clr_sweep.definition.arguments import SWITCH, Real
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.losses import ARGUMENTS, CLASS_OF, FUNCTION_OF, NOT_TAKEN
from clr_sweep.definition.own_modules import own_modules

MUST_BE = (
    "training.loss: must be the name of a Keras loss, such as sparse_categorical_crossentropy or "
    "mean_squared_error, or module:name of your own, got "
)


def test_the_names_are_those_of_keras() -> None:
    """All of them but the base classes, each with the function that Keras computes it by."""
    import keras
    from keras.src.losses import ALL_OBJECTS_DICT

    assert set(FUNCTION_OF) == set(ALL_OBJECTS_DICT) - {"Loss", "LossFunctionWrapper"}
    for written_as, name in FUNCTION_OF.items():
        found = keras.losses.get(written_as)
        assert getattr(found, "fn", found).__name__ == name


@pytest.mark.parametrize(
    ("loss", "got"),
    [
        ("sparse_categorical_crossentropi",
         "'sparse_categorical_crossentropi' - did you mean 'sparse_categorical_crossentropy'?"),
        ("MeanSquareError", "'MeanSquareError' - did you mean 'mean_squared_error'?"),
        ("Loss", "'Loss'"),
        ("my code:loss", "'my code:loss'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize(
    "metrics", [{}, {"training.metrics": ["accuracy"]}, {"objective.metric": "val_my_gap"}]
)
def test_what_is_no_loss(tmp_path: Path, loss: str, got: str, metrics: dict[str, Any]) -> None:
    """It is said when the file is read, and of metrics nothing that only hangs on it."""
    direction = {"objective.direction": "maximize"} if "objective.metric" in metrics else {}
    file = written(tmp_path, {"training.loss": loss, **metrics, **direction})
    assert problems(file) == [MUST_BE + got]


def test_any_name_of_keras_is_taken(tmp_path: Path) -> None:
    """The class's and the abbreviation too, as they are written."""
    for loss in FUNCTION_OF:
        file = written(tmp_path, {"training.loss": loss, "objective.metric": "val_loss"})
        assert load_sweep(file).training.loss.name == loss


def test_the_arguments_are_those_of_keras() -> None:
    """Of each loss those of its class, but the ones left out on purpose, each with its default."""
    import keras

    left_out = set()
    for name, known in ARGUMENTS.items():
        parameters = inspect.signature(getattr(keras.losses, CLASS_OF[name]).__init__).parameters
        defaults = {key: value.default for key, value in parameters.items() if key != "self"}
        assert set(known) == set(defaults) - set(NOT_TAKEN)
        left_out |= set(defaults) & set(NOT_TAKEN)
        for key, kind in known.items():
            assert (kind == SWITCH) == isinstance(defaults[key], bool)
            assert not isinstance(kind, Real) or kind.holds(defaults[key])
    assert left_out == set(NOT_TAKEN)


def test_arguments_of_a_loss(tmp_path: Path) -> None:
    """Written beside its name, under any of its names; whole numbers are made real."""
    loss = {"name": "Huber", "arguments": {"delta": 2}}
    file = written(tmp_path, {"training.loss": loss, "objective.metric": "val_loss"})
    found = load_sweep(file).training.loss
    assert repr(found.arguments) == "{'delta': 2.0}"
    assert str(found) == "Huber (delta 2.0)"


@pytest.mark.parametrize(
    ("name", "arguments", "place", "text"),
    [
        ("huber", {"delta": 0}, ".arguments.delta", "must be above 0 for the loss huber, got 0"),
        ("huber", {"delat": 1}, ".arguments.delat", "unknown argument of the loss huber 'delat' - "
         "did you mean 'delta'? (known: delta)"),
        ("categorical_crossentropy", {"label_smoothing": 1.5}, ".arguments.label_smoothing",
         "must be at least 0 and below 1 for the loss categorical_crossentropy, got 1.5"),
        ("categorical_crossentropy", {"from_logits": 1}, ".arguments.from_logits",
         "must be true or false, got 1"),
        ("mse", {"delta": 1}, ".arguments.delta",
         "is not taken: the loss mse has no arguments, leave it out"),
        ("mse", {"reduction": "sum"}, ".arguments.reduction",
         "is not taken: an epoch's loss is the mean over its examples; for another weight of "
         "theirs write a loss of your own and name it as module:name"),
        (3, {}, ".name", "must be text, got 3"),
        ("no_module:pinball", {}, "", "there is no module 'no_module' (looked in "),
        ("own_losses:pinball", {"tau": 1, "tua": 1}, ".arguments.tua", "unknown argument of the "
         "loss own_losses:pinball 'tua' - did you mean 'tau'? (known: tau)"),
        ("own_losses:pinball", {}, ".arguments.tau",
         "is required by own_losses:pinball: give it a value here"),
    ],
)  # fmt: skip
def test_what_is_no_argument(
    tmp_path: Path, name: Any, arguments: dict[str, Any], place: str, text: str
) -> None:
    """Said with its place, before anything is imported."""
    (tmp_path / "own_losses.py").write_text(
        "raise ValueError('imported')\ndef pinball(y_true, y_pred, tau): ...\n"
    )
    loss = {"name": name, "arguments": arguments}
    (found, *others) = problems(
        written(tmp_path, {"training.loss": loss, "objective.metric": "val_loss"})
    )
    assert found.startswith(f"training.loss{place}: {text}")
    assert not others


def test_a_loss_of_ones_own(tmp_path: Path) -> None:
    """It is taken, nothing is classified by it, and its module goes where the sweep is trained."""
    (tmp_path / "own_losses.py").write_text("def pinball(y_true, y_pred, tau=0.5): ...\n")
    file = written(
        tmp_path, {"training.loss": "own_losses:pinball", "objective.metric": "val_loss"}
    )
    sweep = load_sweep(file)
    assert sweep.training.metrics == ()
    assert own_modules(sweep, [tmp_path]) == (tmp_path / "own_losses.py",)
