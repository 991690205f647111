"""Threads that import at the same time: whatever each does first, none fails."""

from __future__ import annotations

import pytest
from import_pieces import LOADED, REGISTERED, UNPICKLED, Run

THREADS = """
import threading, time
barrier = threading.Barrier({count})
failed = []

def thread(code):
    barrier.wait()
    try:
        exec(code, {{}})
    except BaseException:
        import traceback
        failed.append(traceback.format_exc())

threads = [threading.Thread(target=thread, args=(code,)) for code in {codes!r}]
for one in threads:
    one.start()
while threading.active_count() > 1:  # one may have left its work to another
    time.sleep(0.01)
assert not failed, chr(10).join(failed)
"""


def in_threads(*codes: str) -> str:
    return THREADS.format(count=len(codes), codes=codes) + REGISTERED


@pytest.mark.heavy
@pytest.mark.parametrize(
    "codes",
    [
        (f"import clr_sweep{LOADED}", UNPICKLED),
        (UNPICKLED, f"import clr_sweep{LOADED}", "from clr_sweep import LinearLearningRate"),
        ("from clr_sweep.schedules.keras import LinearLearningRate", "import keras", UNPICKLED),
        ("from clr_sweep import CyclicalLearningRate", f"import clr_sweep{LOADED}"),
    ],
    ids=lambda codes: f"{len(codes)} threads",
)
def test_threads_that_import_at_the_same_time(run: Run, codes: tuple[str, ...]) -> None:
    """One imports Keras, another what needs Keras: none fails, and each finds all when it is done.

    A pause in the middle of both imports lets each thread come as far as it can before the other
    goes on; without it the first would mostly be done before the second began.
    """
    run(in_threads(*codes))
    run(SLOW_IMPORTS + in_threads(*reversed(codes)))


SLOW_IMPORTS = """
import sys, time

class SlowImports:
    def find_spec(self, name, path, target=None):
        if name in ("keras", "clr_sweep") or name.startswith(("keras.src.opt", "clr_sweep.")):
            time.sleep(0.01)

sys.meta_path.insert(0, SlowImports())
"""


@pytest.mark.heavy
def test_a_thread_that_waits_for_the_package(run: Run) -> None:
    """It has begun to import a module within, which the package imports too, since Keras is there.

    Python sees that each waits for the other, and lets the package's import go on without.
    """
    code = """
import keras, sys, threading, time
begun = threading.Event()

class Slow:
    def find_spec(self, name, path, target=None):
        if name == "clr_sweep":
            begun.set()
            time.sleep(0.3)

sys.meta_path.insert(0, Slow())
failed = []

def thread(code):
    try:
        exec(code, {"begun": begun})
    except BaseException as error:
        failed.append(repr(error))

within = "begun.wait()\\nfrom clr_sweep.schedules.keras import LinearLearningRate"
for code in ("import clr_sweep", within):
    threading.Thread(target=thread, args=(code,)).start()
while threading.active_count() > 1:
    time.sleep(0.01)
assert not failed, failed
"""
    run(code + REGISTERED)
