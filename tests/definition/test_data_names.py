"""What a sweep file says of its data beside their name: taken where it has an effect."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from image_files import write_images
from written_sweeps import sweep, written

from clr_sweep.common.errors import InputError
from clr_sweep.definition.data_names import Kind, kind_of
from clr_sweep.definition.image_options import ImageOptions
from clr_sweep.definition.loading import load_sweep

IMAGES = {"dataset.name": "images:photos", "dataset.image_size": [8, 8]}


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("fashion_mnist", "name"),
        ("my_data.npz", "file"),
        ("C:\\data.NPZ", "file"),
        ("my_code:load", "function"),
        ("sklearn:digits", "sklearn"),
        ("sklearn", "name"),
        ("images:photos/set.npz", "images"),
        ("tfds:mnist:3.0.1", "tfds"),
    ],
)
def test_the_kind_shows_in_the_name(name: str, kind: Kind) -> None:
    """A colon belongs to a function, unless a kind stands before it or a file's ending after it."""
    assert kind_of(name) == kind


def test_what_is_said_of_the_data_arrives() -> None:
    """The options are those of the section, and a sweep without them has none."""
    options = sweep({"dataset.name": "sklearn:wine", "dataset.test": 30}).dataset.options
    assert (options.test, options.folder, options.in_memory) == (30, None, "auto")
    assert sweep({"dataset.in_memory": False}).dataset.options.in_memory is False
    assert sweep({"dataset.folder": "here"}).dataset.options.folder == Path("here")
    images = {"dataset.name": "images:here", "dataset.image_size": [8, 6]}
    made = sweep(images | {"dataset.pad_to_aspect_ratio": True}).dataset.options.images
    assert made == ImageOptions((8, 6), None, None, None, True)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"dataset.test": 0.2},
            "dataset.test: has no effect on fashion_mnist, which has a test set of its own, "
            "got 0.2: leave it out",
        ),
        (
            {"dataset.name": "sklearn:iris", "dataset.test": 149},
            "dataset.test: must leave at least two of the 150 examples",
        ),
        (
            {"dataset.name": "sklearn:iris", "dataset.test": 1.5},
            "dataset.test: must be a number of examples, 1 or more, or a part of them",
        ),
        ({"dataset.in_memory": "yes"}, "dataset.in_memory: must be auto, true or false, got 'yes'"),
        ({"dataset.in_memory": 1}, "dataset.in_memory: must be auto, true or false, got 1"),
        ({"dataset.name": "sklearn:irys"}, "dataset.name: scikit-learn has no data set 'irys'"),
        (
            {"dataset.name": "sklearn:iris", "dataset.validation": 100, "dataset.test": 60},
            "dataset.validation: must hold out at least one and leave at least one of the 90",
        ),
        (
            {"dataset.image_size": [8, 8]},
            "dataset.image_size: has no effect on fashion_mnist, only on images:FOLDER, got (8, 8)",
        ),
        ({"dataset.name": "images:photos"}, "dataset: image_size is required for images"),
        (
            {"dataset.name": "images:photos", "dataset.image_size": [8]},
            "dataset.image_size: must be [height, width], two whole numbers of pixels",
        ),
        (
            {"dataset.name": "images:photos", "dataset.color_mode": "gray"},
            "dataset.color_mode: must be one of rgb, grayscale or rgba, got 'gray' - did you",
        ),
        (
            IMAGES | {"dataset.crop_to_aspect_ratio": True, "dataset.pad_to_aspect_ratio": True},
            "dataset.pad_to_aspect_ratio: must not go with crop_to_aspect_ratio",
        ),
        (
            IMAGES | {"dataset.folder": "photos"},
            "dataset.folder: has no effect on images:photos, which names its folder",
        ),
        (
            {"dataset.name": "sklearn:digits", "dataset.folder": "digits"},
            "dataset.folder: has no effect on sklearn:digits, which scikit-learn brings along",
        ),
        (
            {"dataset.name": "my_data.npz", "dataset.folder": "mine"},
            "dataset.folder: has no effect on my_data.npz, which names the file's folder itself",
        ),
        (
            {"dataset.name": "my_code:data", "dataset.folder": "mine"},
            "dataset.folder: has no effect on my_code:data, which finds its data itself",
        ),
        (
            IMAGES | {"dataset.test": 5},
            "dataset.test: must leave at least two of the 6 examples",
        ),
        (
            IMAGES | {"dataset.test": 2, "dataset.validation": 4},
            "dataset.validation: must hold out at least one and leave at least one of the 4",
        ),
        (
            {"dataset.name": "images:parts", "dataset.image_size": [8, 8], "dataset.test": 2},
            "dataset.test: has no effect on images:parts, which has a test set of its own",
        ),
        ({"dataset.name": "tfds:mnits"}, "no data set 'mnits' - did you mean 'mnist'?"),
        ({"dataset.name": "tfds:mnist 3"}, "dataset.name: must name a data set as tfds:NAME"),
        (
            {"dataset.name": "tfds:mnist", "dataset.image_size": [8, 8]},
            "dataset.image_size: has no effect on tfds:mnist",
        ),
    ],
)
def test_what_has_no_effect_is_refused(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    """The place, the value and the cure; sizes are known without loading anything."""
    for folder in ("photos", "parts/train", "parts/test"):
        write_images(tmp_path / folder, ["cat", "dog"], 3)
    with pytest.raises(InputError) as raised:
        load_sweep(written(tmp_path, {"dataset.validation": 0.1} | changes))
    assert message in str(raised.value)
