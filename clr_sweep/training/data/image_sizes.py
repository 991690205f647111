"""Which size and which colours fit images, by the heads of their files, without reading pixels."""

from __future__ import annotations

import statistics
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from clr_sweep.definition.image_options import ColorMode, ImageOptions
from clr_sweep.training.data.image_folders import find_images

# Of more images some are looked at, spread over all.
_LOOKED_AT = 2000
# Keras' default for either side.
_LARGEST = 256
_GREY = ("1", "L", "LA", "I", "I;16", "I;16B")
# TensorFlow reads the other kinds with three channels or more.
_MAY_BE_GREY = (".png", ".jpg", ".jpeg")


@dataclass(frozen=True)
class ImageLook:
    """What fits, and what was seen of the images, in words."""

    options: ImageOptions
    seen: str


def look_at_images(name: str, search_path: Sequence[Path]) -> ImageLook:
    """The options that fit the images of `images:FOLDER`.

    Raises:
        DataError: as `find_images`.
    """
    files = find_images(name, search_path).train.files
    some = files[:: -(-len(files) // _LOOKED_AT)]
    sizes, grey = [], []
    for path in some:
        try:
            with warnings.catch_warnings(action="ignore"), Image.open(path) as image:
                sizes.append((image.height, image.width))
                grey.append(image.mode in _GREY and path.suffix.lower() in _MAY_BE_GREY)
        except (OSError, ValueError, Image.DecompressionBombError):
            continue  # whether TensorFlow can read it shows when it does
    if not sizes:
        return ImageLook(ImageOptions((_LARGEST, _LARGEST)), "[height, width]")
    color_mode: ColorMode = "grayscale" if all(grey) else "rgb"
    if len(set(sizes)) == 1 and max(sizes[0]) <= _LARGEST and len(sizes) == len(files):
        return ImageLook(
            ImageOptions(sizes[0], color_mode, "nearest"),
            "[height, width], which all have; so nearest resamples nothing",
        )
    heights, widths = ([size[axis] for size in sizes] for axis in (0, 1))
    middle = statistics.median(heights), statistics.median(widths)
    scale = min(1, _LARGEST / max(middle))
    fitting = (max(1, round(middle[0] * scale)), max(1, round(middle[1] * scale)))
    seen = (
        f"[height, width]; {len(sizes):,} images looked at have {min(heights)} to {max(heights)} "
        f"by {min(widths)} to {max(widths)}"
    )
    return ImageLook(ImageOptions(fitting, color_mode), seen)
