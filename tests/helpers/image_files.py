"""Folders of small images, drawn from a seed, one for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def write_images(
    folder: Path,
    classes: Sequence[str],
    count: int,
    sizes: Sequence[tuple[int, int]] = ((9, 12), (24, 16), (10, 10)),
    suffixes: Sequence[str] = (".png", ".jpg"),
    mode: str = "RGB",
) -> list[Path]:
    """Writes `count` images of each class, of the sizes (height, width) and kinds in turn."""
    random, written = np.random.default_rng(0), []
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for index in range(count):
            height, width = sizes[index % len(sizes)]
            path = folder / name / f"{index:03d}{suffixes[index % len(suffixes)]}"
            # Light or dark by class, so that there is something to learn.
            pixels = random.integers(0, 100, (height, width, 3)) + 50 * number
            Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).convert(mode).save(path)
            written.append(path)
    return written
