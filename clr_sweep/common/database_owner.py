"""Whose tables a database holds: Optuna and MLflow cannot share one."""

from __future__ import annotations

from sqlalchemy import Engine, inspect, text


def owner(engine: Engine) -> str:
    """ "Optuna", "MLflow", or nothing where it is neither's yet.

    Both keep their version in a table of the same name, which is why they cannot share a database.
    The other tables prove nothing: whoever came second made some, and was refused then.
    """
    with engine.connect() as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        version = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
        if version is None:
            return ""
        if version.startswith("v"):  # as v3.2.0.a; MLflow's are hexadecimal numbers
            return "Optuna"
        return "MLflow" if inspect(connection).has_table("experiments") else ""
