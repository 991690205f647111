"""Headless Chromium, and what the tests of the MLflow UI look for in its pages."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from selenium import webdriver
from selenium.common.exceptions import (
    NoSuchElementException,
    StaleElementReferenceException,
    TimeoutException,
)
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
# Never a verdict: only the end of a test that would hang.
PATIENCE_SECONDS = 90.0
# It opens on its pages for language models, with an assistant beside them, until it is told.
SETTINGS = {
    "mlflow.assistant.panelOpen_v1": "false",
    "mlflow.assistant.fab.autoOpenedOnFirstLoad_v1": "true",
}
WORKFLOW = "workflowType=machine_learning"
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Tall: the UI draws a chart when it comes into view.
    "--window-size=1600,2400",
)

T = TypeVar("T")


def found_browser() -> str | None:
    """The path of an installed browser."""
    return next(filter(None, map(shutil.which, BROWSERS)), None)


@dataclass(frozen=True)
class Shown:
    """The sweep whose pages are looked at."""

    experiment: str
    parent: Any
    children: tuple[Any, ...]
    output: str  # of `clr-sweep ui`

    def page(self, run: Any, rest: str = "") -> str:
        """The route of a run's page."""
        return f"#/experiments/{self.experiment}/runs/{run.info.run_id}{rest}?{WORKFLOW}"

    @property
    def best(self) -> Any:
        """The run of the best trial."""
        number = self.parent.data.params["best.trial_number"]
        tag = "clr_sweep.trial_number"
        return next(run for run in self.children if run.data.tags.get(tag) == number)


class Pages:
    """The pages of one UI in a browser.

    Args:
        driver: the browser.
        url: of the UI, without a slash at its end.
    """

    def __init__(self, driver: WebDriver, url: str) -> None:
        self.driver = driver
        self.url = url

    def open(self, route: str) -> None:
        """Load a page anew; `route` is what follows the address, from its `#` on."""
        # A route that differs in its fragment alone would not be loaded.
        self.driver.get("about:blank")
        self.driver.get(f"{self.url}/{route}")

    def wait_for(self, look: Callable[[], T], what: str) -> T:
        """Look until something is there; fail with what the page shows instead."""
        lost = (StaleElementReferenceException, NoSuchElementException)
        waiting = WebDriverWait(self.driver, PATIENCE_SECONDS, 0.2, ignored_exceptions=lost)
        try:
            return waiting.until(lambda _: look())
        except TimeoutException:
            text = self.driver.find_element(By.TAG_NAME, "body").text
            raise AssertionError(
                f"{what}: not on the page {self.driver.current_url}, which shows\n{text}"
            ) from None

    def all(self, selector: str) -> list[Any]:
        """The elements of a CSS selector."""
        return list(self.driver.find_elements(By.CSS_SELECTOR, selector))

    def texts(self, selector: str) -> list[str]:
        """Their texts."""
        return [element.text for element in self.all(selector)]

    def click(self, selector: str, text: str = "") -> None:
        """Click the first element of a CSS selector that shows this text."""

        def clickable() -> Any:
            shown = (e for e in self.all(selector) if e.is_displayed() and text in e.text)
            return next(shown, None)

        self.wait_for(clickable, f"{selector} with {text!r}").click()


@contextmanager
def browser(binary: str, profile: Path) -> Iterator[WebDriver]:
    """Chromium with a profile of its own."""
    driver_file = shutil.which("chromedriver")
    if driver_file is None:
        raise AssertionError(
            f"the browser {binary} is here, but not chromedriver, which drives it: "
            "install Debian's package chromium-driver"
        )
    options = Options()
    options.binary_location = binary
    for flag in (*_FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=Service(driver_file))
    try:
        yield driver
    finally:
        driver.quit()
