"""Commands around a study: its configuration trained again, MLflow's pages, the schema."""

from __future__ import annotations

from pathlib import Path

import click

from clr_sweep.cli.group import FilePath, main
from clr_sweep.cli.options import note_by_name, tracking_option
from clr_sweep.common.stopping import stop_request
from clr_sweep.training.keras_backend import train_with_tensorflow


@main.command(epilog="Example: clr-sweep train best.yaml")
@click.argument("config", type=FilePath())
@tracking_option
def train(config: Path, tracking_uri: str | None) -> None:
    """Train exactly what the file CONFIG says and compare with the metrics it records."""
    train_with_tensorflow(note_by_name)
    with stop_request() as stop:
        from clr_sweep.commands.train import train_config

        outcome = train_config(config, tracking_uri, stop)
    click.echo(outcome)


@main.command(epilog="Example: clr-sweep ui --port 5001")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
@tracking_option
def ui(host: str, port: int, tracking_uri: str | None) -> None:
    """Open the MLflow UI on the store that `run` writes to."""
    from clr_sweep.commands.ui import open_ui

    open_ui(host, port, tracking_uri)


@main.command(epilog="Example: clr-sweep schema > sweep.schema.json")
@click.option("--path", is_flag=True, help="Print the file in which it is installed.")
def schema(path: bool) -> None:
    """Print the JSON schema of a sweep file, for editors."""
    from clr_sweep.commands.schema import SCHEMA_FILE, schema_text

    click.echo(SCHEMA_FILE if path else schema_text())
