"""What makes a driver stop: signals, and the end of the `mlflow run` above it."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from own_process import python
from platforms import needs_posix

from clr_sweep.common.stopping import InterruptedSweepError, stop_request

pytestmark = needs_posix

NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

DRIVER = """
import os, sys, time
from clr_sweep.common.stopping import stop_request

with stop_request() as stop:
    parent = os.getppid()
    print("started", bool(stop), flush=True)
    if sys.argv[1] == "by itself":
        while not stop:
            time.sleep(0.02)
    else:
        while os.getppid() == parent:
            time.sleep(0.02)
    print(bool(stop), stop.signal_number, stop.reason, flush=True)
"""

# Raises these signals, and says after each what is asked for.
SIGNALS = """
import signal, sys
from clr_sweep.common.stopping import stop_request

try:
    with stop_request() as stop:
        for name in sys.argv[1:]:
            signal.raise_signal(signal.Signals[name])
            print(bool(stop), stop.reason, flush=True)
finally:
    print("tidied up", flush=True)
"""


@pytest.fixture
def _own_handlers() -> object:
    """Handlers that stand before, and are put back after the test."""
    before = {number: signal.getsignal(number) for number in NUMBERS}
    # The tests may run under `nohup`, where it is ignored.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("_own_handlers")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_a_signal_is_a_request(name: str) -> None:
    """It interrupts nothing; the request is set, and its error has the shell's exit status."""
    number = signal.Signals[name]
    with stop_request() as stop:
        assert not stop
        signal.raise_signal(number)
        assert stop
        error = stop.error()
    assert isinstance(error, InterruptedSweepError)
    assert str(error) == f"stopped by {name}"
    assert error.exit_status == 128 + number


@pytest.mark.usefixtures("_own_handlers")
def test_handlers_are_put_back() -> None:
    """After the block, also after an exception, signals do what they did before."""

    def own(_number: int, _frame: object) -> None:
        pass

    signal.signal(signal.SIGTERM, own)
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(RuntimeError), stop_request():  # noqa: PT012
        assert signal.getsignal(signal.SIGTERM) is not own
        raise RuntimeError
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.usefixtures("_own_handlers")
def test_nohup_is_respected() -> None:
    """A SIGHUP that is ignored stays ignored."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with stop_request() as stop:
        signal.raise_signal(signal.SIGHUP)
        assert not stop
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


@pytest.mark.parametrize(
    ("first", "second"), [("SIGINT", "SIGINT"), ("SIGTERM", "SIGINT"), ("SIGINT", "SIGTERM")]
)
def test_the_second_signal_ends_at_once(first: str, second: str) -> None:
    """Whoever asks twice waits for nothing, and gets the second signal's exit status."""
    done = python("-c", SIGNALS, first, second, status=128 + signal.Signals[second])
    assert done.stdout == f"True stopped by {first}\n"


def test_the_signal_that_mlflow_adds_to_ctrl_c() -> None:
    """`mlflow run` follows a Ctrl-C with a SIGTERM: that is no second wish; a third signal is."""
    names, status = ("SIGINT", "SIGTERM", "SIGTERM"), 128 + signal.SIGTERM
    done = python("-c", SIGNALS, *names, status=status, MLFLOW_RUN_ID="abc")
    assert done.stdout == "True stopped by SIGINT\n" * 2


def start_under(folder: Path, what: str, **environment: str) -> subprocess.Popen[str]:
    """`mlflow run`, or something like it, that starts a driver in a shell and waits for it."""
    (folder / "driver.py").write_text(DRIVER)
    (folder / "mlflow").write_text(
        "import subprocess, sys\n"
        "script = f'{sys.executable} driver.py \"{sys.argv[2]}\"; true'\n"
        "command = ['bash', '-c', script] if sys.argv[2] == 'by itself' else "
        "[sys.executable, 'driver.py', sys.argv[2]]\n"
        "subprocess.run(command)\n"
    )
    kept = {key: value for key, value in os.environ.items() if key != "MLFLOW_RUN_ID"}
    return subprocess.Popen(
        [sys.executable, str(folder / "mlflow"), "run", what],
        cwd=folder,
        env=kept | environment,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_the_end_of_mlflow_run_is_noticed(tmp_path: Path) -> None:
    """It is killed and nobody has waited for it; the shell between it and the driver lives on."""
    with start_under(tmp_path, "by itself", MLFLOW_RUN_ID="abc") as above:
        assert above.stdout is not None
        assert above.stdout.readline() == "started False\n"
        above.kill()
        expected = f"True {signal.SIGTERM:d} the `mlflow run` that started it is gone\n"
        assert above.stdout.readline() == expected


def test_without_mlflow_nobodys_end_matters(tmp_path: Path) -> None:
    """A driver whose terminal's shell is gone (`nohup clr-sweep run &`) goes on."""
    with start_under(tmp_path, "when orphaned") as above:
        assert above.stdout is not None
        assert above.stdout.readline() == "started False\n"
        above.kill()
        above.wait()
        assert above.stdout.readline() == "False None \n"


def test_the_error_is_no_trialss() -> None:
    """It stays in the driver: by pickle, it would need its second argument."""
    error = InterruptedSweepError("stopped by SIGTERM", signal.SIGTERM)
    with pytest.raises(TypeError):
        pickle.loads(pickle.dumps(error))
