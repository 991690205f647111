"""The page of the architecture names what there is, and follows a trial through a dozen modules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from documentation import ARCHITECTURE, PAGES, text_of
from real_runs import PROJECT

PACKAGE = PROJECT / "clr_sweep"
MODULE = re.compile(r"[\w/]+\.py\b")


def section(title: str) -> str:
    """The text below a heading of the page, up to the next one."""
    (found,) = re.findall(rf"^## {title}\n(.*?)(?=^## |\Z)", text_of(ARCHITECTURE), re.M | re.S)
    return found


def tree() -> Iterator[tuple[str, str]]:
    """The lines of the tree below the package: the folder that each stands in, and the line."""
    lines = section("The tree").split("    clr_sweep/\n")[1].splitlines()
    package = ""
    for line in lines:
        if start := re.match(r" {6}(\w+)/ ", line):
            package = start[1]
        if line:
            yield package, line


def test_every_module_that_the_page_names_exists() -> None:
    """By its path in the repository or in the package; in the tree, within the package above."""
    text = text_of(ARCHITECTURE).replace(section("The tree"), "")
    named = set(MODULE.findall(text))
    assert len(named) > 20
    assert {name for name in named if not is_file(name)} == set()


def is_file(name: str) -> bool:
    return (PROJECT / name).is_file() or (PACKAGE / name).is_file()


def test_every_path_on_a_page_exists() -> None:
    """Of the package, the tests and the benchmarks; the changelog tells of other times."""
    path = re.compile(r"(?<![\w/.-])(?:clr_sweep|tests|benchmarks)/[\w./-]*\w")
    named = {
        (page.name, name)
        for page in PAGES
        if page.name != "CHANGELOG.md"
        for name in path.findall(text_of(page))
    }
    assert len(named) > 20
    assert {(page, name) for page, name in named if not (PROJECT / name).exists()} == set()


def test_every_module_in_the_tree_exists() -> None:
    """In the package that it stands below, or in one of its folders."""
    found = [(package, name) for package, line in tree() for name in MODULE.findall(line)]
    assert len(found) > 50
    missing = [
        f"{package}/{name}"
        for package, name in found
        if not any((PACKAGE / package).glob(name if not package else f"**/{name}"))
    ]
    assert missing == []


def test_the_tree_has_every_package() -> None:
    """Each folder of the package once, and no other."""
    there = {file.parent.name for file in PACKAGE.glob("*/__init__.py")}
    shown = [line.split("/")[0].strip() for _, line in tree() if re.match(r" {6}\w+/ ", line)]
    assert sorted(shown) == sorted(there)


def test_the_layers_are_those_that_are_checked() -> None:
    """The order of imports on the page is that of the contract in pyproject.toml."""
    contracts = (PROJECT / "pyproject.toml").read_text(encoding="utf-8")
    (layers,) = re.findall(r"^layers = \[\n(.*?)^\]", contracts, re.M | re.S)
    checked = [re.findall(r"clr_sweep\.(\w+)", line) for line in layers.splitlines()]
    text = section("The order of imports")
    shown = [
        [name.removesuffix(".py") for name in re.split(r" {3,}", line.strip())[0].split(" | ")]
        for line in re.findall(r"^ {4}(\S.*)$", text, re.M)
    ]
    assert shown == checked
    assert contracts.count("[[tool.importlinter.contracts]]") == len(
        re.findall(r"^\d\. \*\*", text, re.M)
    )


def test_a_trials_way_is_short() -> None:
    """At most twelve modules, each numbered in its turn, and none of them entered twice."""
    rows = re.findall(r"^\| (\d+) \| `([\w/]+\.py)` \|", section("A trial's way"), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, len(rows) + 1))
    modules = [module for _, module in rows]
    assert modules[0] == "definition/loading.py"
    assert modules[-1].startswith("tracking/")
    assert len(set(modules)) == len(modules) <= 12
