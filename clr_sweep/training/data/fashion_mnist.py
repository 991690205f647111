"""Fashion-MNIST: found on this machine or fetched, checked, and kept in the cache.

70,000 images of clothes, 28 x 28, in ten classes (Xiao, Rasul and Vollgraf 2017,
https://arxiv.org/abs/1708.07747; MIT License, Zalando SE).
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from clr_sweep.common.errors import DataError
from clr_sweep.training.data.arrays import Array
from clr_sweep.training.data.cache import one_process_at_a_time, writable_cache_folder
from clr_sweep.training.data.debian_package import PackageError, unpack_debian_package
from clr_sweep.training.data.fashion_mnist_files import (
    FILES,
    AbsentError,
    UnavailableError,
    decode,
    read_folder,
)
from clr_sweep.training.data.kept import kept
from clr_sweep.training.data.materialized import Dataset, store
from clr_sweep.training.keras_backend import keras_home

NAME = "fashion_mnist"
TRAINING_EXAMPLES = 60_000

# Dataset.digest of the four arrays: what is kept in the cache is known by it
DIGEST = "3edfad757e861687b0508abbb9cb73d51c420bb2f73b224ca589226ebfd3616b"

KERAS_URL = "https://storage.googleapis.com/tensorflow/tf-keras-datasets/"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_FOLDER_IN_PACKAGE = "usr/share/datasets/fashion-mnist"

_ANSWER_SECONDS = 10  # for a connection, and for each piece of an answer
_DOWNLOAD_SECONDS = 900  # for a file

logger = logging.getLogger("clr_sweep")


def load(folder: Path | None = None, *, base_url: str | None = None) -> Dataset:
    """The data set, memory-mapped: x uint8 (n, 28, 28, 1) in [0, 255], y uint8 (n,) in [0, 9].

    Looked for in this order: `folder`; $CLR_SWEEP_DATA; the cache; Keras' cache; the folder of
    Debian's package; then downloaded from where Keras has it; then as Debian's package, with apt,
    unpacked without root. Folders hold the four idx files, as they are or compressed (.gz).

    Args:
        folder: where to look first. Files found there must be sound.
        base_url: where Keras' files are, else $CLR_SWEEP_FASHION_MNIST_URL, else Keras' address.

    Raises:
        DataError: a file in `folder` or $CLR_SWEEP_DATA is damaged, or no place and no route
            gives the data: each is named with its reason.
    """
    tried: list[str] = []
    for place, origin in (
        (folder, "the data folder"),
        (os.environ.get("CLR_SWEEP_DATA"), "$CLR_SWEEP_DATA"),
    ):
        if place:
            try:
                arrays = read_folder(Path(place).expanduser())
            except AbsentError as error:
                _note(tried, f"{origin} {place}", error)
            except UnavailableError as error:
                # who names a folder means its files: others in their stead would be a surprise
                raise DataError(f"{error}; copy the files again", f"{origin} {place}") from error
            else:
                return _keep(arrays, str(Path(place).absolute()))
    if (dataset := kept(NAME, DIGEST)) is not None:
        return dataset
    cache = writable_cache_folder()
    with one_process_at_a_time(cache, NAME):
        if (dataset := kept(NAME, DIGEST)) is not None:  # another process has fetched it meanwhile
            return dataset
        tried.append(f"the cache {cache}: no data set {NAME}")
        return _find_or_fetch(cache, base_url, tried)


def _find_or_fetch(cache: Path, base_url: str | None, tried: list[str]) -> Dataset:
    url = base_url or os.environ.get("CLR_SWEEP_FASHION_MNIST_URL") or KERAS_URL
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as work:
        routes: list[tuple[str, str, Callable[[], dict[str, Array]]]] = [
            *(
                (f"{origin} {place}", str(place), lambda place=place: read_folder(place))
                for origin, place in (
                    ("Keras' cache", keras_home() / "datasets" / "fashion-mnist"),
                    ("Debian's folder", DEBIAN_FOLDER),
                )
            ),
            (f"the download from {url}", url, lambda: _download(url)),
            (
                f"Debian's package {DEBIAN_PACKAGE}",
                f"Debian package {DEBIAN_PACKAGE}",
                lambda: _from_debian_package(Path(work)),
            ),
        ]
        for route, source, read in routes:
            try:
                arrays = read()
            except UnavailableError as error:
                _note(tried, route, error)
            else:
                return _keep(arrays, source, cache)
    raise DataError(
        [
            "Fashion-MNIST cannot be found or fetched; put its four files "
            f"({', '.join(f'{file.name}.gz' for file in FILES.values())}) into a folder and name "
            "it as the data folder or in CLR_SWEEP_DATA, or connect this machine to the "
            "network. Tried:",
            *(f"- {reason}" for reason in tried),
        ]
    )


def _note(tried: list[str], route: str, error: UnavailableError) -> None:
    tried.append(f"{route}: {error}")
    # files that are absent are no news; files that are there and damaged are
    logger.log(logging.INFO if isinstance(error, AbsentError) else logging.WARNING, tried[-1])


def _keep(arrays: dict[str, Array], source: str, cache: Path | None = None) -> Dataset:
    dataset = kept(NAME, DIGEST)
    if dataset is None:
        logger.info("keeping Fashion-MNIST in the cache")
        images = {
            key: array[..., np.newaxis] if key.startswith("x") else array
            for key, array in arrays.items()
        }
        dataset = store(NAME, images, source, (cache or writable_cache_folder()) / NAME)
    return replace(dataset, source=source)


def _download(base_url: str) -> dict[str, Array]:
    arrays = {}
    for key, file in FILES.items():
        url = f"{base_url.rstrip('/')}/{file.name}.gz"
        logger.info("downloading %s", url)
        # compressed, it is smaller than its content
        arrays[key] = decode(_fetch(url, file.size), file, url)
    return arrays


def _fetch(url: str, limit: int) -> bytes:
    """What the URL gives, at most `limit` bytes."""
    # imported here because it costs half the time of this package's other imports
    import http.client
    import urllib.request

    content = bytearray()
    give_up = time.monotonic() + _DOWNLOAD_SECONDS
    try:
        with urllib.request.urlopen(url, timeout=_ANSWER_SECONDS) as answer:
            while len(content) < limit and (part := answer.read1(2**20)):
                content += part
                if time.monotonic() > give_up:
                    raise TimeoutError(f"not complete after {_DOWNLOAD_SECONDS} seconds")
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise UnavailableError(f"{url}: {getattr(error, 'reason', None) or error}") from error
    return bytes(content)


def _from_debian_package(work: Path) -> dict[str, Array]:
    try:
        root = unpack_debian_package(DEBIAN_PACKAGE, work)
    except PackageError as error:
        raise UnavailableError(str(error)) from error
    return read_folder(root / _FOLDER_IN_PACKAGE)
