"""Data sets in .npz files: found, checked, unpacked once into the cache."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import hypothesis.extra.numpy as hnp
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.datasets import check_dataset_name, load_dataset, training_examples

DATA = Path(__file__).parents[2] / "data"
SLICE = "fashion_mnist_slice.npz"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))


def arrays(**changed: Any) -> dict[str, Any]:
    good = {
        "x_train": np.arange(24, dtype=np.float32).reshape(6, 4),
        "y_train": np.arange(6) % 3,
        "x_test": np.ones((2, 4), np.float32),
        "y_test": np.array([0, 2]),
    }
    return good | changed


def test_arrays_are_read_only_maps_of_the_file(tmp_path: Path) -> None:
    """What is handed out equals the file, cannot be written to and lies in a file of the cache."""
    np.savez_compressed(tmp_path / "own.npz", **arrays())
    data = load_dataset("own.npz", search_path=[tmp_path])
    for key, array in data.arrays().items():
        assert np.array_equal(array, arrays()[key])
        assert isinstance(array, np.memmap)
        assert Path(str(array.filename)).is_relative_to(tmp_path / "cache")
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    dtype=st.sampled_from(["u1", "<i2", ">i4", "<f2", ">f8", "?"]),
    shape=hnp.array_shapes(min_dims=1, max_dims=4, max_side=5),
    fortran=st.booleans(),
    data=st.data(),
)
def test_any_layout_arrives_with_its_values(
    tmp_path: Path, dtype: str, shape: tuple[int, ...], fortran: bool, data: st.DataObject
) -> None:
    """Byte order and memory order of the file change neither values nor digest."""
    finite = {"allow_nan": False, "allow_infinity": False} if "f" in dtype else None
    x = data.draw(hnp.arrays(dtype, shape, elements=finite))
    y = np.zeros(len(x), "u1")
    laid_out = np.asfortranarray(x) if fortran else x
    np.savez(tmp_path / "layout.npz", x_train=laid_out, y_train=y, x_test=laid_out, y_test=y)
    loaded = load_dataset("layout.npz", search_path=[tmp_path])
    assert np.array_equal(loaded.x_train, x)
    assert loaded.x_train.dtype.isnative
    native = x.astype(x.dtype.newbyteorder("="))
    np.savez(tmp_path / "native.npz", x_train=native, y_train=y, x_test=native, y_test=y)
    assert load_dataset("native.npz", search_path=[tmp_path]).digest == loaded.digest


def test_a_file_is_unpacked_once(tmp_path: Path) -> None:
    """The second load maps the same files, also under another spelling of the path."""
    shutil.copy(DATA / SLICE, tmp_path / "once.npz")
    first = load_dataset("once.npz", search_path=[tmp_path])
    (tmp_path / "sub").mkdir()
    second = load_dataset("../once.npz", search_path=[tmp_path / "sub"])
    assert first.folder == second.folder
    assert second.name == "../once.npz"
    assert len(list((tmp_path / "cache" / "npz").iterdir())) == 1


def test_a_changed_file_is_unpacked_anew(tmp_path: Path) -> None:
    """After a change the new content is loaded, and what was mapped before stays as it was."""
    np.savez(tmp_path / "own.npz", **arrays())
    old = load_dataset("own.npz", search_path=[tmp_path])
    np.savez(tmp_path / "own.npz", **arrays(x_train=np.zeros((6, 4), np.float32)))
    new = load_dataset("own.npz", search_path=[tmp_path])
    assert new.digest != old.digest
    assert not new.x_train.any()
    assert np.array_equal(old.x_train, arrays()["x_train"])


def test_a_damaged_cache_entry_is_made_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A truncated or altered file in the cache is noticed, said and replaced."""
    np.savez(tmp_path / "own.npz", **arrays())
    first = load_dataset("own.npz", search_path=[tmp_path])
    assert first.folder is not None
    for damage in (b"", b"\x00" * (first.folder / "x_train.npy").stat().st_size):
        (first.folder / "x_train.npy").unlink()
        (first.folder / "x_train.npy").write_bytes(damage)
        caplog.clear()
        again = load_dataset("own.npz", search_path=[tmp_path])
        assert again.digest == first.digest
        assert np.array_equal(again.x_train, arrays()["x_train"])
        assert "no sound stored data set" in caplog.text


