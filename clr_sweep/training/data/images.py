"""Images in folders by class, read once into the files that trials share.

The pixels are those of keras.utils.image_dataset_from_directory, by the same functions of
TensorFlow's: float32 from 0 to 255, or uint8 with the interpolation `nearest`.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common.cores import usable_cores
from clr_sweep.common.errors import DataError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.definition.image_options import ImageOptions
from clr_sweep.training.data.array_file import ArrayFile
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.contents import first_few
from clr_sweep.training.data.image_folders import find_images
from clr_sweep.training.data.kept import kept_or_stored
from clr_sweep.training.data.materialized import Dataset, store_parts

_CHANNELS = {"grayscale": 1, "rgb": 3, "rgba": 4}
_AT_ONCE = 64


def load_images(name: str, options: DataOptions, search_path: Sequence[Path]) -> Dataset:
    """The data set `images:FOLDER`, read once into the cache and mapped from there.

    x is (n, height, width, channels), y int32, (n,): the numbers of the classes, which are sorted.
    The cache's entry belongs to the names, sizes and times of change of all images.

    Raises:
        DataError: there is no such folder, it is not laid out as one, or an image cannot be read;
            holds every problem.
    """
    found = find_images(name, search_path)
    parts = found.parts(options.test)
    source = found.described()
    fill = functools.partial(_fill, parts, options.images)
    store = functools.partial(store_parts, name, fill, source)
    dataset = kept_or_stored("images", found.folder.name, _key(parts, options.images), store)
    return replace(dataset, name=name, source=source)


def _key(parts: Mapping[str, tuple[Sequence[Path], Array]], options: ImageOptions) -> str:
    digest = hashlib.sha256(repr(options).encode())
    for part, (files, labels) in parts.items():
        for path, label in zip(files, labels, strict=True):
            state = path.stat()
            line = f"{part}|{label}|{path}|{state.st_size}|{state.st_mtime_ns}\n"
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()


def _fill(
    parts: Mapping[str, tuple[Sequence[Path], Array]],
    options: ImageOptions,
    files: Mapping[str, ArrayFile],
) -> None:
    """Read all images, some at a time; those that cannot be are all found before it ends."""
    unreadable: list[str] = []
    for part, (paths, labels) in parts.items():
        rows: list[tuple[Array, Any]] = []
        for path, label, image in zip(paths, labels, _decoded(paths, options), strict=True):
            if isinstance(image, str):
                unreadable.append(f"{path}: cannot be read as an image ({image})")
            elif not unreadable:
                rows.append((image, label))
            if len(rows) == _AT_ONCE:
                _append(files, part, rows)
                rows = []
        if rows and not unreadable:
            _append(files, part, rows)
    if unreadable:
        named = first_few(unreadable, "images cannot be read")
        raise DataError([*named, "mend or convert these images, or remove them"])


def _append(files: Mapping[str, ArrayFile], part: str, rows: list[tuple[Array, Any]]) -> None:
    files[f"x_{part}"].append(np.stack([image for image, _ in rows]))
    files[f"y_{part}"].append(np.array([label for _, label in rows], np.int32))


def _decoded(paths: Sequence[Path], options: ImageOptions) -> Iterator[Array | str]:
    """Each image in its turn, or why it cannot be read."""
    import tensorflow as tf

    decode = functools.partial(_decode, options=options)
    images = tf.data.Dataset.from_tensor_slices([str(path) for path in paths])
    images = images.map(decode, num_parallel_calls=usable_cores(), deterministic=True)
    settings = tf.data.Options()
    settings.threading.private_threadpool_size = usable_cores()
    read = iter(images.with_options(settings))
    for _ in paths:
        try:
            yield next(read).numpy()
        except tf.errors.ResourceExhaustedError:
            raise
        except tf.errors.OpError as error:
            # After the names of what passes it on.
            yield error.message.rpartition("ParallelMapV2: ")[2].strip().splitlines()[0]


def _decode(path: Any, options: ImageOptions) -> Any:
    import keras
    import tensorflow as tf

    assert options.image_size is not None
    size, channels = options.image_size, _CHANNELS[options.color_mode or "rgb"]
    method = options.interpolation or "bilinear"
    image = tf.io.decode_image(tf.io.read_file(path), channels=channels, expand_animations=False)
    if options.crop_to_aspect_ratio:
        image = keras.preprocessing.image.smart_resize(image, size, interpolation=method)
    elif options.pad_to_aspect_ratio:
        image = tf.image.resize_with_pad(image, *size, method=method)
    else:
        image = tf.image.resize(image, size, method=method)
    return tf.ensure_shape(image, (*size, channels))
