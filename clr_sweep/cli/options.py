"""The arguments and options that several commands have, and what was given of them."""

from __future__ import annotations

import sys
from collections.abc import Mapping

import click

from clr_sweep.cli import completion
from clr_sweep.cli.group import FilePath
from clr_sweep.common import terminal
from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.standard_streams import aside

AS_IN_FILE = "as-in-sweep-file"
"""The value of an option that `mlflow run` was not given, as MLproject and the run have it."""

sweep_argument = click.argument("sweep", type=FilePath(), shell_complete=completion.sweeps)
storage_option = click.option(
    "--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db)."
)
tracking_option = click.option(
    "--tracking-uri",
    metavar="URL",
    help="MLflow's store (default: MLFLOW_TRACKING_URI, else the sweep's, else sqlite:///mlflow.db).",
)
engine_option = click.option("--engine", metavar="NAME", help="Where trials run: local or ray.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
study_argument = click.argument("study", shell_complete=completion.studies)
study_or_run_argument = click.argument(
    "study", metavar="STUDY_OR_RUN_ID", shell_complete=completion.studies
)


def given(options: Mapping[str, str | None]) -> dict[str, str]:
    """The options that were given, by their names as they stand on the command line.

    An empty one was not: it is that of `mlflow run`, see `Command`.
    """
    return {
        name.replace("_", "-"): text
        for name, text in options.items()
        if text and text != AS_IN_FILE
    }


def note(sentence: str) -> None:
    """Say what goes on, on standard error, unless `--quiet` was given."""
    if not terminal.is_quiet():
        aside(sentence, sys.stderr)


def note_by_name(sentence: str) -> None:
    """The same, with the program's name before it."""
    note(f"clr-sweep: {sentence}")


def show(found: str, has_best: bool) -> None:
    """What a study found; it has failed if no trial of it is complete."""
    terminal.say(found)
    if not has_best:
        raise ClrSweepError("no trial of the study is complete: see the reasons above")
