"""Data sets from a user's function."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from clr_sweep.common.errors import DataError, TrialFailedError
from clr_sweep.training.data.datasets import check_dataset_name, load_dataset

GOOD = "(np.ones((4, 2)), np.zeros(4)), (np.ones((1, 2)), np.zeros(1))"


def module(folder: Path, name: str, returned: str) -> None:
    (folder / f"{name}.py").write_text(
        f"import numpy as np\n\ndef load():\n    return {returned}\n", encoding="utf-8"
    )


@pytest.mark.parametrize(
    "returned",
    [
        GOOD,
        f"[list(part) for part in ({GOOD})]",
        "dict(x_train=np.ones((4, 2)), y_train=[0.] * 4, x_test=[[1., 1.]], y_test=[0.], more=1)",
    ],
)
def test_tuples_and_dicts_are_taken(
    tmp_path: Path, returned: str, request: pytest.FixtureRequest
) -> None:
    """Keras' nested tuples, lists of them, and a dict give the same read-only data set."""
    name = f"taken_{request.node.callspec.indices['returned']}"
    module(tmp_path, name, returned)
    before = list(sys.path)
    data = load_dataset(f"{name}:load", search_path=[tmp_path])
    assert sys.path == before
    assert data.x_train.shape == (4, 2)
    assert data.y_test.tolist() == [0.0]
    assert data.folder is None
    with pytest.raises(ValueError, match="read-only"):
        data.x_train[0] = 0


def test_the_function_is_called_once_and_its_own_array_stays_writable(tmp_path: Path) -> None:
    """One load is one call; the user's module may go on using its arrays."""
    (tmp_path / "called_once.py").write_text(
        "import numpy as np\n"
        "x, calls = np.ones((3, 2)), []\n"
        "def load():\n"
        "    calls.append(1)\n"
        "    return (x, np.zeros(3)), (x, np.zeros(3))\n"
    )
    load_dataset("called_once:load", search_path=[tmp_path])
    used = sys.modules["called_once"]
    assert used.calls == [1]
    assert used.x.flags.writeable


def test_a_module_in_a_package_is_found(tmp_path: Path) -> None:
    """Dotted names work, with and without __init__.py in the folders above."""
    for package, init in (("with_init_pkg", True), ("without_init_pkg", False)):
        (tmp_path / package / "inner").mkdir(parents=True)
        if init:
            (tmp_path / package / "__init__.py").touch()
            (tmp_path / package / "inner" / "__init__.py").touch()
        module(tmp_path / package / "inner", "data", GOOD)
        name = f"{package}.inner.data:load"
        assert check_dataset_name(name, [tmp_path]) == []
        assert len(load_dataset(name, search_path=[tmp_path]).x_train) == 4


def test_a_check_does_not_run_the_users_code(tmp_path: Path) -> None:
    """The module is looked for, not imported."""
    (tmp_path / "explodes.py").write_text("raise SystemExit('imported')\ndef load(): ...")
    assert check_dataset_name("explodes:load", [tmp_path]) == []
    assert "explodes" not in sys.modules


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("data:", "must be module:function, as in my_code:function, got 'data:'"),
        (":load", "must be module:function"),
        ("my-data:load", "must be module:function"),
        ("a..b:load", "must be module:function"),
        ("a:b:c", "must be module:function"),
        ("no_such_module_at_all:load", "there is no module 'no_such_module_at_all'"),
        ("json.no_such:load", "there is no module 'json.no_such'"),
        ("json.decoder.x:load", "there is no module 'json.decoder.x'"),
        ("empty_folder:load", "is a folder without __init__.py"),
    ],
)
def test_names_of_nothing_are_refused(tmp_path: Path, name: str, message: str) -> None:
    """Wrong syntax and absent modules are told by the check and by the load alike."""
    (tmp_path / "empty_folder").mkdir()
    (problem,) = check_dataset_name(name, [tmp_path])
    assert message in problem
    with pytest.raises(DataError) as raised:
        load_dataset(name, search_path=[tmp_path])
    assert raised.value.problems == (problem,)


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        ("None", r"must return \(\(x_train, y_train\), .* got a NoneType"),
        ("(1, 2, 3)", "must return .* got a tuple"),
        ("dict(x_train=1, y_test=2)", "y_train: is missing; the dict holds x_train, y_test"),
        ("([[1], [1, 2]], [0, 0]), ([[1]], [0])", "x_train: must be an array, got a list"),
        ("(np.ones((4, 2)), np.zeros(3)), (np.ones((1, 2)), np.zeros(1))", "y_train: must have"),
        ("(np.ones((4, 2)) * np.nan, np.zeros(4)), (np.ones((1, 2)), np.zeros(1))", "NaN"),
    ],
)
def test_what_is_no_data_set_is_refused(
    tmp_path: Path, returned: str, message: str, request: pytest.FixtureRequest
) -> None:
    """A function that returns something else is told what it must return, by file and name."""
    name = f"refused_{request.node.callspec.indices['returned']}"
    module(tmp_path, name, returned)
    with pytest.raises(DataError, match=message) as raised:
        load_dataset(f"{name}:load", search_path=[tmp_path])
    assert str(tmp_path / f"{name}.py") in str(raised.value)


def test_a_name_that_is_no_function_is_refused(tmp_path: Path) -> None:
    """An absent function and a constant are told apart."""
    (tmp_path / "no_function.py").write_text("load = 3\n")
    with pytest.raises(DataError, match=r"no_function.py:load: must be a function, got a int"):
        load_dataset("no_function:load", search_path=[tmp_path])
    with pytest.raises(DataError, match="must be a function, got no such name"):
        load_dataset("no_function:lod", search_path=[tmp_path])


def test_the_users_exception_is_shown_with_its_line(tmp_path: Path) -> None:
    """The message holds the traceback of the user's code, at import and in the call."""
    module(tmp_path, "raises_in_call", "1 / 0")
    with pytest.raises(TrialFailedError, match=r"(?s)raises_in_call.py.*ZeroDivisionError"):
        load_dataset("raises_in_call:load", search_path=[tmp_path])
    (tmp_path / "raises_in_import.py").write_text("import no_such_thing_here\n")
    with pytest.raises(TrialFailedError, match=r"(?s)importing .*No module named"):
        load_dataset("raises_in_import:load", search_path=[tmp_path])


def test_a_namesake_is_not_used_in_silence(tmp_path: Path) -> None:
    """A module that is named like one imported already from elsewhere is refused."""
    module(tmp_path, "numpy", GOOD)
    with pytest.raises(DataError, match=r"has the name of one that is imported already"):
        load_dataset("numpy:load", search_path=[tmp_path])
    assert sys.modules["numpy"] is np
