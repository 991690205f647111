"""The command line: thin, and importing only what a command needs when it runs."""

from clr_sweep.cli import searching, stored, using
from clr_sweep.cli.group import main
from clr_sweep.cli.options import AS_IN_FILE

__all__ = ["AS_IN_FILE", "main", "searching", "stored", "using"]