def test_the_search_path_goes_in_order_then_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first folder that has the file wins; the current folder comes last."""
    for number, folder in enumerate(("a", "b", "here"), start=1):
        (tmp_path / folder).mkdir()
        np.savez(tmp_path / folder / "own.npz", **arrays(y_test=np.array([number, number])))
    monkeypatch.chdir(tmp_path / "here")
    paths = [tmp_path / "none", tmp_path / "b", tmp_path / "a"]
    assert load_dataset("own.npz", search_path=paths).y_test[0] == 2
    assert load_dataset("own.npz").y_test[0] == 3
    assert load_dataset(str(tmp_path / "a" / "own.npz"), search_path=paths).y_test[0] == 1


def test_an_absent_file_names_every_place_and_the_nearest(tmp_path: Path) -> None:
    """The message has the folders that were looked in and the file that was meant."""
    np.savez(tmp_path / "letters.npz", **arrays())
    (problem,) = check_dataset_name("leters.npz", [tmp_path])
    assert "did you mean 'letters.npz'?" in problem
    assert str(tmp_path / "leters.npz") in problem
    assert str(Path.cwd() / "leters.npz") in problem
    with pytest.raises(DataError, match="there is no file"):
        load_dataset("leters.npz", search_path=[tmp_path])


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    """Length, shape, dtype and emptiness are judged together, from the headers alone."""
    np.savez(
        tmp_path / "bad.npz",
        x_train=np.zeros((6, 4), np.float32),
        y_train=np.zeros(5, np.int64),
        x_test=np.zeros((2, 3), np.float64),
        y_test=np.array(["a", "b"]),
    )
    problems = check_dataset_name("bad.npz", [tmp_path])
    path = tmp_path / "bad.npz"
    assert problems == [
        f"{path}: y_test: must hold numbers (integers, floats or booleans), got dtype <U1; where "
        "they are classes, number them from 0 on, those of all parts at once: "
        "np.unique(labels, return_inverse=True)",
        f"{path}: y_train: must have a label for each of the 6 examples of x_train, got 5",
        f"{path}: x_test: must have the shape (n, 4) as x_train, got (2, 3)",
        f"{path}: x_test: must have the dtype float32 of x_train, got float64",
        f"{path}: y_test: must have the dtype int64 of y_train, got <U1",
    ]
    with pytest.raises(DataError) as raised:
        load_dataset("bad.npz", search_path=[tmp_path])
    assert str(raised.value).splitlines() == problems


def test_an_array_of_objects_is_one_problem(tmp_path: Path) -> None:
    """What lies in it has a shape that its own does not show."""
    np.savez(
        tmp_path / "bad.npz",
        x_train=np.array([[1.0], [2.0, 3.0]], object),
        y_train=np.zeros(2, np.int64),
        x_test=np.zeros((2, 3), np.float32),
        y_test=np.zeros(2, np.int64),
    )
    (problem,) = check_dataset_name("bad.npz", [tmp_path])
    assert "x_train: must hold numbers" in problem
    assert "pickled Python objects" in problem


def test_missing_arrays_are_named_with_those_held(tmp_path: Path) -> None:
    """Each absent array is a problem, and the message shows what the file has instead."""
    np.savez(tmp_path / "own.npz", X_train=np.ones(3), y_train=np.ones(3), y_test=np.ones(3))
    problems = check_dataset_name("own.npz", [tmp_path])
    assert [problem.split(": ")[1] for problem in problems] == ["x_train", "x_test"]
    assert all("the file holds X_train, y_test, y_train" in problem for problem in problems)
    np.savez(tmp_path / "many.npz", **{f"a{number:03d}": np.ones(3) for number in range(300)})
    problems = check_dataset_name("many.npz", [tmp_path])
    assert len(problems) == 4
    assert all("holds a000, a001, " in problem for problem in problems)
    assert all(", a008, ..., a299; write it with" in problem for problem in problems)
    assert training_examples("own.npz", search_path=[tmp_path]) is None


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"x_train": np.array([None] * 6)}, "x_train: must hold numbers .* can run code"),
        ({"x_train": np.zeros((0, 4)), "y_train": np.zeros(0)}, "x_train: must not be empty"),
        ({"y_test": np.array(3)}, "y_test: must have an axis of examples"),
        ({"x_test": np.ones((2, 4), np.complex64)}, "x_test: must hold numbers .* complex64"),
        ({"y_train": np.array(["a"] * 6, object)}, "y_train: .* can run code.; .* np.unique"),
    ],
)
def test_unusable_arrays_are_refused(tmp_path: Path, changed: dict[str, Any], message: str) -> None:
    """Pickled objects are never loaded; empty, scalar and complex arrays are no examples."""
    np.savez(tmp_path / "own.npz", allow_pickle=True, **arrays(**changed))
    with pytest.raises(DataError, match=message):
        load_dataset("own.npz", search_path=[tmp_path])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_nan_and_infinity_are_refused_with_their_place(tmp_path: Path, bad: float) -> None:
    """The array, the number of examples and the first index are named; nothing is kept."""
    x = arrays()["x_train"].copy()
    x[2:4, 1] = bad
    np.savez(tmp_path / "own.npz", **arrays(x_train=x))
    with pytest.raises(DataError, match=r"x_train: .* in 2 of 6 examples, the first at index 2"):
        load_dataset("own.npz", search_path=[tmp_path])
    assert list((tmp_path / "cache" / "npz").iterdir()) == []


@pytest.mark.parametrize("keep", [0, 100, 0.5, -1])
def test_a_truncated_file_is_refused(tmp_path: Path, keep: float) -> None:
    """However much of the file is left, it is named as damaged."""
    content = (DATA / SLICE).read_bytes()
    size = int(len(content) * keep) if isinstance(keep, float) else keep
    (tmp_path / "cut.npz").write_bytes(content[:size])
    assert "cut.npz: cannot be read" in check_dataset_name("cut.npz", [tmp_path])[0]
    with pytest.raises(DataError, match="damaged"):
        load_dataset("cut.npz", search_path=[tmp_path])


def test_damage_inside_an_array_is_found_by_loading(tmp_path: Path) -> None:
    """A flipped bit in the packed values passes the header check and not the load."""
    x = np.ones((6, 2**16), np.float32)  # larger than what a check of its header may read
    np.savez(tmp_path / "own.npz", **arrays(x_train=x, x_test=x[:2]))
    content = bytearray((tmp_path / "own.npz").read_bytes())
    content[content.index(x.tobytes()) + x.nbytes - 1] ^= 1
    (tmp_path / "own.npz").write_bytes(content)
    assert check_dataset_name("own.npz", [tmp_path]) == []
    with pytest.raises(DataError, match=r"x_train: cannot be read .* copy it again"):
        load_dataset("own.npz", search_path=[tmp_path])
