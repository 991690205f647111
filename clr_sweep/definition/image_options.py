"""How images of any size become an array, in the words of Keras' image_dataset_from_directory.

https://keras.io/api/data_loading/image/
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from clr_sweep.definition.problems import Problem

ColorMode = Literal["rgb", "grayscale", "rgba"]
Interpolation = Literal[
    "bilinear", "nearest", "bicubic", "area", "lanczos3", "lanczos5", "gaussian", "mitchellcubic"
]


@dataclass(frozen=True)
class ImageOptions:
    """What a sweep says of its images; None: Keras' own default.

    Attributes:
        image_size: (height, width) that all are resized to; it has no default.
        color_mode: one, three or four channels; None: rgb.
        interpolation: how they are resized; None: bilinear.
        crop_to_aspect_ratio: they are cropped to the shape of `image_size` first.
        pad_to_aspect_ratio: they are padded with black to it.
    """

    image_size: tuple[int, int] | None = None
    color_mode: ColorMode | None = None
    interpolation: Interpolation | None = None
    crop_to_aspect_ratio: bool | None = None
    pad_to_aspect_ratio: bool | None = None

    def given(self) -> dict[str, Any]:
        """Those that the sweep says something of, by their keys."""
        return {key: value for key, value in asdict(self).items() if value is not None}


NO_IMAGE_OPTIONS = ImageOptions()


def image_option_problems(options: ImageOptions) -> Iterator[Problem]:
    """What is wrong with the options of images, taken together."""
    if options.image_size is None:
        yield (
            (),
            "image_size is required for images, which are resized to one size: [height, width], "
            "such as [64, 64]",
        )
    if options.crop_to_aspect_ratio and options.pad_to_aspect_ratio:
        yield (
            ("pad_to_aspect_ratio",),
            "must not go with crop_to_aspect_ratio: an image is cropped or padded, leave one out",
        )
