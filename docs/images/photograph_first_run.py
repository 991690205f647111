"""Photographs what a first run shows: the terminal, the report and a cell of a notebook.

python docs/images/photograph_first_run.py [--out FOLDER]

`clr-sweep run sweeps/first_look.yaml` runs on a terminal of 80 columns (two CPU minutes), and a
notebook with a range test is executed. What they wrote is drawn by headless Chromium, and so is the
report of the kept run that lies in docs/. It needs Chromium and chromedriver (Debian:
chromium-driver) and the extra `test`.
"""

from __future__ import annotations

import argparse
import html
import io
import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer
from selenium.webdriver.remote.webdriver import WebDriver
from terminal_screen import as_html, screen, written

HERE = Path(__file__).parent
PROJECT = HERE.parent.parent
sys.path.insert(0, str(PROJECT / "tests" / "ui"))

from ui_pages import browser, found_browser  # noqa: E402

COMMAND = "clr-sweep run sweeps/first_look.yaml"
CELL = """import clr_sweep

sweep = clr_sweep.Sweep.from_file("gallery/digits")
clr_sweep.range_test(sweep)"""
REPORT_WIDTH, REPORT_HEIGHT = 1100, 1120
COLOURS = 128  # of a picture's palette: text and lines need no more


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=HERE)
    out = parser.parse_args().out
    chromium = found_browser()
    if chromium is None:
        parser.error("no Chromium is installed")
    running = first_look()
    cell = notebook_cell()
    with (
        tempfile.TemporaryDirectory() as profile,
        browser(chromium, Path(profile)) as driver,
    ):
        photograph(driver, as_html(running), out / "terminal.png")
        photograph(driver, cell, out / "notebook.png")
        report(driver, out / "report.png")


def first_look() -> list[str]:
    """What the terminal shows while the last of the four trials is trained."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    command = [sys.executable, "-m", "clr_sweep", *COMMAND.split()[1:]]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "sweeps").symlink_to(PROJECT / "sweeps")  # as in a clone
        pieces = written(command, folder, environment)
    return at_count("".join(pieces), "3/4")


def at_count(raw: str, count: str) -> list[str]:
    """The lines on the terminal when the bar, which is drawn again and again, last said this."""
    drawn = raw.rindex(count)
    end = raw.find("\r", drawn)
    return [f"\x1b[1;32m$\x1b[0m {COMMAND}", *screen(raw[: end if end > 0 else None])]


def notebook_cell() -> str:
    """The cell and what stands below it when it was executed, as Jupyter lays them out."""
    cell = nbformat.v4.new_code_cell(CELL)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["PYTHONPATH"] = str(PROJECT)
        NotebookClient(
            nbformat.v4.new_notebook(cells=[cell]), timeout=600, kernel_name="python3",
            resources={"metadata": {"path": folder}},
        ).execute()  # fmt: skip
    shown = []
    for output in cell.outputs:
        # What tqdm, which Optuna imports, says of missing widgets is on standard error.
        if output.output_type == "stream" and output.name == "stdout":
            shown.append(f"<pre>{html.escape(output.text)}</pre>")
        elif "image/png" in output.get("data", {}):
            shown.append(f"<img width=820 src='data:image/png;base64,{output.data['image/png']}'>")
    code = highlight(CELL, PythonLexer(), HtmlFormatter(noclasses=True, nobackground=True))
    return (
        "<style>pre{margin:0;font:14px/1.45 'DejaVu Sans Mono',monospace}"
        ".row{display:flex;margin-bottom:10px}.mark{width:70px;font:13px 'DejaVu Sans Mono';"
        "padding-top:9px}.code{background:#f7f7f7;border:1px solid #ddd;padding:8px 12px;"
        "width:840px}"
        ".below{padding:4px 12px}</style>"
        f"<div class=row><div class=mark style='color:#303f9f'>In [1]:</div><div class=code>{code}"
        "</div></div><div class=row><div class=mark style='color:#bf360c'>Out[1]:</div>"
        f"<div class=below>{''.join(shown)}</div></div>"
    )


def photograph(driver: WebDriver, content: str, file: Path) -> None:
    """A piece of HTML, as large as it is."""
    with tempfile.NamedTemporaryFile("w", suffix=".html", encoding="utf-8") as page:
        page.write(
            "<!doctype html><meta charset=utf-8><body style='margin:0'>"
            f"<div id=shot style='display:inline-block;padding:6px'>{content}</div>"
        )
        page.flush()
        driver.get(Path(page.name).as_uri())
        save(driver.find_element("id", "shot").screenshot_as_png, file)


def report(driver: WebDriver, file: Path) -> None:
    """The upper part of the report of the kept run."""
    size = {
        "width": REPORT_WIDTH, "height": REPORT_HEIGHT, "deviceScaleFactor": 1, "mobile": False,
    }  # fmt: skip
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.get((PROJECT / "docs" / "report-fashion-mnist.html").as_uri())
    save(driver.get_screenshot_as_png(), file)


def save(png: bytes, file: Path) -> None:
    """With few colours, which makes it small."""
    with Image.open(io.BytesIO(png)) as image:
        image.convert("RGB").quantize(COLOURS).save(file, optimize=True)
    print(file, f"{file.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
