"""Reading a sweep file: every problem of the file and of the command line at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from written_sweeps import ABSENT, SHIPPED, content, written

from clr_sweep.config import Sweep
from clr_sweep.errors import InputError
from clr_sweep.readable_values import readable_values
from clr_sweep.sweep_file import OPTIONS, load_sweep, search_path, validation_problems

DATA = Path(__file__).parent / "data"
SLICE = str(DATA / "fashion_mnist_slice.npz")
SGD = (
    "momentum, nesterov, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum)"
)


def problems(file: Path, overrides: dict[str, Any] | None = None) -> list[str]:
    """The problems of a file that is refused, without the file's name."""
    with pytest.raises(InputError) as caught:
        load_sweep(file, overrides)
    assert caught.value.exit_status == 2
    assert list(caught.value.problems) == str(caught.value).split("\n")
    return [text.removeprefix(f"{file}: ") for text in caught.value.problems]


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
            f"model.classes, model.dropout, {SGD}",
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
        "mean 'dropout'? (known: input_shape, classes, dropout)"
    ]


def test_arguments_have_to_suit_every_optimizer_searched(tmp_path: Path) -> None:
    """An argument given once, or searched, goes to each of the optimizers."""
    found = problems(
        written(
            tmp_path,
            {
                "training.optimizer": {"name": "sgd", "arguments": {"nesterov": True}},
                "search_space.optimizer": ["sgd", "adam"],
                "search_space.momentum": {"low": 0, "high": 1},
                "search_space.clipnorm": 1,
                "search_space.clipvalue": 1,
            },
        )
    )
    assert [text.split(" - did you")[0].split(" (known")[0] for text in found] == [
        "search_space.optimizer: training.optimizer gives the argument nesterov to all: unknown "
        "argument of the optimizer adam 'nesterov'",
        "search_space.momentum: unknown argument of the optimizer adam 'momentum'",
        "search_space: only one of clipnorm, clipvalue, global_clipnorm may be given, got clipnorm "
        "and clipvalue",
    ]


def test_gamma_is_searched_only_where_it_is_used(tmp_path: Path) -> None:
    """A search of gamma without exp_range would waste trials; a fixed value harms nobody."""
    gamma = {"low": 0.999, "high": 0.9999}
    changes = {"search_space.policy": ["triangular"], "search_space.gamma": gamma}
    (found,) = problems(written(tmp_path, changes))
    assert found.startswith("search_space.gamma: must be a single value, or left out, where policy")
    for right in (
        {"search_space.policy": "exp_range"},
        {"search_space.policy": ["linear", "exp_range_bounds"]},
        {"search_space.gamma": 0.9},
    ):
        load_sweep(written(tmp_path, changes | right))


@pytest.mark.parametrize(
    ("changes", "messages"),
    [
        ({}, []),
        ({"search_space.policy": ["triangular", "one_cycle"]}, []),
        ({"search_space.optimizer": ["sgd", "adam"]}, []),
        ({"baseline.policy": "cosine"}, []),
        (
            {"search_space.policy": ["triangular", "cosine", "constant"]},
            [
                "search_space.policy: cannot be searched with training.cycle_momentum: the rate of "
                "cosine, constant has no rise that momentum could mirror (that of triangular, "
                "triangular2, exp_range, exp_range_bounds, one_cycle has)"
            ],
        ),
        (
            {"search_space.momentum": [0.8, 0.9]},
            [
                "search_space.momentum: does not go with training.cycle_momentum, which gives "
                "momentum at every step, so momentum cannot be given too: take it out of the "
                "optimizer's arguments and of the search space"
            ],
        ),
        (
            {"search_space.optimizer": ["sgd", "adagrad"]},
            [
                "search_space.optimizer: does not go with training.cycle_momentum, which needs an "
                "optimizer with momentum or beta_1 (sgd, rmsprop, adam, adamw, nadam, adamax, "
                "lion), got adagrad"
            ],
        ),
        (
            {"training.optimizer": "adadelta"},
            [
                "training.cycle_momentum: needs an optimizer with momentum or beta_1 (sgd, "
                "rmsprop, adam, adamw, nadam, adamax, lion), got adadelta"
            ],
        ),
        (
            {"training.optimizer": {"name": "adam", "arguments": {"beta_1": 0.8}}},
            [
                "training.cycle_momentum: gives beta_1 at every step, so beta_1 cannot be given "
                "too: take it out of the optimizer's arguments and of the search space"
            ],
        ),
        (
            {"training.cycle_momentum": {"low": 0.9, "high": 0.9}},
            ["training.cycle_momentum.high: must be above low (0.9), got 0.9"],
        ),
        (
            {"training.cycle_momentum": {"low": 0.9, "high": 1}},
            ["training.cycle_momentum.high: must be a number from 0 to below 1, got 1"],
        ),
    ],
)
def test_what_goes_with_cycled_momentum(
    tmp_path: Path, changes: dict[str, Any], messages: list[str]
) -> None:
    """Optimizers and policies that have no such thing, and momentum given twice, are refused."""
    file = written(tmp_path, {"training.cycle_momentum": {}, **changes})
    if messages:
        assert problems(file) == messages
    else:
        made = load_sweep(file).training.cycle_momentum
        assert made is not None
        assert (made.low, made.high) == (0.85, 0.95)


