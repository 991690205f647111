"""Photographs docs/images/mlflow-*.png: a study as the MLflow UI shows it, in headless Chromium.

python docs/images/photograph_mlflow.py FOLDER STUDY

FOLDER is where the study was run: `clr-sweep ui` is started there, and its links are followed. It
needs Chromium and chromedriver (Debian: chromium-driver) and the extra `test`. The toolbars that
Plotly lays over every chart are hidden; all else is as a person sees it.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent.parent / "tests" / "ui"))

from ui_pages import SETTINGS, Pages, browser, found_browser  # noqa: E402

PARENT, CHARTS = (1290, 640), (1290, 1180)
PATIENCE_SECONDS = 600.0
# The first draws over the charts; what is not Plotly's lies around the page's own content.
HIDDEN = ".modebar-container, .modebar { display: none !important; }"
LINES_DRAWN = """
const drawn = [...document.querySelectorAll(".js-plotly-plot")].filter(plot =>
    plot.querySelector("path.js-line"));
const canvas = document.querySelector(".parcoords canvas.foreground");
return drawn.length >= 3 && canvas !== null && canvas.width > 0;
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("study")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    chromium = found_browser()
    if chromium is None:
        parser.error("no Chromium is installed")
    with (
        tempfile.TemporaryDirectory() as profile,
        links(arguments.folder, arguments.study) as (parent, trials),
        browser(chromium, Path(profile)) as driver,
    ):
        url, _, route = parent.partition("/#")
        pages = Pages(driver, url)
        driver.get(url)
        for key, value in SETTINGS.items():
            driver.execute_script("localStorage.setItem(arguments[0], arguments[1])", key, value)
        pages.open(f"#{route}")
        pages.wait_for(
            lambda: pages.all("[data-testid='note-editor-preview-content'] a"), "the description"
        )
        photograph(pages, PARENT, arguments.out / "mlflow-parent.png")
        driver.set_window_size(CHARTS[0] + 220, CHARTS[1] + 400)
        pages.open(trials.partition(f"{url}/")[2])
        pages.wait_for(lambda: driver.execute_script(LINES_DRAWN), "the charts")
        photograph(pages, CHARTS, arguments.out / "mlflow-charts.png")


@contextmanager
def links(folder: Path, study: str) -> Iterator[tuple[str, str]]:
    """The addresses of the sweep's page and of all its trials, while `clr-sweep ui` runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "clr_sweep", "ui", "--port", str(port)]
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            text, deadline = "", time.monotonic() + PATIENCE_SECONDS
            while "Application startup complete" not in text:
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"clr-sweep ui does not start:\n{text}")
                time.sleep(0.2)
                output.seek(0)
                text = output.read().decode()
            found = re.search(
                rf"^{re.escape(study)}:\n +the sweep: +(\S+)\n +all trials: +(\S+)", text, re.M
            )
            if found is None:
                raise SystemExit(f"clr-sweep ui shows no study {study}:\n{text}")
            yield found[1], found[2]
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()


def photograph(pages: Pages, size: tuple[int, int], file: Path) -> None:
    """What the window shows of the page, without the frame of the application around it."""
    driver = pages.driver
    driver.execute_script(
        "const style = document.createElement('style');"
        "style.textContent = arguments[0]; document.head.append(style);",
        HIDDEN,
    )
    time.sleep(3)  # charts are drawn one after the other, and nothing says when the last one is
    main_part = driver.find_elements("css selector", "main")
    left, top = (0, 0)
    if main_part:
        left, top = (int(main_part[0].rect[key]) for key in ("x", "y"))
    with Image.open(io.BytesIO(driver.get_screenshot_as_png())) as image:
        image.crop((left, top, left + size[0], top + size[1])).save(file, optimize=True)


if __name__ == "__main__":
    main()
