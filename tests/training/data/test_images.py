"""Images in folders by class, held against what Keras makes of the same folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from image_files import write_images

from clr_sweep.common.errors import DataError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.image_options import ImageOptions
from clr_sweep.training.data.datasets import load_dataset, training_examples
from clr_sweep.training.data.image_folders import find_images
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import hold_out

CLASSES = ("bird", "cat", "dog")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An own cache for each test."""
    monkeypatch.setenv("CLR_SWEEP_CACHE", str(tmp_path / "cache"))


def loaded(folder: Path, test: int | float | None = None, **options: Any) -> Dataset:
    """What a sweep beside the folder is given."""
    images = ImageOptions(**{"image_size": (8, 6), **options})
    asked = DataOptions(test=test, images=images)
    return load_dataset(f"images:{folder.name}", asked, [folder.parent])


def by_keras(folder: Path, **options: Any) -> tuple[Any, Any, list[str]]:
    """Images, labels and files as Keras has them."""
    made = keras.utils.image_dataset_from_directory(
        folder, shuffle=False, batch_size=None, verbose=False, **{"image_size": (8, 6), **options}
    )
    pairs = [(np.asarray(x), np.asarray(y)) for x, y in made]
    x, y = (np.stack(one) for one in zip(*pairs, strict=True))
    return x, y, made.file_paths


@pytest.mark.parametrize(
    ("options", "suffixes"),
    [
        ({}, (".png", ".jpg", ".bmp", ".GIF", ".jpeg")),
        ({"color_mode": "grayscale", "interpolation": "nearest"}, (".png", ".jpg")),
        ({"color_mode": "rgba", "interpolation": "bicubic"}, (".png",)),
        ({"crop_to_aspect_ratio": True, "interpolation": "lanczos3"}, (".png", ".jpg")),
        ({"pad_to_aspect_ratio": True}, (".png", ".jpg")),
    ],
)
def test_the_pixels_are_those_that_keras_gives(
    tmp_path: Path, options: dict[str, Any], suffixes: tuple[str, ...]
) -> None:
    """To the bit, in dtype too, labels and all; a part is held out by the rule of all such data."""
    folder = tmp_path / "photos"
    write_images(folder, CLASSES, 7, suffixes=suffixes)
    write_images(folder / "cat", ["more"], 3, suffixes=suffixes)  # folders below count as well
    data, (x, y, _) = loaded(folder, **options), by_keras(folder, **options)
    train, test = hold_out(len(x), 0.2, 0)
    for part, rows in (("train", train), ("test", test)):
        for kind, expected in (("x", x), ("y", y)):
            found = data.arrays()[f"{kind}_{part}"]
            assert found.dtype == expected.dtype
            assert np.array_equal(found, expected[rows])
    nearest = options.get("interpolation") == "nearest"
    assert data.x_train.dtype == (np.uint8 if nearest else np.float32)


def test_train_and_test_are_read_as_they_are(tmp_path: Path) -> None:
    """Files, order and labels of each are Keras'; what is not read is said with the classes."""
    for part, count in (("train", 5), ("test", 2), ("old", 1)):
        write_images(tmp_path / "set" / part, CLASSES, count)
    (tmp_path / "set/train/cat/notes.txt").write_text("no image")
    (tmp_path / "set/train/.hidden").mkdir()
    found = find_images("images:set", [tmp_path])
    assert found.test is not None
    assert [str(path) for path in found.train.files] == by_keras(tmp_path / "set/train")[2]
    assert [str(path) for path in found.test.files] == by_keras(tmp_path / "set/test")[2]
    data = loaded(tmp_path / "set")
    assert np.array_equal(data.x_test, by_keras(tmp_path / "set/test")[0])
    assert data.y_train.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    assert data.source == (
        f"{tmp_path / 'set'} (classes 0 bird, 1 cat, 2 dog; not read: 1 file that is no "
        f"image, old/)"
    )
    assert training_examples("images:set", DataOptions(), [tmp_path]) == 15
    with pytest.raises(DataError, match="has a test set of its own, got 3: leave it out"):
        loaded(tmp_path / "set", test=3)


def test_images_are_read_once_and_again_when_one_has_changed(tmp_path: Path) -> None:
    """From the cache without a look at a pixel; a changed image changes the digest."""
    first, *_ = write_images(tmp_path / "photos", CLASSES, 4)
    before = loaded(tmp_path / "photos")
    again = loaded(tmp_path / "photos")
    assert (again.folder, again.digest) == (before.folder, before.digest)
    assert before.folder is not None
    state = first.stat()
    os.utime(first, ns=(state.st_atime_ns, state.st_mtime_ns + 1))
    touched = loaded(tmp_path / "photos")
    assert touched.folder != before.folder
    assert touched.digest == before.digest
    first.write_bytes((tmp_path / "photos/dog/000.png").read_bytes())
    assert loaded(tmp_path / "photos").digest != before.digest
    assert loaded(tmp_path / "photos", image_size=(4, 4)).x_train.shape == (10, 4, 4, 3)


def test_all_images_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    """With why: one that is none, one cut short, one whose kind has no grey."""
    files = write_images(tmp_path / "photos", CLASSES, 5, suffixes=(".jpg",))
    files[3].write_bytes(b"no image at all")
    files[8].write_bytes(files[8].read_bytes()[:200])
    files[9].rename(files[9].with_suffix(".gif"))
    write_images(tmp_path / "photos", ["fish"], 3, suffixes=(".gif",))
    with pytest.raises(DataError) as raised:
        loaded(tmp_path / "photos", color_mode="grayscale")
    problems = {line.partition(": ")[0]: line for line in raised.value.problems[:-1]}
    fish = (tmp_path / "photos/fish").iterdir()
    assert problems.keys() == {str(path) for path in (files[3], files[8], *fish)}
    assert "cannot be read as an image (Unknown image file format" in problems[str(files[3])]
    assert "channels must be 0 or 3 for GIF, got 1)" in problems[f"{tmp_path}/photos/fish/000.gif"]
    assert raised.value.problems[-1] == "mend or convert these images, or remove them"
    assert not any((tmp_path / "cache/images").iterdir())
