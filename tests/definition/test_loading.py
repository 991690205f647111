"""Reading a sweep file: every problem of the file and of the command line at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from own_process import python
from written_sweeps import SHIPPED, content, problems, written

from clr_sweep.common.errors import InputError
from clr_sweep.definition.loading import load_sweep, search_path
from clr_sweep.definition.readable_values import readable_values
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.sweep_checks import validation_problems

DATA = Path(__file__).parents[1] / "data"
SLICE = str(DATA / "fashion_mnist_slice.npz")
SGD = (
    "momentum, nesterov, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum)"
)


def test_the_shipped_sweep_is_right() -> None:
    """The sweep that `mlflow run .` runs is read as it stands."""
    sweep = load_sweep(SHIPPED)
    assert (sweep.name, sweep.study.trials, sweep.training.epochs) == ("fashion-mnist", 50, 16)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("dataset.name", "fashion-mnist", "unknown data set 'fashion-mnist' - did you mean"),
        ("dataset.name", "no_such_module:load", "there is no module 'no_such_module'"),
        ("dataset.name", "no_such.npz", "there is no file 'no_such.npz' (looked for"),
        ("dataset.validation", 60000, "must hold out at least one and leave at least one of the"),
        ("dataset.validation", 1e-9, "must hold out at least one and leave at least one of the"),
        ("dataset.validation", 0.9999999, "must hold out at least one and leave at least one of"),
        ("model.name", "tutorial-cnn", "unknown model 'tutorial-cnn' - did you mean"),
        ("model.name", "no_such_module:build", "there is no module 'no_such_module'"),
        (
            "training.batch_size",
            54001,
            "must be at most the 54000 examples that are trained on, got 54001",
        ),
        ("search_space.init_lr", "abc", "must be a number or a range of numbers, got 'abc'"),
        ("search_space.init_lr", [1e-3, "a"], "must hold numbers alone, got 'a'"),
        ("search_space.init_lr", True, "must be a number or a range of numbers, got true"),
        ("search_space.init_lr", {"low": -0.1, "high": 0.01}, "must be at least 0, got -0.1"),
        ("search_space.max_lr", {"low": 0, "high": 1}, "must be above 0, got 0"),
        ("search_space.max_lr", {"low": 0.1, "high": 1e31}, "must be above 0 and at most 1e+30"),
        ("search_space.max_lr", [1e-40, 1], "must be at least 1e-30, got 1e-40"),
        (
            "search_space.max_lr",
            {"ratio": {"low": 3, "high": 9}},
            "must be numbers: a ratio is for init_lr alone",
        ),
        ("search_space.step_size_factor", 0, "must be above 0, got 0"),
        ("search_space.step_size_factor", [2, 1e300], "must be above 0 and at most 1e+06, got"),
        ("search_space.gamma", 1.5, "must be above 0 and at most 1, got 1.5"),
        ("search_space.gamma", {"low": 0, "high": 1}, "must be above 0 and at most 1, got 0"),
        ("search_space.initlr", 0.1, "unknown hyperparameter 'initlr' - did you mean 'init_lr'?"),
        (
            "search_space.momentun",
            0.9,
            "unknown hyperparameter 'momentun' - did you mean 'momentum'? (known: init_lr, max_lr, "
            "step_size_factor, policy, gamma, batch_size, optimizer, model.input_shape, "
            f"model.classes, model.dropout, model.spatial, {SGD}",
        ),
        ("search_space.dropout", 0.1, "unknown hyperparameter 'dropout' - did you mean 'model.dr"),
        ("search_space.further", 1, "unknown hyperparameter 'further'"),
        ("search_space.", 1, "unknown hyperparameter ''"),
        ("search_space.learning_rate", 0.1, "is given by the schedule: set init_lr and max_lr"),
        ("search_space.epochs", [8, 16], "cannot be searched: it is the budget"),
        ("search_space.momentum", ["a", 0.9], "must be a number, got 'a'"),
        ("search_space.momentum", 2, "must be at least 0 and at most 1 for the optimizer sgd"),
        (
            "search_space.momentum",
            {"ratio": {"low": 3, "high": 9}},
            "must be a range, a list or a value: a ratio is for init_lr alone",
        ),
        ("search_space.nesterov", [True, "no"], "must be true or false, got 'no'"),
        ("search_space.beta_1", 0.9, "unknown hyperparameter 'beta_1'"),
        ("search_space.batch_size", [32, 64.5], "must be whole numbers above 0, got 64.5"),
        ("search_space.batch_size", {"low": 0, "high": 9}, "must be whole numbers above 0, got 0"),
        (
            "search_space.batch_size",
            {"low": 1.0, "high": 9.0},
            "must be whole numbers above 0, got 1.0",
        ),
        ("search_space.batch_size", [64, 60000], "must be at most the 54000 examples that are"),
        ("search_space.optimizer", ["sgd", "adamm"], "unknown optimizer 'adamm' - did you mean"),
        ("search_space.optimizer", ["sgd", 1], "must be a list of optimizers, got 1"),
        ("search_space.optimizer", {"low": 1, "high": 2}, "must be a list of optimizers, got a ra"),
        ("search_space.model.dropot", 0.1, "unknown argument of the model 'dropot' - did you mean"),
        ("search_space.model.", 0.1, "must be named 'model.' and an argument of the model's"),
        ("search_space.model.a b", 0.1, "must be named 'model.' and an argument of the model's"),
        ("study.storage", "postgresql://me:secret@host/db", "must hold no password, since the"),
        ("study.storage", "postgresql://host/db?password=x", "must hold no password, since the"),
    ],
)
def test_one_problem_gives_one_message(tmp_path: Path, key: str, value: Any, message: str) -> None:
    """What is wrong though its form is right gives one message with its place."""
    (found,) = problems(written(tmp_path, {key: value}))
    assert found.startswith(f"{key}: {message}")
    assert "secret" not in found


def test_a_wrong_argument_of_a_known_model(tmp_path: Path) -> None:
    """The arguments of a model that is known are checked without building it."""
    found = problems(written(tmp_path, {"model.arguments": {"dropot": 0.1, "classes": 10}}))
    assert found == [
        "model.arguments.dropot: unknown argument of the model tutorial_cnn 'dropot' - did you "
        "mean 'dropout'? (known: input_shape, classes, dropout, spatial)"
    ]


def test_one_message_holds_all(tmp_path: Path) -> None:
    """Wrong forms hide neither wrong names, nor what is wrong between values, nor options."""
    file = written(
        tmp_path,
        {
            "more": 1,
            "dataset": {"name": "fashion", "validation": "10%"},
            "model.name": "resnet",
            "training": {"optimizer": "sgdd", "epochs": 0},
            "search_space.init_lr": {"low": 1e-4, "high": 0.1},
            "search_space.policy": "sine",
            "search_space.gamma": 2,
            "search_space.momentun": 0.9,
            "study": {"sampler": "grid", "trials": 0},
        },
    )
    found = problems(file, {"study.jobs": "many", "study.trials": "-1"})
    assert sorted(text.split(": ")[0] for text in found) == sorted(
        [
            "more",
            "dataset.name",
            "dataset.validation",
            "model.name",
            "training.optimizer",
            "training.epochs",
            "search_space.max_lr",
            "search_space.policy",
            "search_space.gamma",
            "study.sampler",
            "--jobs",
            "--trials",
        ]
    )  # momentun may be an argument of the optimizer, which is not known


def test_failures_and_deadlines(tmp_path: Path) -> None:
    """What a study does about failures, and for how long, has its own words."""
    study = {"deterministic": "yes", "retries": -1, "trial_timeout": 0, "timeout": "1h"}
    assert problems(written(tmp_path, {"study": study})) == [
        "study.deterministic: must be true or false, got 'yes'",
        "study.retries: must be at least 0, got -1",
        "study.trial_timeout: must be a finite number above 0, got 0",
        "study.timeout: must be a finite number above 0, got '1h'",
    ]


def test_sizes_are_checked_beside_other_problems(tmp_path: Path) -> None:
    """A validation part that is too large is found in a file that is wrong elsewhere too."""
    changes = {"dataset": {"name": SLICE, "validation": 2000}, "study.trials": 0}
    assert problems(written(tmp_path, changes)) == [
        "study.trials: must be at least 1, got 0",
        "dataset.validation: must hold out at least one and leave at least one of the 2000 "
        f"training examples of {SLICE}, got 2000, which holds out 2000",
    ]


def test_names_are_looked_for_beside_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A module or file is looked for in the sweep's folder, then in the current one."""
    beside, here = tmp_path / "beside", tmp_path / "here"
    beside.mkdir()
    here.mkdir()
    monkeypatch.chdir(here)
    assert search_path(beside / "sweep.yaml") == (beside, here)
    assert search_path(Path("sweep.yaml")) == (here,)
    text = "raise SystemExit('must not be imported')\ndef build(): ..."
    (beside / "model_beside_the_file.py").write_text(text)
    (here / "model_here.py").write_text(text)
    for module in ("model_beside_the_file", "model_here"):
        load_sweep(written(beside, {"model.name": f"{module}:build"}))


