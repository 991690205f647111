"""The report in a browser without a network: whole, readable at every width, in light and dark."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from real_runs import CLR_SWEEP, Place
from selenium.webdriver.remote.webdriver import WebDriver
from ui_pages import browser

from clr_sweep.results.comparison import compare
from clr_sweep.search.reading import read_study

pytestmark = pytest.mark.heavy  # a whole sweep, and a browser


@pytest.fixture(scope="module")
def file(finished: Place) -> Path:
    """The report of a finished sweep."""
    made = finished.start(*CLR_SWEEP, "report", "tiny", "-o", "seen.html")
    made.wait()
    assert made.process.returncode == 0, made.output
    return finished.folder / "seen.html"


@pytest.fixture(scope="module")
def driver(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WebDriver]:
    """A browser that reaches nothing."""
    with browser(chromium, tmp_path_factory.mktemp("profile")) as made:
        made.execute_cdp_cmd("Network.enable", {})
        made.execute_cdp_cmd(
            "Network.emulateNetworkConditions",
            {"offline": True, "latency": 0, "downloadThroughput": 0, "uploadThroughput": 0},
        )
        yield made


def test_the_report_is_whole_without_a_network(
    driver: WebDriver, file: Path, finished: Place
) -> None:
    """No message in the console, no image missing, nothing asked for, and the verdict's text."""
    driver.get(file.as_uri())
    assert driver.get_log("browser") == []  # type: ignore[no-untyped-call]
    widths = driver.execute_script("return [...document.images].map(i => i.naturalWidth)")
    assert len(widths) > 5
    assert all(width > 100 for width in widths)
    asked = driver.execute_script(
        "return performance.getEntriesByType('resource').map(e => e.name)"
        ".filter(name => !name.startsWith('data:'))"
    )
    assert asked == []
    shown = driver.find_element("css selector", "#verdict").text
    verdict = compare(read_study(finished.study())).verdict
    assert verdict.partition(". ")[0] in shown
    for image in driver.find_elements("css selector", "img"):
        assert image.get_attribute("alt")


@pytest.mark.parametrize("width", [390, 820, 1400])
def test_the_page_is_as_wide_as_its_window(driver: WebDriver, file: Path, width: int) -> None:
    """What is wider scrolls in its own box."""
    size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.get(file.as_uri())
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_texts_stand_out_in_light_and_dark(driver: WebDriver, file: Path, scheme: str) -> None:
    """By a contrast of 4.5 at least (WCAG 2.2, 1.4.3), every text against what lies below it."""
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    driver.get(file.as_uri())
    pairs = driver.execute_script("""
        return [...document.querySelectorAll("h1,h2,p,li,a,dt,dd,th,td,caption,figcaption,pre")]
            .map(element => {
                let below = element;
                const ground = () => getComputedStyle(below).backgroundColor;
                while (below.parentElement && ground() === "rgba(0, 0, 0, 0)")
                    below = below.parentElement;
                return [getComputedStyle(element).color, ground(), element.tagName];
            });
    """)
    assert len(pairs) > 50
    grounds = {ground for _, ground, _ in pairs}
    assert ("rgb(255, 255, 255)" in grounds) is (scheme == "light")
    for color, ground, tag in {tuple(pair) for pair in pairs}:
        assert contrast(color, ground) >= 4.5, f"{tag}: {color} on {ground}"


def contrast(one: str, other: str) -> float:
    """The ratio of two colours' luminances, the lighter one's first."""
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def luminance(color: str) -> float:
    """Of a colour as `rgb(r, g, b)`: WCAG's relative luminance."""
    parts = [int(part) / 255 for part in color.strip("rgba()").split(",")[:3]]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
