"""A finished sweep, the MLflow UI that `clr-sweep ui` opens on it, and a browser that looks."""

from __future__ import annotations

import re
import signal
import socket
from collections.abc import Iterator

import pytest
from real_runs import CLR_SWEEP, Place, Running
from ui_pages import BROWSERS, SETTINGS, Pages, Shown, browser, found_browser


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser, which tests/run installs."""
    found = found_browser()
    assert found is not None, f"none of {', '.join(BROWSERS)} is on the PATH; tests/run installs it"
    return found


@pytest.fixture(scope="module")
def server(finished: Place) -> Iterator[tuple[str, Running]]:
    """`clr-sweep ui` on the store of the finished sweep: its address and the process."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = finished.start(*CLR_SWEEP, "ui", "--port", str(port))
    try:
        running.wait_for("Application startup complete")
        yield f"http://127.0.0.1:{port}", running
    finally:
        if running.process.poll() is None:
            running.signal_group(signal.SIGKILL)
            running.process.wait()


@pytest.fixture(scope="module")
def shown(server: tuple[str, Running], finished: Place) -> Shown:
    """The runs that the UI is to show."""
    runs = [run for run in finished.runs() if run.data.tags.get("clr_sweep.study") == "tiny"]
    (parent,) = (run for run in runs if run.data.tags["clr_sweep.kind"] == "sweep")
    children = tuple(
        run for run in runs if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id
    )
    assert len(children) == 3
    return Shown(parent.info.experiment_id, parent, children, server[1].output)


@pytest.fixture(scope="module")
def pages(
    chromium: str, server: tuple[str, Running], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pages]:
    """The UI in the browser."""
    url = server[0]
    with browser(chromium, tmp_path_factory.mktemp("profile")) as driver:
        driver.get(url)
        for key, value in SETTINGS.items():
            driver.execute_script("localStorage.setItem(arguments[0], arguments[1])", key, value)
        yield Pages(driver, url)


@pytest.fixture(scope="module")
def view(shown: Shown) -> str:
    """The route of the saved view, as `clr-sweep ui` prints it."""
    match = re.search(r"^ +all trials: +http://127\.0\.0\.1:\d+/(#\S+)", shown.output, re.M)
    assert match, shown.output
    return match[1]
