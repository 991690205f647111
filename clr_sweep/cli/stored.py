"""Commands on what is stored: studies, looked at, handed over, held together and deleted."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clr_sweep.cli import completion
from clr_sweep.cli.group import FilePath, main
from clr_sweep.cli.options import (
    json_option,
    note,
    note_by_name,
    storage_option,
    study_argument,
    study_or_run_argument,
    tracking_option,
)
from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.common.terminal import say, width
from clr_sweep.training.keras_backend import train_with_tensorflow


@main.command("list", epilog="Example: clr-sweep list --json")
@json_option
@storage_option
def list_studies(as_json: bool, storage: str | None) -> None:
    """List the studies of the storage: how they stand, and the best value of each."""
    from clr_sweep.commands import list as listing

    click.echo(listing.list_studies(storage, width(), as_json=as_json))


@main.command(epilog="Example: clr-sweep show my-study 3")
@study_or_run_argument
@click.argument("trial", required=False)
@json_option
@storage_option
@tracking_option
def show(
    study: str, trial: str | None, as_json: bool, storage: str | None, tracking_uri: str | None
) -> None:
    """Show a study and its trials, or one trial and its epochs.

    STUDY_OR_RUN_ID is the study's name or the id of a run of it in MLflow; TRIAL is a number or
    "baseline".
    """
    from clr_sweep.commands.show import show_study
    from clr_sweep.tracking.which_store import StoreChoice

    choice = StoreChoice.checked(tracking_uri)
    click.echo(show_study(study, trial, storage, choice, width(), as_json=as_json))


@main.command(epilog="Example: clr-sweep delete my-study")
@study_argument
@click.option("--yes", is_flag=True, help="Delete without asking.")
@storage_option
@tracking_option
def delete(study: str, yes: bool, storage: str | None, tracking_uri: str | None) -> None:
    """Delete a study: itself, its folders and its runs in MLflow, its comparisons included.

    What will be deleted is said first. A study that a process runs is refused, and one of which a
    model is registered. If it is killed half way, the same command deletes the rest.
    """
    from clr_sweep.commands.delete import delete_study
    from clr_sweep.tracking.which_store import StoreChoice

    def said(text: str) -> None:
        say(text, err=True)

    choice = StoreChoice.checked(tracking_uri)
    if not delete_study(study, storage, choice, said, lambda: yes or _is_confirmed()):
        raise ClrSweepError("nothing was deleted")
    note(f"study {study} is deleted")


def _is_confirmed() -> bool:
    try:
        return click.confirm("Delete it?", err=True)
    except click.Abort:  # there is no terminal, or Ctrl-C
        click.echo(err=True)
        raise InputError("nothing was deleted: say --yes where nobody can answer") from None


@main.command(epilog="Example: clr-sweep export my-study -o best.yaml")
@study_or_run_argument
@click.option("-o", "--output", type=FilePath(), help="File (default: print).")
@click.option("--trial", type=click.IntRange(min=0), help="A trial's number (default: the best).")
@click.option("--register", metavar="NAME", help="Register its model in MLflow under NAME.")
@click.option("--alias", metavar="NAME", help="Alias of that version, such as champion.")
@storage_option
@tracking_option
def export(
    study: str,
    output: Path | None,
    trial: int | None,
    register: str | None,
    alias: str | None,
    storage: str | None,
    tracking_uri: str | None,
) -> None:
    """Write the best configuration of a study as YAML, or register its model.

    STUDY_OR_RUN_ID is the study's name or the id of a run of it in MLflow. With --register the
    configuration is written where -o says, and nowhere without it.
    """
    if alias is not None and register is None:
        raise InputError("--alias: names a version that --register makes: give both")
    from clr_sweep.commands.export import Registration, export_study
    from clr_sweep.tracking.which_store import StoreChoice

    asked = None if register is None else Registration(register, alias)
    choice = StoreChoice.checked(tracking_uri)
    text, registered = export_study(study, trial, storage, choice, output, asked)
    if output is not None:
        note(f"written to {output}")
    if registered:
        say(registered)
    elif output is None:
        click.echo(text, nl=False)


@main.command(epilog="Example: clr-sweep report my-study -o report.html")
@study_or_run_argument
@click.option("-o", "--output", type=FilePath(), help="File (default: NAME.html).")
@storage_option
@tracking_option
def report(study: str, output: Path | None, storage: str | None, tracking_uri: str | None) -> None:
    """Write the report of a study as one HTML file; it may still be running.

    STUDY_OR_RUN_ID is the study's name or the id of a run of it in MLflow.
    """
    from clr_sweep.commands.report import write_report
    from clr_sweep.tracking.which_store import StoreChoice

    file = write_report(study, storage, StoreChoice.checked(tracking_uri), output)
    note(f"written to {file}")


@main.command(epilog="Example: clr-sweep doctor my-study --fix")
@click.argument("study", required=False, shell_complete=completion.studies)
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
@storage_option
@tracking_option
def doctor(study: str | None, fix: bool, storage: str | None, tracking_uri: str | None) -> None:
    """Check that the study, the trials' folders and MLflow agree.

    STUDY is the study's name; without it, all studies of the storage. The exit status is 1 if
    something is wrong, after `--fix` if something is left that nothing can mend.
    """
    if fix:  # which logs models that are missing in MLflow
        train_with_tensorflow(note_by_name)
    from clr_sweep.commands.doctor import report as examined
    from clr_sweep.tracking.which_store import StoreChoice

    lines, is_well = examined(study, storage, StoreChoice.checked(tracking_uri), fix=fix)
    say(lines)
    if not is_well:
        sys.exit(1)
