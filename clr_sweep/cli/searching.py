"""Commands that search: from a sweep file to a study."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from clr_sweep.cli.group import FilePath, main
from clr_sweep.cli.options import (
    engine_option,
    given,
    note_by_name,
    show,
    storage_option,
    study_argument,
    sweep_argument,
    tracking_option,
)
from clr_sweep.cli.unknown_options import KeepsUnknownOptions, unknown_options
from clr_sweep.common.standard_streams import aside
from clr_sweep.common.stopping import stop_request
from clr_sweep.common.terminal import say
from clr_sweep.training.keras_backend import train_with_tensorflow


@main.command(epilog="Example: clr-sweep init --data mine.npz --model my_model:build")
@click.option(
    "--model",
    default="tutorial_cnn",
    metavar="NAME",
    help="As model.name of a sweep file (default: tutorial_cnn).",
)
@click.option(
    "--data",
    default="fashion_mnist",
    metavar="NAME",
    help="As dataset.name of a sweep file (default: fashion_mnist).",
)
@click.option(
    "-o",
    "--output",
    type=FilePath(),
    default=Path("sweep.yaml"),
    help="File (default: sweep.yaml), which must not be there.",
)
def init(model: str, data: str, output: Path) -> None:
    """Write a sweep file that fits a model and data, after a look at both.

    NAME is what a sweep file may have as model.name (module:function) and as dataset.name (an .npz
    file, module:function, images:FOLDER, tfds:NAME, sklearn:NAME, fashion_mnist). It passes
    `check`; the first stage of its run, the range test, says where it finds no rates to search.
    """
    train_with_tensorflow(note_by_name)
    with stop_request() as stop:
        from clr_sweep.commands.init import write_sweep

        written = write_sweep(model, data, output, stop, note_by_name)
    say(written)


@main.command(cls=KeepsUnknownOptions, epilog="Example: clr-sweep run sweep.yaml --trials 50")
@sweep_argument
@click.option("--trials", metavar="N", help="Trials in all, those of earlier starts included.")
@click.option("--epochs", metavar="N", help="Budget of a trial, in epochs.")
@click.option("--jobs", metavar="N", help="Trials at once (default: by the GPUs, else the cores).")
@click.option("--seed", metavar="N", help="Seed of the sampler, the weights and the data order.")
@click.option("--study", metavar="NAME", help="Name of the study (default: the sweep's).")
@storage_option
@engine_option
@tracking_option
@click.pass_context
def run(ctx: click.Context, /, sweep: Path, **options: str | None) -> None:
    """Start the study of the file SWEEP, or continue it: the same command does both.

    SWEEP is a file, or the name of a sweep that clr-sweep ships, such as fashion_mnist.

    An option that is not given, or given as "as-in-sweep-file", leaves the file's value as it is.
    """
    chosen = given(options)
    # The imports take seconds: a signal is heard in them too.
    with stop_request() as stop:
        from clr_sweep.commands.run import run_command

        report, has_best = run_command(sweep, chosen, unknown_options(ctx), stop, note_by_name)
    show(report, has_best)


@main.command(epilog="Example: clr-sweep check sweep.yaml --measure")
@sweep_argument
@click.option("--measure", is_flag=True, help="Look at data and model, time some steps.")
def check(sweep: Path, measure: bool) -> None:
    """Validate the file SWEEP and print what `run` would do with it."""
    from clr_sweep.commands.check import describe_plan
    from clr_sweep.definition.shipped_sweeps import find_sweep

    if measure:
        train_with_tensorflow(note_by_name)
    click.echo(describe_plan(find_sweep(sweep), note_by_name, measure=measure))


@main.command("range-test", epilog="Example: clr-sweep range-test sweep.yaml --seeds 5")
@sweep_argument
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

    chosen = given(options)
    train_with_tensorflow(note_by_name)
    with stop_request() as stop:
        from clr_sweep.commands.range_test import run_range_test

        found, ranges = run_range_test(find_sweep(sweep), chosen, stop)
    aside(found, sys.stderr)
    click.echo(ranges, nl=False)


@main.command(epilog="Example: clr-sweep compare my-study --rivals constant,cosine")
@study_argument
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
@engine_option
@storage_option
@tracking_option
def compare(
    study: str, storage: str | None, tracking_uri: str | None, **options: str | None
) -> None:
    """Compare the study STUDY with rivals that are tuned as it was, over fresh seeds.

    The same command starts or continues. An option that is not given, or given as
    "as-in-sweep-file", leaves the value of `comparison` in the sweep file as it is.
    """
    chosen, stores = given(options), given({"storage": storage, "tracking_uri": tracking_uri})
    with stop_request() as stop:
        from clr_sweep.commands.compare import compare_command

        found, has_best = compare_command(study, chosen, stores, stop, note_by_name)
    show(found, has_best)
