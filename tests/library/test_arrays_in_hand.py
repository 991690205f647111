"""Arrays in hand in a sweep: written once to a file, which the sweep names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from written_sweeps import content

from clr_sweep import InputError, Sweep
from clr_sweep.training.data.datasets import load_dataset


def parts() -> tuple[tuple[Any, Any], tuple[Any, Any]]:
    """A small data set."""
    x = np.random.default_rng(0).normal(size=(12, 4)).astype("float32")
    y = np.arange(12) % 3
    return (x[:8], y[:8]), (x[8:], y[8:])


def by_name() -> dict[str, Any]:
    """The same as a dict."""
    (x, y), (x_test, y_test) = parts()
    return {"x_train": x, "y_train": y, "x_test": x_test, "y_test": y_test}


def made(dataset: Any, **changes: Any) -> Sweep:
    """The sweep of `written_sweeps` on these data."""
    training = {"epochs": 16, "batch_size": 2}
    named = {"name": "rings", "dataset": dataset, "training": training}
    return Sweep(**(content() | named | changes))


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_they_are_in_a_file_of_their_own(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Named after sweep and content, said in a line; on another day the saved sweep finds it."""
    sweep = made({"name": parts(), "validation": 2})
    (file,) = tmp_path.iterdir()
    assert file.name.startswith("rings-")
    assert sweep.definition.dataset.name == file.name
    assert sweep.definition.dataset.validation == 2
    assert f"the arrays are in {file.name} now" in capsys.readouterr().err
    sweep.save("rings.yaml")
    assert Sweep.from_file("rings.yaml").definition == sweep.definition
    loaded = load_dataset(file.name, search_path=(tmp_path,))
    np.testing.assert_array_equal(loaded.x_test, parts()[1][0])
    assert loaded.digest.startswith(file.stem.removeprefix("rings-"))


def test_the_same_arrays_are_the_same_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In whatever form they come, not written again; others are another file, a broken one anew."""
    made(parts())
    (file,) = tmp_path.iterdir()
    before, said = file.stat().st_mtime_ns, capsys.readouterr().err
    (x, y), (x_test, y_test) = parts()
    named = {"x_train": x.tolist(), "y_train": y, "x_test": x_test, "y_test": y_test}
    named["x_train"] = np.array(named["x_train"], "float32")
    for dataset in (named, {"name": named}, parts()):
        assert made(dataset).definition.dataset.name == file.name
    assert (file.stat().st_mtime_ns, capsys.readouterr().err) == (before, "")
    assert said
    made(((x + 1, y), (x_test, y_test)))
    assert len(list(tmp_path.iterdir())) == 2
    file.write_bytes(b"cut short")
    made(parts())
    assert load_dataset(file.name, search_path=(tmp_path,)).x_train.shape == (8, 4)


def test_what_is_wrong_with_them(tmp_path: Path) -> None:
    """Refused with all else that is wrong, by the array's name; nothing is written."""
    (x, y), test = parts()
    with pytest.raises(InputError) as caught:
        made(((x, y[:5]), test), training={"epochs": 0})
    assert caught.value.problems[0] == (
        "dataset.name: y_train: must have a label for each of the 8 examples of x_train, got 5"
    )
    assert any(problem.startswith("training.epochs: ") for problem in caught.value.problems)
    for wrong, text in (
        (((np.full_like(x, np.nan), y), test), "x_train: must hold finite numbers alone"),
        (
            (x, y),
            r"dataset.name: must be \(\(x_train, y_train\), \(x_test, y_test\)\) or a dict .*"
            r", got a tuple \(ndarray, ndarray\)$",
        ),
        (
            pd.DataFrame({"a": [1], "b": [2]}),
            "or a dict with these four keys, got a DataFrame$",
        ),
        ({"name": {"x_train": x}}, "y_train: is missing"),
        (((x.astype(str), y), test), "x_train: must hold numbers"),
        (((x, None), test), r"y_train: must be an array, got a NoneType \(there is none\)"),
        (((np.ma.masked_greater(x, 0), y), test), "x_train: must be an array, .* mask would be"),
        (((x, y), test, x), r"must be \(\(x_train, y_train\), \(x_test, y_test\)\) or a dict"),
        ({"name": {**by_name(), "z_train": x}}, "unknown array 'z_train' - did you mean 'x_train'"),
        (
            {**by_name(), "validation": 0.2},
            r"dataset.name: 'validation' must stand beside the arrays, .* "
            r'\{"name": \{"x_train": \.\.\., \.\.\.\}, "validation": \.\.\.\}$',
        ),
    ):
        with pytest.raises(InputError, match=text):
            made(wrong)
    assert not list(tmp_path.iterdir())


def test_lists_are_arrays_too() -> None:
    """As where a function returns them."""
    (x, y), (x_test, y_test) = parts()
    listed = ((x.tolist(), y.tolist()), (x_test.tolist(), y_test.tolist()))
    assert made(listed).definition.dataset.name.endswith(".npz")


def test_a_refused_sweep_leaves_no_file(tmp_path: Path) -> None:
    """Whatever is wrong with it; a file that was there before stays."""
    with pytest.raises(InputError, match=r"training\.epochs: "):
        made(parts(), training={"epochs": 0})
    assert not list(tmp_path.iterdir())
    made(parts())
    with pytest.raises(InputError, match=r"training\.epochs: "):
        made(parts(), training={"epochs": 0})
    assert len(list(tmp_path.iterdir())) == 1


def test_where_they_cannot_be_written(tmp_path: Path) -> None:
    """A folder in the file's place: the place, and the cure."""
    file = tmp_path / made(parts()).definition.dataset.name
    file.unlink()
    file.mkdir()
    cure = "change to a folder that can be written, or save them elsewhere with numpy.savez"
    with pytest.raises(
        InputError, match=rf"dataset.name: cannot be written to .*{file.name}.*{cure}"
    ):
        made(parts())
