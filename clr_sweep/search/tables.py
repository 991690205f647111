"""Optuna's tables in a storage that may be new, and that several sweeps may be opening."""

from __future__ import annotations

import random
import time
from typing import Any

from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError

from clr_sweep.search.steady_storage import SteadyStorage

# Making them takes less than a second.
_SECONDS = 30.0


def with_tables(url: str, engine_kwargs: dict[str, Any]) -> SteadyStorage:
    """The storage, its tables made where there are none.

    Optuna does not hold those apart that begin in an empty one at the same moment: who comes upon
    tables that another is making looks again.

    Args:
        url: with the driver that reads it.
        engine_kwargs: of SQLAlchemy's engine.

    Raises:
        SQLAlchemyError, ImportError, RuntimeError, OSError: as Optuna's storage.
    """
    give_up = time.monotonic() + _SECONDS
    while True:
        try:
            return SteadyStorage(url, engine_kwargs=engine_kwargs)
        except (IntegrityError, OperationalError, ProgrammingError) as error:
            by_another = isinstance(error, IntegrityError) or "already exists" in str(error)
            if not by_another or time.monotonic() > give_up:
                raise
        time.sleep(random.uniform(0.05, 0.3))
