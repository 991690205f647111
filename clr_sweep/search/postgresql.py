"""PostgreSQL as the study's storage: its Python driver, and sessions of machines that are gone."""

from __future__ import annotations

import importlib
from typing import Any

from sqlalchemy import Engine, create_engine

from clr_sweep.common.errors import StoreError
from clr_sweep.common.secrets import hidden_address

# For an address that names none: the first that is there. SQLAlchemy's choice is its release's.
_DRIVERS = ("psycopg", "psycopg2")
CURE = "pip install 'clr-sweep[postgresql]'"

# A machine that is gone says no farewell: so often is it asked whether it is there (seconds, and
# how often no answer is one), and half a minute later its locks are another's. PostgreSQL's own
# limit is the system's: two hours. A session of a socket of the machine's own has none of this.
_KEEPALIVES = {
    "tcp_keepalives_idle": 10,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 4,
}


def with_driver(url: str) -> str:
    """The address with the Python driver that serves it, for one of PostgreSQL that names none.

    Raises:
        StoreError: there is none.
    """
    kind, rest = url.partition(":")[::2]
    if kind != "postgresql":
        return url
    for driver in _DRIVERS:
        try:
            importlib.import_module(driver)
        except ImportError:  # without its library too
            continue
        return f"{kind}+{driver}:{rest}"
    raise StoreError(
        f"the study storage {hidden_address(url)} cannot be used: no Python driver for PostgreSQL "
        f"is installed: {CURE}"
    )


def engine_options(url: str) -> dict[str, Any]:
    """What `create_engine` is given for an address."""
    return {"pool_events": [(_ask_for_life, "connect")]} if url.startswith("postgresql") else {}


def server_engine(url: str, **options: Any) -> Engine:
    """An engine for an address of a study's storage, of whatever kind.

    Raises:
        StoreError: there is no Python driver for it.
    """
    return create_engine(with_driver(url), **engine_options(url), **options)


def _ask_for_life(connection: Any, _record: Any) -> None:
    settings = (f"set_config('{name}', '{value}', false)" for name, value in _KEEPALIVES.items())
    cursor = connection.cursor()
    cursor.execute(f"SELECT {', '.join(settings)}")
    cursor.close()
    connection.commit()
