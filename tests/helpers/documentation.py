"""The documentation's pages and what stands in them."""

from __future__ import annotations

import re
from pathlib import Path

from real_runs import PROJECT

PAGES = sorted(
    [*PROJECT.glob("*.md"), *(PROJECT / "docs").glob("**/*.md"), PROJECT / "deploy" / "README.md"]
)
GUIDE = PROJECT / "docs" / "guide.md"
FIRST_SWEEP = PROJECT / "docs" / "first-sweep.md"
OWN_MODEL = PROJECT / "docs" / "own-model.md"
EXISTING_SCRIPT = PROJECT / "docs" / "existing-script.md"
MIGRATION = PROJECT / "docs" / "migration.md"
MLFLOW = PROJECT / "docs" / "mlflow.md"
BEST_CONFIGURATION = PROJECT / "docs" / "best-configuration.md"
COMPARISON = PROJECT / "docs" / "comparison.md"
COMMANDS = PROJECT / "docs" / "commands.md"
ARCHITECTURE = PROJECT / "docs" / "architecture.md"
LIBRARY = PROJECT / "docs" / "library.md"
SWEEP_FILE = PROJECT / "docs" / "sweep-file.md"


def text_of(page: Path) -> str:
    """A page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """The fenced blocks of a language: the line each starts at, and its text."""
    text = text_of(page)
    fence = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start(1)), m.group(1)) for m in fence.finditer(text)]


def without_blocks(page: Path) -> str:
    """A page's text without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", text_of(page), flags=re.MULTILINE | re.DOTALL)


# Where the project's files are seen from: pages that leave the project link to them there.
ADDRESSES = (
    "https://github.com/clr-sweep/clr-sweep/blob/main/",
    "https://github.com/clr-sweep/clr-sweep/tree/main/",
    "https://raw.githubusercontent.com/clr-sweep/clr-sweep/main/",
)


def links_of(page: Path) -> list[str]:
    """The targets of a page's links and images, each once."""
    text = without_blocks(page)
    found = re.findall(r"\]\(\s*<?([^)>\s]+)>?[^)]*\)", text)
    found += re.findall(r'<img [^>]*src="([^"]+)"', text)
    return list(dict.fromkeys(found))


def within_project(target: str) -> str | None:
    """The path that an address of the project's own files stands for; None of another's."""
    for address in ADDRESSES:
        if target.startswith(address):
            return target.removeprefix(address)
    return None
