"""Data sets that the cache keeps, so that they are read or fetched once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from clr_sweep.training.data.cache import (
    one_process_at_a_time,
    readable_cache_folders,
    writable_cache_folder,
)
from clr_sweep.training.data.materialized import Dataset, stored


def kept(entry: str | Path, digest: str | None = None) -> Dataset | None:
    """The data set of this name in one of the cache's folders; None where there is none.

    Args:
        digest: that of the data set; None: whatever it is.
    """
    found = (stored(folder / entry) for folder in readable_cache_folders())
    return next((one for one in found if one is not None and digest in (None, one.digest)), None)


def kept_or_stored(kind: str, stem: str, key: str, store: Callable[[Path], Dataset]) -> Dataset:
    """The data set that the cache keeps by a key; where it keeps none, it is stored there.

    Args:
        kind: of data sets: the cache's folder for them.
        stem: what the entry is called beside its key, for people.
        key: hexadecimal, of what the data set is made of.
        store: stores it in the folder that it is given; by one process at a time.

    Raises:
        DataError: the cache cannot be written; or what `store` raises.
    """
    entry = Path(kind, f"{stem[:80]}-{key[:16]}")
    if (dataset := kept(entry)) is not None:
        return dataset
    cache = writable_cache_folder()
    with one_process_at_a_time(cache, f"{kind}-{key[:16]}"):
        # Another process may have stored it meanwhile.
        return kept(entry) or store(cache / entry)
