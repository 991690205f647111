"""The command line: thin, and importing only what a command needs when it runs."""

import sys

try:
    from clr_sweep.cli import searching, stored, using
    from clr_sweep.cli.group import main
    from clr_sweep.cli.options import AS_IN_FILE
except KeyboardInterrupt:  # before there is a program that says it
    sys.stderr.write("clr-sweep: interrupted\n")
    sys.exit(130)

__all__ = ["AS_IN_FILE", "main", "searching", "stored", "using"]
