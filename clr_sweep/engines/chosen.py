"""The engine that a sweep asks for."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from clr_sweep.common.errors import InputError
from clr_sweep.definition.own_modules import own_modules
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Engine
from clr_sweep.engines.local.engine import LocalEngine


@contextlib.contextmanager
def chosen_engine(
    local: LocalEngine, sweep: Sweep, search_path: Sequence[Path], folder: Callable[[], Path]
) -> Iterator[Engine]:
    """The engine of a sweep, for as long as the block runs.

    Args:
        local: started before the sweep was read, since its server takes seconds to import Keras;
            ended where it is not the one.
        search_path: folders in which a module of the user's is looked for.
        folder: finds the folder that jobs write below, which other machines have to share.

    Raises:
        InputError: the engine's package is not installed, or there is no such cluster.
        ClrSweepError: the cluster cannot be joined.
    """
    config = sweep.engine
    if config.name == "local":
        yield local
        return
    local.close()
    try:
        from clr_sweep.engines.ray.engine import ray_engine
    except ImportError as error:
        raise InputError(
            f"engine: ray cannot be imported ({error}): pip install 'clr-sweep[ray]'"
        ) from None
    # A cluster of this machine's finds them where they are.
    modules = () if config.address == "local" else own_modules(sweep, search_path)
    with ray_engine(config, folder, modules) as engine:
        yield engine