def test_validation_problems_of_data_whose_size_is_known_late() -> None:
    """The sizes are checked again when a function has given the data."""
    sweep = Sweep.model_validate(content({"dataset.validation": 100, "training.batch_size": 50}))
    assert list(validation_problems(sweep, 1000)) == []
    assert list(validation_problems(sweep, 100)) == [
        "dataset.validation: must hold out at least one and leave at least one of the 100 training "
        "examples of fashion_mnist, got 100, which holds out 100"
    ]
    assert list(validation_problems(sweep, 149)) == [
        "training.batch_size: must be at most the 49 examples that are trained on, got 50"
    ]


def test_validation_on_the_test_set_holds_nothing_out() -> None:
    """A batch may be as large as all of the training data."""
    sweep = Sweep.model_validate(content({"dataset.validation": "test"}))
    assert sweep.dataset.on_test_set
    assert sweep.dataset.held_out(1000) == 0
    assert list(validation_problems(sweep, sweep.training.batch_size)) == []
    assert len(list(validation_problems(sweep, sweep.training.batch_size - 1))) == 1


def test_readable_values_are_those_right_by_themselves() -> None:
    """Wrong values are left out, missing ones have their defaults, in the order of the file."""
    values = readable_values(
        content({"study": {"seed": -1, "trials": 3}, "dataset": [], "search_space.x": [1, 2]})
    )
    assert values["study.trials"] == 3
    assert values["study.sampler"] == "tpe"
    assert values["search_space.x"] == (1, 2)
    assert "study.seed" not in values
    assert not any(key.startswith("dataset.") for key in values)
    assert next(iter(values)) == "model.name"


