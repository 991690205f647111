"""The program: what holds for all its commands."""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from pathlib import Path
from types import TracebackType
from typing import Any

import click

from clr_sweep.common import terminal
from clr_sweep.common.errors import ClrSweepError, InputError
from clr_sweep.common.secrets import guard_process
from clr_sweep.common.standard_streams import drop_unwritten, open_missing


def _be_quiet(_ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    if is_asked:
        terminal.be_quiet(True)
        logging.getLogger("clr_sweep").setLevel(logging.WARNING)


_QUIET = click.Option(
    ["-q", "--quiet"],
    is_flag=True,
    expose_value=False,
    callback=_be_quiet,
    help="Say nothing of what goes on: results, warnings and errors alone.",
)


class FilePath(click.Path):
    """A path; one that is given empty stays that, and is not the current folder."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "" else super().convert(value, param, ctx)


class Command(click.Command):
    """A command with the options that all have, as they all have `--help`.

    What is given empty, such as `--storage "$URL"` where there is no URL, is refused, and not taken
    for an option that is not given, or for the current folder. Under `mlflow run` an option is one
    that is not: `-P storage=` is all that a parameter of MLproject can be taken back with.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        *own, shows_help = super().get_params(ctx)
        return [*own, _QUIET, shows_help]

    def invoke(self, ctx: click.Context) -> Any:
        empty = [p for p in self.get_params(ctx) if ctx.params.get(p.name or "") == ""]
        if "MLFLOW_RUN_ID" in os.environ:
            empty = [p for p in empty if p.required or isinstance(p.type, FilePath)]
        if empty:
            raise InputError([_not_empty(param) for param in empty])
        return super().invoke(ctx)


def _not_empty(param: click.Parameter) -> str:
    name = param.opts[-1] if isinstance(param, click.Option) else param.human_readable_name
    cure = "" if param.required else ": leave it out if it is not meant"
    return f"{name}: must be text that is not empty, got ''{cure}"


class _Program(click.Group):
    """Turns what goes wrong into a message and an exit status, without a traceback."""

    command_class = Command

    def main(self, *arguments: Any, **named: Any) -> Any:
        open_missing()
        try:
            return super().main(*arguments, **named)
        except OSError as error:
            if not _is_of_echo(error.__traceback__):
                raise
            why = f"clr-sweep: cannot write to standard output: {error.strerror}"
            with contextlib.suppress(OSError):
                click.echo(why, err=True)
            sys.exit(1)
        finally:
            drop_unwritten()

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        words = list(args)  # click takes from them
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            name = next((word for word in words if word in self.commands), None)
            command = None if name is None else self.commands[name]
            options = [] if command is None else command.get_params(ctx)
            if any(error.option_name in option.opts for option in options):
                told = (
                    f"No such option {error.option_name!r} before the command: it follows it, "
                    f"clr-sweep {name} {error.option_name} ..."
                )
                raise click.NoSuchOption(error.option_name, told, ctx=ctx) from None
            raise

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except ClrSweepError as error:
            said, status = str(error), error.exit_status
        except KeyboardInterrupt:
            said, status = "interrupted", 130
        # Where nobody can be told, the exit status still tells.
        with contextlib.suppress(OSError):
            terminal.say(f"clr-sweep: {said}", err=True)
        sys.exit(status)


def _is_of_echo(trace: TracebackType | None) -> bool:
    """Whether what was raised is that a text could not be printed: the help of click, too."""
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and trace.tb_frame.f_code is click.echo.__code__


def _print_version(ctx: click.Context, _option: click.Parameter, is_asked: bool) -> None:
    # Not click's own option: it is given the version, whose look-up takes time, when it is made.
    if is_asked and not ctx.resilient_parsing:
        from clr_sweep import __version__

        click.echo(f"clr-sweep, version {__version__}")
        ctx.exit()


@click.group(
    cls=_Program,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Example: clr-sweep init --data mine.npz --model my_model:build",
)
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
    terminal.be_quiet(False)
    guard_process()
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    logging.getLogger("clr_sweep").setLevel(logging.INFO)
