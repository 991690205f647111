"""The command line: thin, and importing only what a command needs when it runs."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path
from typing import Any

import click

from clr_sweep import __version__
from clr_sweep.errors import ClrSweepError, InputError
from clr_sweep.stopping import stop_request

# Where an option of `run` stands in the sweep file.
_OVERRIDES = {
    "trials": "study.trials",
    "epochs": "training.epochs",
    "jobs": "study.jobs",
    "seed": "study.seed",
    "study": "study.name",
    "storage": "study.storage",
}
_WHOLE_NUMBERS = ("trials", "epochs", "jobs", "seed")


class _Group(click.Group):
    """Turns what goes wrong into a message and an exit status, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClrSweepError as error:
            click.echo(f"clr-sweep: {error}", err=True)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("clr-sweep: interrupted", err=True)
            sys.exit(130)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="clr-sweep")
def main() -> None:
    """Find, prove and hand over the best cyclical learning rate for a Keras model."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("clr_sweep").setLevel(logging.INFO)


_sweep_argument = click.argument("sweep", type=click.Path(path_type=Path))


@main.command()
@_sweep_argument
@click.option("--trials", metavar="N", help="Trials in all, those of earlier starts included.")
@click.option("--epochs", metavar="N", help="Budget of a trial, in epochs.")
@click.option("--jobs", metavar="N", help="Trials at once (default: as many as cores).")
@click.option("--seed", metavar="N", help="Seed of the sampler, the weights and the data order.")
@click.option("--study", metavar="NAME", help="Name of the study (default: the sweep's).")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def run(sweep: Path, **options: str | None) -> None:
    """Start the study of the file SWEEP, or continue it: the same command does both.

    An option that is not given, or given empty, leaves the file's value as it is.
    """
    overrides = _overrides(options)
    # The imports take seconds: a signal is heard in them too.
    with stop_request() as stop:
        from clr_sweep.run import run_sweep

        study = run_sweep(sweep, overrides, stop)
    from clr_sweep.results.report import summary

    click.echo(summary(study))
    if study.best is None:
        raise ClrSweepError("no trial of the study is complete: see the reasons above")


@main.command()
@_sweep_argument
@click.option("--measure", is_flag=True, help="Time some training steps on this machine.")
def check(sweep: Path, measure: bool) -> None:
    """Validate the file SWEEP and print what `run` would do with it."""
    from clr_sweep.plan import describe_plan

    click.echo(describe_plan(sweep, measure=measure))


@main.command()
@click.argument("study", metavar="STUDY_OR_RUN_ID")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File (default: print).")
@click.option("--trial", type=click.IntRange(min=0), help="A trial's number (default: the best).")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def export(study: str, output: Path | None, trial: int | None, storage: str | None) -> None:
    """Write the best configuration of a study as YAML.

    STUDY_OR_RUN_ID is the study's name or the id of its parent run in MLflow.
    """
    from clr_sweep.exporting import export_study

    text = export_study(study, trial, storage)
    if output is None:
        click.echo(text, nl=False)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", str(output)) from None
    click.echo(f"written to {output}", err=True)


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
def train(config: Path) -> None:
    """Train exactly what the file CONFIG says and compare with the metrics it records."""
    with stop_request() as stop:
        from clr_sweep.reproduction import train_config

        outcome = train_config(config, stop)
    click.echo(outcome)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def ui(host: str, port: int) -> None:
    """Open the MLflow UI on the store that `run` writes to."""
    from clr_sweep.tracking.store import hidden, tracking_uri

    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        click.echo(f"the store is a server already: open {hidden(uri)}")
        return
    if uri.startswith("sqlite:///") and not Path(uri.removeprefix("sqlite:///")).exists():
        raise InputError(
            f"there is no store {hidden(uri)} in {Path.cwd()}: run this in the folder of the "
            "sweep, or set MLFLOW_TRACKING_URI"
        )
    click.echo(f"MLflow UI of {hidden(uri)}: http://{host}:{port} (Ctrl-C ends it)", err=True)
    # In the environment, not on the command line: other users can read a command line.
    environment = {**os.environ, "MLFLOW_TRACKING_URI": uri, "MLFLOW_BACKEND_STORE_URI": uri}
    arguments = ["-m", "mlflow", "ui", "--host", host, "--port", str(port)]
    os.execve(sys.executable, [sys.executable, *arguments], environment)


@main.command()
def schema() -> None:
    """Print the JSON schema of a sweep file, for editors."""
    import json

    from clr_sweep.config import Sweep

    click.echo(json.dumps(Sweep.model_json_schema(), indent=2))


def _overrides(options: dict[str, str | None]) -> dict[str, Any]:
    """The options given, by their dotted keys. `mlflow run` hands over '' for one not given."""
    found: dict[str, Any] = {}
    problems = []
    for name, text in options.items():
        if text is None or text == "":
            continue
        found[_OVERRIDES[name]] = text
        if name in _WHOLE_NUMBERS:
            try:
                found[_OVERRIDES[name]] = int(text)
            except ValueError:
                problems.append(f"--{name}: must be a whole number, got {text!r}")
    if problems:
        raise InputError(problems)
    return found


if __name__ == "__main__":
    main()