def test_no_heavy_import_is_needed() -> None:
    """A file is checked in a moment: without Keras, MLflow and Optuna."""
    code = (
        "import sys; from pathlib import Path; "
        "from clr_sweep.definition.loading import load_sweep; "
        "load_sweep(Path(sys.argv[1])); "
        "print(sorted({'keras', 'mlflow', 'optuna', 'tensorflow'} & sys.modules.keys()))"
    )
    assert python("-c", code, SHIPPED).stdout == "[]\n"


LINES = SHIPPED.read_text(encoding="utf-8").splitlines()
WORDS = st.sampled_from(
    ["", "a", "- a", "{", "}", "[1, 2]", "name:", "null", ": :", "&a", "*a", "\t"]
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    lines=st.lists(st.integers(0, len(LINES) - 1), max_size=3),
    cut=st.integers(0, 80),
    word=WORDS | st.text(max_size=5),
)
def test_a_broken_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, lines: list[int], cut: int, word: str
) -> None:
    """Whatever a slip of the finger makes of the shipped file, there is no traceback."""
    broken = list(LINES)
    for line in lines:
        broken[line] = broken[line][:cut] + word + broken[line][cut + 1 :]
    file = tmp_path_factory.getbasetemp() / "broken.yaml"
    file.write_bytes("\n".join(broken).encode("utf-8", "surrogatepass"))
    try:
        load_sweep(file)
    except InputError as error:
        problems = error.problems
    else:
        return
    assert problems
    assert all(problem.startswith(f"{file}: ") for problem in problems)
