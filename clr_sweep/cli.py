"""The command line: thin, and importing only what a command needs when it runs."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import click

from clr_sweep.common.errors import ClrSweepError
from clr_sweep.common.secrets import guard_process
from clr_sweep.common.stopping import stop_request
from clr_sweep.common.terminal import say
from clr_sweep.training.keras_backend import train_with_tensorflow

AS_IN_FILE = "as-in-sweep-file"
"""The value of an option that `mlflow run` was not given, as MLproject and the run have it."""

# Where a command's context keeps the options that it does not know.
_UNKNOWN = "clr_sweep.unknown_options"


class _Group(click.Group):
    """Turns what goes wrong into a message and an exit status, without a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClrSweepError as error:
            say(f"clr-sweep: {error}", err=True)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            click.echo("clr-sweep: interrupted", err=True)
            sys.exit(130)


class _Run(click.Command):
    """Keeps unknown options, to refuse them together with all else that is wrong.

    `mlflow run -P trails=5` hands over `--trails 5`, whatever the name.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        options = [param for param in self.get_params(ctx) if isinstance(param, click.Option)]
        known = {name: not option.is_flag for option in options for name in option.opts}
        unknown: list[str] = ctx.meta.setdefault(_UNKNOWN, [])
        rest: list[str] = []
        words: list[str] = []  # neither an option nor the value of a known one
        swallowed: list[str] = []  # taken for the values of unknown options
        waiting = list(args)
        while waiting:
            token = waiting.pop(0)
            name = token.partition("=")[0]
            if token.startswith("--") and len(token) > 2 and name not in known:
                unknown.append(name)
                value = waiting[0] if waiting and name == token else "--"
                if not value.startswith("--") and value not in known:
                    swallowed.append(waiting.pop(0))
                continue
            rest.append(token)
            if known.get(token) and waiting:
                rest.append(waiting.pop(0))
            elif not token.startswith("-"):
                words.append(token)
        # `run --verbose sweep.yaml`: what seemed a value is the sweep file.
        return super().parse_args(ctx, rest if words else [*rest, *swallowed[-1:]])


def _print_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    # Not click's own option: it is given the version, whose look-up takes time, when it is made.
    if is_asked and not ctx.resilient_parsing:
        from clr_sweep import __version__

        click.echo(f"clr-sweep, version {__version__}")
        ctx.exit()


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and exit.",
)
def main() -> None:
    """Find, prove and hand over the best cyclical learning rate for a Keras model."""
    guard_process()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("clr_sweep").setLevel(logging.INFO)


def _say(sentence: str) -> None:
    click.echo(f"clr-sweep: {sentence}", err=True)


def _show(found: str, has_best: bool) -> None:
    """What a study found; it has failed if no trial of it is complete."""
    say(found)
    if not has_best:
        raise ClrSweepError("no trial of the study is complete: see the reasons above")


_sweep_argument = click.argument("sweep", type=click.Path(path_type=Path))


@main.command(cls=_Run)
@_sweep_argument
@click.option("--trials", metavar="N", help="Trials in all, those of earlier starts included.")
@click.option("--epochs", metavar="N", help="Budget of a trial, in epochs.")
@click.option("--jobs", metavar="N", help="Trials at once (default: by the GPUs, else the cores).")
@click.option("--seed", metavar="N", help="Seed of the sampler, the weights and the data order.")
@click.option("--study", metavar="NAME", help="Name of the study (default: the sweep's).")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
@click.option("--engine", metavar="NAME", help="Where trials run: local or ray.")
@click.pass_context
def run(ctx: click.Context, /, sweep: Path, **options: str | None) -> None:
    """Start the study of the file SWEEP, or continue it: the same command does both.

    SWEEP is a file, or the name of a sweep that clr-sweep ships, such as fashion_mnist.

    An option that is not given, or given empty or as "as-in-sweep-file", leaves the file's value
    as it is.
    """
    given = {name: text for name, text in options.items() if text and text != AS_IN_FILE}
    # The imports take seconds: a signal is heard in them too.
    with stop_request() as stop:
        from clr_sweep.commands.run import run_command

        report, has_best = run_command(sweep, given, ctx.meta[_UNKNOWN], stop, _say)
    _show(report, has_best)


@main.command()
@_sweep_argument
@click.option("--measure", is_flag=True, help="Look at data and model, time some steps.")
def check(sweep: Path, measure: bool) -> None:
    """Validate the file SWEEP and print what `run` would do with it."""
    from clr_sweep.commands.check import describe_plan
    from clr_sweep.definition.shipped_sweeps import find_sweep

    if measure:
        train_with_tensorflow(_say)
    click.echo(describe_plan(find_sweep(sweep), measure=measure))


@main.command("range-test")
@_sweep_argument
@click.option("--low", metavar="RATE", help="The rate of the first step.")
@click.option("--high", metavar="RATE", help="The rate of the last step.")
@click.option("--epochs", metavar="N", help="Epochs over which the rate rises.")
@click.option("--seeds", metavar="N", help="Trainings, each with a seed of its own.")
@click.option("--ramp", metavar="NAME", help="exponential or linear.")
@click.option("--rule", metavar="NAME", help="smith, quarter, steepest, valley or minimum.")
@click.option("--min-seeds", metavar="N", help="Seeds that have to show bounds (more than half).")
def range_test(sweep: Path, **options: str | None) -> None:
    """Run the learning-rate range test of the file SWEEP and print ranges to paste.

    An option that is not given leaves the value of `range_test` in the file as it is.
    """
    from clr_sweep.definition.shipped_sweeps import find_sweep

    given = {name.replace("_", "-"): text for name, text in options.items() if text}
    train_with_tensorflow(_say)
    with stop_request() as stop:
        from clr_sweep.commands.range_test import run_range_test

        found, ranges = run_range_test(find_sweep(sweep), given, stop)
    click.echo(found, err=True)
    click.echo(ranges, nl=False)


@main.command()
@click.argument("study")
@click.option("--rivals", metavar="A,B", help="Policies to compare with, each tuned by itself.")
@click.option(
    "--trials", metavar="N", help="Trials of each rival, or A=N,B=N (default: the study's)."
)
@click.option("--finalists", metavar="N", help="Best trials of a search that are trained again.")
@click.option("--finalist-seeds", metavar="N", help="Fresh seeds that choose among them.")
@click.option("--seeds", metavar="N", help="Fresh seeds of the finals.")
@click.option("--margin", metavar="X", help="What does not matter: 0.005 is half a point.")
@click.option("--searches", metavar="N", help="Independent searches of each arm.")
@click.option("--jobs", metavar="N", help="Trials at once (default: the study's).")
@click.option("--engine", metavar="NAME", help="Where trials run: local or ray.")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def compare(study: str, storage: str | None, **options: str | None) -> None:
    """Compare the study STUDY with rivals that are tuned as it was, over fresh seeds.

    The same command starts or continues. An option that is not given, or given empty or as
    "as-in-sweep-file", leaves the value of `comparison` in the sweep file as it is.
    """
    given = {name: text for name, text in options.items() if text and text != AS_IN_FILE}
    url = storage if storage != AS_IN_FILE else None
    with stop_request() as stop:
        from clr_sweep.commands.compare import compare_command

        found, has_best = compare_command(study, given, url, stop, _say)
    _show(found, has_best)


@main.command()
@click.argument("study", metavar="STUDY_OR_RUN_ID")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File (default: print).")
@click.option("--trial", type=click.IntRange(min=0), help="A trial's number (default: the best).")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def export(study: str, output: Path | None, trial: int | None, storage: str | None) -> None:
    """Write the best configuration of a study as YAML.

    STUDY_OR_RUN_ID is the study's name or the id of its parent run in MLflow.
    """
    from clr_sweep.commands.export import export_study

    text = export_study(study, trial, storage, output)
    if output is None:
        click.echo(text, nl=False)
    else:
        click.echo(f"written to {output}", err=True)


@main.command()
@click.argument("study", metavar="STUDY_OR_RUN_ID")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="File (default: NAME.html).")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def report(study: str, output: Path | None, storage: str | None) -> None:
    """Write the report of a study as one HTML file; it may still be running.

    STUDY_OR_RUN_ID is the study's name or the id of its parent run in MLflow.
    """
    from clr_sweep.commands.report import write_report

    click.echo(f"written to {write_report(study, storage, output)}", err=True)


@main.command()
@click.argument("config", type=click.Path(path_type=Path))
def train(config: Path) -> None:
    """Train exactly what the file CONFIG says and compare with the metrics it records."""
    train_with_tensorflow(_say)
    with stop_request() as stop:
        from clr_sweep.commands.train import train_config

        outcome = train_config(config, stop)
    click.echo(outcome)


@main.command()
@click.argument("study", required=False)
@click.option("--fix", is_flag=True, help="Mend what can be mended.")
@click.option("--storage", metavar="URL", help="Study storage (default: sqlite:///optuna.db).")
def doctor(study: str | None, fix: bool, storage: str | None) -> None:
    """Check that the study, the trials' folders and MLflow agree.

    STUDY is the study's name; without it, all studies of the storage. The exit status is 1 if
    something is wrong, after `--fix` if something is left that nothing can mend.
    """
    if fix:  # which logs models that are missing in MLflow
        train_with_tensorflow(_say)
    from clr_sweep.commands.doctor import report as examined

    lines, is_well = examined(study, storage, fix=fix)
    say(lines)
    if not is_well:
        sys.exit(1)


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=5000, show_default=True, type=click.IntRange(1, 65535))
def ui(host: str, port: int) -> None:
    """Open the MLflow UI on the store that `run` writes to."""
    from clr_sweep.commands.ui import open_ui

    open_ui(host, port)


@main.command()
def schema() -> None:
    """Print the JSON schema of a sweep file, for editors."""
    from clr_sweep.commands.schema import schema_text

    click.echo(schema_text())