LOW = {"low": 1e-4, "high": 1e-2}
HIGH = {"low": 1e-2, "high": 1.0}


@pytest.mark.parametrize(
    ("init_lr", "max_lr", "right"),
    [
        (LOW, HIGH, True),
        ({**LOW, "step": 0.0099}, HIGH, False),  # its last step is the common bound
        ({"low": 1e-4, "high": 0.1}, HIGH, False),
        (LOW, {"low": 0.0099, "high": 1}, False),
        (0.01, HIGH, False),
        (0.0099, HIGH, True),
        ([1e-4, 1e-2], HIGH, False),
        (LOW, 0.01, True),
        (LOW, [1, 0.01], True),
        (0.5, 0.5, False),
        (0.5, 0.4, False),
        (0, 0.5, True),
        ({"low": 0, "high": 1}, {"low": 1, "high": 2}, True),
        # apart in float64, the same in float32, where Keras holds a rate
        (0.01, 0.010000000001, False),
        ({"low": 1e-4, "high": 0.01}, {"low": 0.010000000001, "high": 1}, True),
        ({"low": 0.0099999999, "high": 0.01}, HIGH, False),
        ({"ratio": {"low": 3, "high": 100, "log": True}}, {"low": 1e-4, "high": 1}, True),
    ],
)
def test_init_lr_and_max_lr_never_meet(
    tmp_path: Path, init_lr: Any, max_lr: Any, right: bool
) -> None:
    """Ranges that overlap are refused, with what to do about it; they may touch."""
    file = written(tmp_path, {"search_space.init_lr": init_lr, "search_space.max_lr": max_lr})
    if right:
        load_sweep(file)
        return
    (found,) = problems(file)
    assert found.startswith("search_space.max_lr: must lie above init_lr, got max_lr from ")
    assert "make the two disjoint, or give init_lr as a part of max_lr (init_lr: {ratio" in found


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


def test_overrides_stand_in_place_of_the_file(tmp_path: Path) -> None:
    """An option takes the place of the file's value, as text or as a number."""
    file = written(tmp_path, {"study": ABSENT})
    given = {"study.trials": "7", "training.epochs": 17, "study.name": "0815", "study.seed": "+1"}
    sweep = load_sweep(file, given)
    assert (sweep.study.trials, sweep.training.epochs, sweep.study.seed) == (7, 17, 1)
    assert sweep.study_name == "0815"


@pytest.mark.parametrize("overrides", [None, {}])
def test_what_is_not_given_overrides_nothing(
    tmp_path: Path, overrides: dict[str, Any] | None
) -> None:
    """Without options the file's values hold; there are no defaults beside it."""
    file = written(tmp_path, {"study.trials": 5, "study.seed": 7})
    sweep = load_sweep(file, overrides)
    assert (sweep.study.trials, sweep.study.seed) == (5, 7)


def test_an_override_mends_a_wrong_value(tmp_path: Path) -> None:
    """What the file says is not looked at where an option stands in its place."""
    file = written(tmp_path, {"study.trials": "many", "training.epochs": ABSENT})
    assert load_sweep(file, {"study.trials": 3, "training.epochs": "20"}).training.epochs == 20


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("study.trials", "0", "--trials: must be at least 1, got 0"),
        ("study.trials", "-1", "--trials: must be at least 1, got -1"),
        ("study.trials", "many", "--trials: must be a whole number, got 'many'"),
        ("study.trials", "1.5", "--trials: must be a whole number, got '1.5'"),
        ("study.trials", "1_0", "--trials: must be a whole number, got '1_0'"),
        ("study.trials", "٣", "--trials: must be a whole number, got '٣'"),
        ("study.trials", "9" * 30, "--trials: must be a whole number, got '999"),
        ("study.trials", "9999999", "--trials: must be at most 1000000, got 9999999"),
        ("training.epochs", "0", "--epochs: must be at least 1, got 0"),
        ("study.jobs", "0", "--jobs: must be at least 1, got 0"),
        ("study.seed", "-1", "--seed: must be at least 0, got -1"),
        ("study.name", "a b", "--study: must be letters, digits, '.', '_' and '-'"),
    ],
)
def test_wrong_options_are_named_as_options(
    tmp_path: Path, key: str, text: str, message: str
) -> None:
    """A value from the command line is at fault there, not in the file; nothing is converted."""
    (found,) = problems(written(tmp_path), {key: text})
    assert found.startswith(message)
    assert OPTIONS[found.split(":")[0]] == key


