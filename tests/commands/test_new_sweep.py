"""What a sweep file says for a model and data that were looked at."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import two_of_each

from clr_sweep.commands.new_sweep import (
    EPOCHS,
    FACTORS,
    fitting_batch,
    fitting_objective,
    held_out_part,
    sweep_text,
    sweep_warnings,
)
from clr_sweep.common.errors import InputError
from clr_sweep.definition.gamma import gamma_warnings
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.training.requests import DataFacts, Look, ModelLook

CLASSES = Look("classes", 10, (), (10,), True, False, 1000)
ONE_HOT = replace(CLASSES, labels="one hot", label_shape=(10,))
YES_NO = Look("classes", 2, (), (1,), False, True, 10)
AMOUNTS = Look("amounts", None, (), (1,), False, False, 10)
FACTS = DataFacts("mine.npz", "mine.npz", "d" * 64, 900, 100, (4,), "float32")


@pytest.mark.parametrize(
    ("look", "loss", "metric", "direction"),
    [
        (CLASSES, "sparse_categorical_crossentropy", "val_accuracy", "maximize"),
        (replace(CLASSES, label_shape=(1,)), "sparse_categorical_crossentropy",
         "val_accuracy", "maximize"),
        (ONE_HOT, "categorical_crossentropy", "val_accuracy", "maximize"),
        (YES_NO, "binary_crossentropy", "val_accuracy", "maximize"),
        (replace(YES_NO, labels="yes or no", label_shape=(5,), output_shape=(5,)),
         "binary_crossentropy", "val_accuracy", "maximize"),
        (AMOUNTS, "mean_squared_error", "val_mean_absolute_error", "minimize"),
        (replace(AMOUNTS, label_shape=(3,), output_shape=(3,)), "mean_squared_error",
         "val_mean_absolute_error", "minimize"),
        # Counts, held against one output.
        (replace(AMOUNTS, labels="classes", classes=400), "mean_squared_error",
         "val_mean_absolute_error", "minimize"),
    ],
)  # fmt: skip
def test_the_loss_follows_from_labels_and_outputs(
    look: Look, loss: str, metric: str, direction: str
) -> None:
    """Classes, one number for each class, yes or no, and amounts."""
    found = fitting_objective(look, "my_model:build")
    assert (found.loss, found.metric, found.direction) == (loss, metric, direction)


@pytest.mark.parametrize("look", [CLASSES, ONE_HOT])
def test_outputs_that_are_no_probabilities(look: Look) -> None:
    """The loss is told that they are logits."""
    loss = fitting_objective(look, "my_model:build").loss
    logits = fitting_objective(replace(look, sums_to_one=False), "my_model:build").loss
    assert logits == f"{{name: {loss}, arguments: {{from_logits: true}}}}"


@pytest.mark.parametrize(
    ("look", "message"),
    [
        (replace(CLASSES, classes=12), "the labels number 12 classes, from 0 to 11, and the model"),
        (replace(AMOUNTS, output_shape=(3,)), "no loss goes with labels of the shape"),
        (replace(YES_NO, ends_in_softmax=True), "ends in a softmax of one output: that is 1 what"),
        (replace(AMOUNTS, ends_in_softmax=True, all_alike=True), "one output, as the labels of al"),
    ],
)
def test_what_does_not_go_together_is_refused(look: Look, message: str) -> None:
    """In words, with what to change."""
    with pytest.raises(InputError, match=message) as refused:
        fitting_objective(look, "my_model:build")
    assert "my_model:build" in str(refused.value)


def test_what_is_warned_of() -> None:
    """Labels that teach nothing or are large, of which output, and what the examples lack."""
    ages = replace(AMOUNTS, label_size=5000.0)
    outputs = {"age": replace(ages, all_alike=True), "sex": YES_NO}
    objectives = {name: fitting_objective(one, "my_model:build") for name, one in outputs.items()}
    scale, same, large = sweep_warnings(ModelLook(outputs, "unscaled"), objectives)
    assert scale == "unscaled"
    assert same.startswith("the labels of age of all training examples are the same, so nothing ")
    assert large.startswith("the labels of age are large")
    one = ModelLook(replace(CLASSES, all_alike=True), "")
    (same,) = sweep_warnings(one, fitting_objective(CLASSES, "my_model:build"))
    assert same.startswith("the labels of all training examples are the same")


@pytest.mark.parametrize(
    ("examples", "size"), [(54000, 64), (3200, 64), (3000, 32), (800, 16), (100, 16), (10, 10)]
)
def test_the_batch_leaves_an_epoch_enough_steps(examples: int, size: int) -> None:
    """As large as 64, as small as 16, and never more than there is."""
    assert fitting_batch(examples) == size


@pytest.mark.parametrize(
    "look", [CLASSES, replace(CLASSES, sums_to_one=False), ONE_HOT, YES_NO, AMOUNTS]
)
@pytest.mark.parametrize("examples", [60, 900, 60000])
@pytest.mark.parametrize("name", ["mine", "007", "true", "with space and 'quotes'.npz"])
def test_the_file_is_one_that_check_takes(
    tmp_path: Path, look: Look, examples: int, name: str
) -> None:
    """Whatever fits: read as every command reads it, and all factors end with the budget."""
    (tmp_path / "my_model.py").write_text("def build(): ...\n")
    data = name if name.endswith(".npz") else "mine.npz"
    arrays = {"x_train": np.zeros((examples, 4)), "x_test": np.zeros((9, 4))}
    np.savez(tmp_path / data, y_train=np.zeros(examples), y_test=np.zeros(9), **arrays)
    study = "mine" if name.endswith(".npz") else name
    objective = fitting_objective(look, "my_model:build")
    file = tmp_path / "sweep.yaml"
    facts = replace(FACTS, train=examples)
    text = sweep_text(
        study,
        DatasetConfig(name=data),
        "",
        "my_model:build",
        facts,
        look,
        objective,
        [],
        "/there/s.json",
        "Budget: 3 min.",
    )
    file.write_text(text, encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=/there/s.json\n")
    assert "# Budget: 3 min.\n" in text
    sweep = load_sweep(file)
    assert (sweep.name, sweep.dataset.name) == (study, data)
    assert sweep.search_space.awaits_range_test
    trained = examples - sweep.dataset.held_out(examples)
    steps = -(-trained // sweep.training.batch_size)
    for factor in FACTORS:
        plan = plan_trial(factor, steps, EPOCHS, sweep.objective.at)
        assert (plan.epochs, plan.at_trough) == (EPOCHS, True)
    assert sweep.range_test.epochs * steps >= 150
    assert isinstance(sweep.search_space.gamma, float)
    assert 0.3 < sweep.search_space.gamma ** (EPOCHS * steps) < 0.37
    assert gamma_warnings(sweep, steps) == []
    assert held_out_part(examples) in (0.1, 0.2)


@pytest.mark.parametrize("examples", [1, 2])
def test_too_few_examples(examples: int) -> None:
    """They are named, and not a part that nobody gave; of three one can be held out."""
    with pytest.raises(InputError, match=rf"^x_train: must hold at least 3 .*, got {examples}$"):
        held_out_part(examples)
    assert DatasetConfig(name="mine.npz", validation=held_out_part(3)).held_out(3) == 1


@pytest.mark.parametrize(
    ("look", "settles", "rule", "why"),
    [
        (
            AMOUNTS,
            True,
            "quarter",
            "\n# quarter reads the training loss. Batch normalisation meets",
        ),
        (CLASSES, True, "smith", "\n# Many epochs: batch normalisation meets the columns unscaled"),
        (AMOUNTS, False, "smith", "\nrange_test: {epochs: 4, seeds: 3} "),
    ],
)
def test_columns_whose_moving_averages_settle(
    tmp_path: Path, look: Look, settles: bool, rule: str, why: str
) -> None:
    """The test reads no held-out loss, and no accuracy on a coarse ramp; the file says why."""
    (tmp_path / "my_model.py").write_text("def build(): ...\n")
    arrays = {"x_train": np.zeros((900, 4)), "x_test": np.zeros((9, 4))}
    np.savez(tmp_path / "mine.npz", y_train=np.zeros(900), y_test=np.zeros(9), **arrays)
    text = sweep_text(
        "mine",
        DatasetConfig(name="mine.npz"),
        "",
        "my_model:build",
        FACTS,
        look,
        fitting_objective(look, "my_model:build"),
        [],
        "/s.json",
        "Budget: 1 s.",
        settles=settles,
    )
    (tmp_path / "sweep.yaml").write_text(text, encoding="utf-8")
    test = load_sweep(tmp_path / "sweep.yaml").range_test
    assert test.rule == rule
    # 720 examples in batches of 16; 100 steps in each decade from 1e-5 to 10.
    assert (test.epochs * 45 > 600) == settles
    assert why in text


def test_a_file_for_several_inputs_and_outputs(tmp_path: Path) -> None:
    """A loss, a weight and metrics for each output; trials are judged by the sum of the losses."""
    (tmp_path / "my_model.py").write_text("def build(): ...\n")
    np.savez(tmp_path / "mine.npz", **two_of_each.dataset().arrays())
    looks = {"sex": replace(CLASSES, classes=2, output_shape=(2,)), "age": AMOUNTS}
    objectives = {name: fitting_objective(look, "my_model:build") for name, look in looks.items()}
    facts = replace(
        FACTS,
        input_shape={"image": (6, 5), "meta": (3,)},
        input_dtype={"image": "uint8", "meta": "float32"},
        train=240,
    )
    text = sweep_text(
        "mine",
        DatasetConfig(name="mine.npz"),
        "",
        "my_model:build",
        facts,
        looks,
        objectives,
        ["warning: the columns differ in size", "warning: the labels are large"],
        "/s.json",
        "Budget: 1 s.",
    )
    (tmp_path / "sweep.yaml").write_text(text, encoding="utf-8")
    assert (
        "# Budget: 1 s.\n# warning: the columns differ in size\n# warning: the labels are large\n"
        in text
    )
    assert "# 240 examples image (6, 5) uint8, meta (3,) float32\n" in text
    sweep = load_sweep(tmp_path / "sweep.yaml")
    assert [str(one.loss) for one in sweep.training.outputs] == [
        "sparse_categorical_crossentropy", "mean_squared_error",
    ]  # fmt: skip
    assert sweep.training.metrics == {"sex": ("accuracy",), "age": ("mean_absolute_error",)}
    assert (sweep.objective.metric, sweep.objective.direction) == ("val_loss", "minimize")
