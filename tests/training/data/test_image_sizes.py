"""The size and the colours that `init` writes for images."""

from __future__ import annotations

from pathlib import Path

import pytest
from image_files import write_images

from clr_sweep.definition.image_options import ImageOptions
from clr_sweep.training.data.image_sizes import look_at_images


@pytest.mark.parametrize(
    ("sizes", "mode", "suffix", "options", "seen"),
    [
        ([(8, 6)], "RGB", ".png", ImageOptions((8, 6), "rgb", "nearest"), "which all have"),
        ([(8, 6)], "L", ".jpg", ImageOptions((8, 6), "grayscale", "nearest"), "which all have"),
        ([(8, 6)], "L", ".gif", ImageOptions((8, 6), "rgb", "nearest"), "which all have"),
        ([(8, 6), (10, 12), (9, 20)], "RGB", ".jpg", ImageOptions((9, 12), "rgb"),
         "6 images looked at have 8 to 10 by 6 to 20"),
        ([(600, 400)], "RGB", ".jpg", ImageOptions((256, 171), "rgb"), "600 to 600 by 400 to 400"),
    ],
)  # fmt: skip
def test_they_fit_the_images(
    tmp_path: Path,
    sizes: list[tuple[int, int]],
    mode: str,
    suffix: str,
    options: ImageOptions,
    seen: str,
) -> None:
    """The one size of all, without resampling; else the middle of them, and no photograph's."""
    write_images(tmp_path / "photos", ["cat", "dog"], 3, sizes=sizes, suffixes=[suffix], mode=mode)
    look = look_at_images("images:photos", [tmp_path])
    assert look.options == options
    assert seen in look.seen


def test_files_that_are_no_images_are_left_to_the_loading(tmp_path: Path) -> None:
    """They are named there; here they only do not count."""
    images = write_images(tmp_path / "photos", ["cat", "dog"], 2, sizes=[(8, 6)])
    images[0].write_bytes(b"no image")
    assert look_at_images("images:photos", [tmp_path]).options == ImageOptions((8, 6), "rgb")
    for image in images:
        image.write_bytes(b"no image")
    assert look_at_images("images:photos", [tmp_path]).options == ImageOptions((256, 256))