@pytest.mark.parametrize("changes", [{"study": [1]}, {"study": None}])
def test_options_are_checked_whatever_the_file_is(tmp_path: Path, changes: Any) -> None:
    """A wrong option is named beside a file whose section is wrong, or that is not there."""
    wrong = "--trials: must be at least 1, got 0"
    assert problems(written(tmp_path, changes), {"study.trials": 0})[0] == wrong
    assert problems(tmp_path / "no.yaml", {"study.trials": 0}) == [
        wrong,
        "cannot be read: No such file or directory",
    ]


def test_a_password_may_come_from_the_command_line(tmp_path: Path) -> None:
    """What is not kept in the file may name a database as it likes."""
    url = "postgresql://me:secret@host/db"
    assert load_sweep(written(tmp_path), {"study.storage": url}).study.storage == url


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
    (beside / "model_beside_the_file.py").write_text("raise SystemExit('must not be imported')")
    (here / "model_here.py").write_text("raise SystemExit('must not be imported')")
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
        "import sys; from pathlib import Path; from clr_sweep.sweep_file import load_sweep; "
        "load_sweep(Path(sys.argv[1])); "
        "print(sorted({'keras', 'mlflow', 'optuna', 'tensorflow'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(SHIPPED)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


LINES = SHIPPED.read_text(encoding="utf-8").splitlines()
WORDS = st.sampled_from(
    ["", "a", "- a", "{", "}", "[1, 2]", "name:", "null", ": :", "&a", "*a", "\t"]
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow])
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


# ---- cycles that do not fit into the budget

SHORT = (
    "must be at least 16, two times the largest step_size_factor (8), so that every trial "
    "finishes a whole cycle, got 10: give more epochs, a step_size_factor of at most 5, or "
    "objective.at: final, with which a trial ends wherever its cycle stands"
)


@pytest.mark.parametrize("at", ["cycle_end", "best"])
def test_a_factor_that_cannot_finish_a_cycle_is_refused(tmp_path: Path, at: str) -> None:
    """The place, the value, the epochs needed and the cures; each of the cures is one."""
    short = {"training.epochs": 10, "objective": {"at": at}}
    file = written(tmp_path, short)
    with pytest.raises(InputError) as refused:
        load_sweep(file)
    assert str(refused.value) == f"{file}: training.epochs: {SHORT}"
    for cure in (
        {"training.epochs": 16},
        {"search_space.step_size_factor": {"low": 2, "high": 5}},
        {"objective": {"at": "final"}},
    ):
        assert load_sweep(written(tmp_path, {**short, **cure}))


def test_epochs_from_the_command_line_are_held_against_the_factors(tmp_path: Path) -> None:
    """The option is named where it stands in place of the file's value; it mends that too."""
    with pytest.raises(InputError) as refused:
        load_sweep(written(tmp_path), {"training.epochs": "10"})
    assert str(refused.value) == f"--epochs: {SHORT}"
    assert load_sweep(written(tmp_path, {"training.epochs": 10}), {"training.epochs": "16"})


@pytest.mark.parametrize(
    ("factor", "needed"),
    [
        (5.01, 11), ([2, 8.5], 17), ({"low": 2.0, "high": 5.5}, 11), ({"low": 3, "high": 6}, 12),
        ({"low": 1.0, "high": 64.0, "log": True}, 128),
    ],
)  # fmt: skip
def test_the_largest_factor_decides(tmp_path: Path, factor: Any, needed: int) -> None:
    """Of real numbers, of lists and of steps; the epochs named are enough and none too many."""
    key = "search_space.step_size_factor"
    with pytest.raises(InputError, match=f"training.epochs: must be at least {needed}, two"):
        load_sweep(written(tmp_path, {"training.epochs": 10, key: factor}))
    with pytest.raises(InputError, match=f"must be at least {needed}, two"):
        load_sweep(written(tmp_path, {"training.epochs": needed - 1, key: factor}))
    assert load_sweep(written(tmp_path, {"training.epochs": needed, key: factor}))


def test_a_budget_too_short_is_told_with_all_other_problems(tmp_path: Path) -> None:
    """It hides none and none hides it, but for those that leave it without an answer."""
    file = written(tmp_path, {"training.epochs": 10, "study.trials": 0, "model.name": "nothing"})
    with pytest.raises(InputError) as refused:
        load_sweep(file)
    problems = str(refused.value).split("\n")
    assert len(problems) == 3
    assert f"{file}: training.epochs: {SHORT}" in problems
    file = written(tmp_path, {"training.epochs": 10, "search_space.step_size_factor": "long"})
    with pytest.raises(InputError) as refused:
        load_sweep(file)
    assert "cycle" not in str(refused.value)


def test_a_stored_definition_may_hold_what_is_refused_now() -> None:
    """A study of an older version is read, shown and exported as it is."""
    old = content({"training.epochs": 10})
    assert Sweep.model_validate_json(json.dumps(old)).training.epochs == 10
