"""Runs pieces of code, each in a process of its own that has imported neither Keras nor clr_sweep.

A process that starts from nothing takes seconds to import what Keras imports. Here that is imported
once, and each piece runs in a fork. What a piece sees is a first import all the same: of Keras, of
clr_sweep, and of the two of them in whatever order it takes.

A module that is named with a + is imported outright, where what it is to a piece is not looked at.

Run as a script it answers each line of its input, a JSON string of Python, with a line of JSON:
the exit status and what was printed. It takes Keras' backend from the environment.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from tempfile import TemporaryFile

OURS = ("keras", "clr_sweep")


def fork(code: str) -> tuple[int, str]:
    """Runs the code as the main module of a fork; returns its exit status and its output."""
    with TemporaryFile("w+", encoding="utf-8") as output:
        sys.stdout.flush()
        child = os.fork()
        if child == 0:
            os.dup2(output.fileno(), 1)
            os.dup2(output.fileno(), 2)
            status = 1
            try:
                exec(compile(code, "<piece>", "exec"), vars(sys.modules["__main__"]))
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(status)
        _, status = os.waitpid(child, 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read()


def import_what_it_imports(module: str) -> None:
    """Imports what the import of a module brings along, but neither it nor Keras nor clr_sweep."""
    status, output = fork(
        f"import json, sys\nimport {module}\nprint(json.dumps(list(sys.modules)), flush=True)"
    )
    if status:
        raise RuntimeError(output)
    for name in json.loads(output.splitlines()[-1]):
        if name.partition(".")[0] not in (*OURS, "__main__", "__mp_main__"):
            # Some are no modules of their own, or come only with the one they belong to.
            with contextlib.suppress(Exception):
                importlib.import_module(name)


def main(modules: list[str]) -> None:
    """Gets ready, then answers until its input ends."""
    # JAX warns of forks: its threads, none of which has been started by an import.
    warnings.filterwarnings("ignore", "os.fork")
    outright = {module[1:] for module in modules if module.startswith("+")}
    for module in modules:
        if module[1:] in outright:
            importlib.import_module(module[1:])
        else:
            import_what_it_imports(module)
    too_early = {name.partition(".")[0] for name in sys.modules} & {*OURS} - outright
    if too_early:
        raise RuntimeError(f"imported already: {too_early}")
    # It stays, and is not looked at for garbage in each fork.
    gc.freeze()
    for line in sys.stdin:
        print(json.dumps(fork(json.loads(line))), flush=True)


if __name__ == "__main__":
    # Nothing of this folder is to be found by a piece that would not be without it.
    sys.path.remove(str(Path(__file__).parent))
    main(sys.argv[1:])
