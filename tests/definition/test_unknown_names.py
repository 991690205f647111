"""Every unknown name is answered with the nearest known one, at the door where it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from click.testing import CliRunner
from own_process import python
from real_runs import PROJECT
from written_sweeps import written

from clr_sweep.cli import main
from clr_sweep.common.errors import InputError
from clr_sweep.definition.own_functions import import_function
from clr_sweep.search.storage import load_study

MODEL = """
raise RuntimeError("imported")


def build(input_shape, classes, units=8, activation="relu"):
    ...
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a model function of the user's own and a data file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my_network.py").write_text(MODEL, encoding="utf-8")
    (tmp_path / "nets").mkdir()
    (tmp_path / "nets" / "mine.py").write_text(MODEL, encoding="utf-8")
    arrays = {
        "x_train": np.zeros((9000, 4), np.float32),
        "y_train": np.arange(9000) % 3,
        "x_test": np.zeros((3, 4), np.float32),
        "y_test": np.arange(3),
    }
    np.savez(tmp_path / "my_data.npz", **arrays)
    return tmp_path


def refused(*arguments: str) -> str:
    """The message with which a command is refused."""
    result = CliRunner().invoke(main, list(arguments))
    assert result.exit_code == 2, result.output
    assert "Traceback" not in result.stderr
    return result.stderr


OWN_MODEL = {"model.name": "my_network:build"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        # hyperparameters, and the arguments of a model function that is never imported
        (
            {**OWN_MODEL, "search_space.units": [4, 8]},
            "search_space.units: unknown hyperparameter 'units' - did you mean 'model.units'?",
        ),
        (
            {**OWN_MODEL, "search_space.unit": [4, 8]},
            "search_space.unit: unknown hyperparameter 'unit' - did you mean 'model.units'?",
        ),
        (
            {**OWN_MODEL, "search_space.model.unit": [4, 8]},
            "search_space.model.unit: unknown argument of the model 'unit' - did you mean 'units'?",
        ),
        (
            {"model": {"name": "my_network:build", "arguments": {"activaton": "tanh"}}},
            "model.arguments.activaton: unknown argument of the model my_network:build "
            "'activaton' - did you mean 'activation'? (known: input_shape, classes, units, "
            "activation)",
        ),
        ({"search_space.max_lrr": 1}, "unknown hyperparameter 'max_lrr' - did you mean 'max_lr'?"),
        ({"search_space.Momentum": 0.9}, "'Momentum' - did you mean 'momentum'?"),
        # keys: near ones, those of another section, and arguments without their mapping
        ({"study.trails": 5}, "study.trails: unknown key 'trails' - did you mean 'trials'?"),
        ({"epochs": 5}, "epochs: unknown key 'epochs' - did you mean 'training.epochs'?"),
        ({"study.epochs": 5}, "unknown key 'epochs' - did you mean 'training.epochs'?"),
        ({"training.max_lr": 1}, "unknown key 'max_lr' - did you mean 'search_space.max_lr'?"),
        (
            {"model": {"name": "my_network:build", "units": 8}},
            "model.units: unknown key 'units' - if the model's function takes it, it is written "
            "'arguments.units' (known: name, arguments)",
        ),
        ({"study.when": {}}, "unknown key 'when' - did you mean 'search_space.when'?"),
        (
            {"study.stop_when": {"no_improvement_in": 3}},
            "study.stop_when.no_improvement_in: unknown key 'no_improvement_in' - did you mean "
            "'no_better_in'?",
        ),
        # those of another section among the hyperparameters, readable there or not
        (
            {"search_space.start_with": [{"max_lr": 0.1}]},
            "search_space.start_with: unknown hyperparameter 'start_with' - did you mean "
            "'study.start_with'?",
        ),
        ({"search_space.stop_when": {"target": 0.9}}, "- did you mean 'study.stop_when'?"),
        (
            {"search_space.trials": 5},
            "'trials' - did you mean 'study.trials'",
        ),
        ({"search_space.Policy": "cosine"}, "'Policy' - did you mean 'policy'?"),
        ({"search_space.BatchSize": 32}, "'BatchSize' - did you mean 'batch_size'?"),
        # values
        ({"training.class_weight": "balancd"}, "got 'balancd' - did you mean 'balanced'?"),
        ({"study.sampler": "tpee"}, "got 'tpee' - did you mean 'tpe'?"),
        ({"study.pruner": "cycle-aware"}, "got 'cycle-aware' - did you mean 'cycle_aware'?"),
        ({"search_space.policy": "triangle"}, "got 'triangle' - did you mean 'triangular'?"),
        ({"search_space.policy": ["exp-range"]}, "got ['exp-range'] - did you mean 'exp_range'?"),
        ({"baseline": {"policy": "Cosine"}}, "got 'Cosine' - did you mean 'cosine'?"),
        ({"objective": {"metric": "val_acuracy"}}, "- did you mean 'val_accuracy'?"),
        ({"training.optimizer": "AdamW"}, "unknown optimizer 'AdamW' - did you mean 'adamw'?"),
        # names of models, data, modules and files
        ({"model.name": "tutorial-cnn"}, "'tutorial-cnn' - did you mean 'tutorial_cnn'?"),
        ({"model.name": "my_netwrk:build"}, "no module 'my_netwrk' - did you mean 'my_network'?"),
        ({"dataset.name": "fashion_mnst"}, "'fashion_mnst' - did you mean 'fashion_mnist'?"),
        ({"model.name": "my_network.py:build"}, "- did you mean 'my_network:build'?"),
        ({"model.name": "./my_network.py:build"}, "- did you mean 'my_network:build'?"),
        ({"model.name": "nets/mine.py:build"}, "- did you mean 'nets.mine:build'?"),
        ({"dataset.name": "my_network.py:load"}, "- did you mean 'my_network:load'?"),
        ({"dataset.name": "my_network.build"}, "- did you mean 'my_network:build'?"),
        ({"model.name": "my_network.build"}, "- did you mean 'my_network:build'?"),
        ({"model.name": "my_network.csv"}, "unknown model 'my_network.csv' (known: tutorial_cnn)"),
        ({"training.loss": "my_network.py:build"}, "- did you mean 'my_network:build'?"),
        ({"model": "my_network:build"}, "model: must be a mapping of keys to values, got 'my_"),
        ({"dataset.name": "mydata.npz"}, "no file 'mydata.npz' - did you mean 'my_data.npz'?"),
    ],
)
def test_in_a_sweep_file(folder: Path, changes: dict[str, Any], message: str) -> None:
    """Keys, values and names of a sweep file; nothing is imported to find it out."""
    assert message in refused("check", str(written(folder, changes)))


