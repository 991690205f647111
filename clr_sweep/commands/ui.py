"""`clr-sweep ui`: the MLflow UI on the store that sweeps write to, and where they are in it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from clr_sweep.common.errors import InputError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import is_missing
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.views import START, shown_studies
from clr_sweep.tracking.which_store import StoreChoice


def open_ui(host: str, port: int, option: str | None) -> None:
    """Become MLflow's UI.

    Args:
        option: the URI of MLflow's store; None: that of MLFLOW_TRACKING_URI, else of this folder.

    Returns:
        Only where the store is a server, which is its UI already.

    Raises:
        InputError: there is no store.
    """
    uri = StoreChoice.checked(option).uri()
    if uri.startswith(("http://", "https://")):
        say_where(uri, hidden_address(uri).rstrip("/"))
        click.echo("the store is a server already, and this is its UI", err=True)
        return
    if (file := sqlite_file(uri)) is not None and is_missing(file):
        raise InputError(
            f"there is no store {hidden_address(uri)} in {Path.cwd()}: run this in the folder "
            "of the sweep, or name the store with --tracking-uri or in MLFLOW_TRACKING_URI"
        )
    say_where(uri, f"http://{host}:{port}")
    click.echo(f"the MLflow UI of {hidden_address(uri)} starts; Ctrl-C ends it", err=True)
    # In the environment, not on the command line: other users can read a command line.
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_BACKEND_STORE_URI": uri}
    # One process serves one person; MLflow's four take a sweep's cores and twice as long to start.
    arguments = ["-m", "mlflow", "ui", "--host", host, "--port", str(port), "--workers", "1"]
    os.execve(sys.executable, [sys.executable, *arguments], environment)


def say_where(uri: str, url: str) -> None:
    """The addresses at which MLflow shows the sweeps of a store, the newest sweep first.

    Args:
        url: of the UI. By itself it opens on pages for language models.
    """
    for study in shown_studies(connect(uri)):
        click.echo(f"{study.name}:", err=True)
        if study.parent is not None:
            click.echo(f"  the sweep:   {url}/{study.parent}", err=True)
        click.echo(f"  all trials:  {url}/{study.trials}", err=True)
    click.echo(f"everything:    {url}/{START}", err=True)