def test_a_model_whose_arguments_are_not_known(folder: Path) -> None:
    """Where the source does not tell them, it is said how an argument would be written."""
    (folder / "my_network.py").write_text("from elsewhere import build\n", encoding="utf-8")
    message = refused("check", str(written(folder, {**OWN_MODEL, "search_space.units": [4, 8]})))
    assert "unknown hyperparameter 'units' (known: " in message
    assert "; if the model's function takes it, it is written 'model.units'" in message


def test_arguments_that_the_source_has_are_taken(folder: Path) -> None:
    """The arguments of the function pass the check."""
    model = {"name": "my_network:build", "arguments": {"activation": "tanh"}}
    changes = {"model": model, "search_space.model.units": [4, 8], "dataset.name": "my_data.npz"}
    result = CliRunner().invoke(main, ["check", str(written(folder, changes))])
    assert result.exit_code == 0, result.output
    assert "model.units" in result.stdout


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["check", "swep.yaml"], "- did you mean 'sweep.yaml'?"),
        (["check", "sweep"], "- did you mean 'sweep.yaml'?"),
        (["run", "SWEEP.yml"], "- did you mean 'sweep.yaml'?"),
        (["check", "first-look"], "- did you mean 'first_look'?"),
        (["train", "bst.yaml"], "- did you mean 'best.yaml'?"),
        (["run", "sweep.yaml", "--trails", "5"], "'--trails' - did you mean '--trials'?"),
        (["run", "sweep.yaml", "--Epochs=5"], "'--Epochs' - did you mean '--epochs'?"),
        (["export", "x", "--tral", "3"], "'--trial'"),
        (["chek", "sweep.yaml"], "'check'"),
        (["range-test", "sweep.yaml", "--rule", "smiht"], "- did you mean 'smith'?"),
    ],
)
def test_on_the_command_line(folder: Path, command: list[str], message: str) -> None:
    """Files, options and commands."""
    written(folder)
    (folder / "best.yaml").write_text("config: {}\n", encoding="utf-8")
    assert message in refused(*command)


def test_the_name_of_a_study() -> None:
    """A study that is not in the storage, by what `export` and `doctor` load it with."""
    storage = optuna.storages.InMemoryStorage()
    for name in ("fashion-mnist", "rings"):
        optuna.create_study(study_name=name, storage=storage)
    with pytest.raises(
        InputError, match=r"'fashion_mnist' in the storage - did you mean 'fashion-"
    ):
        load_study(storage, "fashion_mnist")
    with pytest.raises(InputError, match=r"'other' in the storage \(there: fashion-mnist, rings\)"):
        load_study(storage, "other")


def test_the_name_of_a_function(tmp_path: Path) -> None:
    """A function that its module does not have."""
    (tmp_path / "functions_nearby.py").write_text("def build(): ...\nlimit = 3\n", encoding="utf-8")
    with pytest.raises(InputError, match="got no such name - did you mean 'build'"):
        import_function("functions_nearby:biuld", [tmp_path])
    with pytest.raises(InputError, match=r"got no such name$"):
        import_function("functions_nearby:limits", [tmp_path])


def test_a_public_name(tmp_path: Path) -> None:
    """Python's own way for a name of the package: the traceback's last line has the nearest."""
    code = "import clr_sweep; clr_sweep.Triangular2CyclicLearningRate"
    done = python("-c", code, folder=tmp_path, status=1, PYTHONPATH=str(PROJECT))
    assert done.stderr.rstrip().endswith("Did you mean: 'Triangular2CyclicalLearningRate'?")
