"""The documentation is held against the code: commands, names and links that it shows exist."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from documentation import (
    BEST_CONFIGURATION,
    COMMANDS,
    COMPARISON,
    FIRST_SWEEP,
    GUIDE,
    MLFLOW,
    PAGES,
    SWEEP_FILE,
    blocks,
    links_of,
    text_of,
    within_project,
    without_blocks,
)
from real_runs import PROJECT

from clr_sweep.cli import main
from clr_sweep.tracking import tags

# ---- commands, options, names


def commands() -> dict[str, click.Command]:
    """The commands of the command line by name."""
    return dict(main.commands)


def options_of(command: click.Command) -> set[str]:
    """Every way to write an option of a command."""
    with click.Context(command) as context:
        return {
            word
            for param in command.get_params(context)
            if isinstance(param, click.Option)
            for word in (*param.opts, *param.secondary_opts)
        }


@pytest.mark.parametrize("name", sorted(commands()))
def test_every_command_is_documented(name: str) -> None:
    """Each command and each of its options stands on the page of commands, and has help text."""
    command = commands()[name]
    text = text_of(COMMANDS)
    assert f"clr-sweep {name}" in text
    row = re.search(rf"^\| `clr-sweep {name}[ `].*$", text, re.MULTILINE)
    assert row, f"no row for {name} in the table of commands"
    assert command.help
    # Of all commands at once, in a sentence of its own.
    for word in options_of(command) - {"-h", "--help", "-q", "--quiet"}:
        assert re.search(rf"{word}(?![\w-])", row[0]), f"{name} {word} is not on its page"
    for param in command.params:
        if isinstance(param, click.Option) and param.name not in ("host", "port"):
            assert param.help, f"{name} --{param.name} has no help"


def test_options_of_the_program_are_documented() -> None:
    """`--version`, `--help` and `-h` stand on the page of commands."""
    for word in options_of(main):
        text = text_of(COMMANDS)
        assert f"`{word}`" in text or f"clr-sweep {word}" in text, word


def test_every_parameter_of_mlflow_run_is_documented() -> None:
    """The parameters of the project's entry points stand where they are used."""
    project = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
    pages = {"main": FIRST_SWEEP, "compare": COMPARISON, "train": BEST_CONFIGURATION}
    assert set(pages) == set(project["entry_points"])
    for entry, page in pages.items():
        for name in project["entry_points"][entry]["parameters"]:
            text = text_of(page)
            assert re.search(rf"`{name}`|-P {name}=", text), name


def shown_commands() -> Iterator[Any]:
    """The lines of all pages' blocks that start clr-sweep or mlflow run."""
    line = re.compile(r"^(?:\$ )?((?:\w+=\S+ )*(?:clr-sweep|mlflow run) .*)$", re.MULTILINE)
    for page in PAGES:
        for start, block in [*blocks(page, "bash"), *blocks(page, "sh"), *blocks(page, "text")]:
            for match in line.finditer(block):
                at = start + block.count("\n", 0, match.start()) + 1
                yield pytest.param(match[1], id=f"{page.relative_to(PROJECT)}:{at}")


@pytest.mark.parametrize("line", shown_commands())
def test_commands_that_pages_show_exist(line: str) -> None:
    """A command in a block has a name, options and parameters that there are."""
    words = shlex.split(line, comments=True)
    while "=" in words[0]:
        words.pop(0)
    if words[0] == "mlflow":
        project = yaml.safe_load((PROJECT / "MLproject").read_text(encoding="utf-8"))
        entry = words[words.index("-e") + 1] if "-e" in words else "main"
        known = project["entry_points"][entry]["parameters"]
        given = [b.partition("=")[0] for a, b in pairwise(words) if a == "-P"]
        assert set(given) <= set(known), line
        return
    known = options_of(main) if words[1].startswith("-") else options_of(commands()[words[1]])
    given = [word.partition("=")[0] for word in words[1:] if re.match(r"--?[a-z]", word)]
    assert set(given) <= known, line


def test_every_environment_variable_is_documented() -> None:
    """Each variable of our own that the code reads stands in the table of variables."""
    source = "\n".join(text_of(file) for file in (PROJECT / "clr_sweep").rglob("*.py"))
    found = set(re.findall(r'"(CLR_SWEEP_[A-Z_]+)"', source))
    assert found
    for name in (*found, "MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"):
        assert f"| `{name}` |" in text_of(COMMANDS), name


def test_every_tag_and_state_is_documented() -> None:
    """Scripts search by the tags: each stands on MLflow's page, and so does each state."""
    constants = {name: value for name, value in vars(tags).items() if name.isupper()}
    ours = [value for value in constants.values() if str(value).startswith("clr_sweep.")]
    assert ours
    for value in (*ours, *tags.STATUS_OF_STATE):
        assert f"`{value}`" in text_of(MLFLOW), value
    for status in tags.STATUS_OF_STATE.values():
        assert status in text_of(MLFLOW)


# ---- links


def anchors(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    found: list[str] = []
    for heading in re.findall(r"^#{1,6} +(.+?) *#*$", without_blocks(page), re.MULTILINE):
        anchor = slug(heading)
        found.append(anchor if anchor not in found else f"{anchor}-{found.count(anchor)}")
    return set(found)


def slug(heading: str) -> str:
    """The anchor of a heading."""
    plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def links() -> Iterator[Any]:
    """The links of all pages to files of the project: relative, or by their public address."""
    for page in PAGES:
        for target in links_of(page):
            own = within_project(target)
            if own is not None or not re.match(r"[a-z]+:", target):
                yield pytest.param(page, target, id=f"{page.relative_to(PROJECT)}-{own or target}")


@pytest.mark.parametrize(("page", "target"), links())
def test_links_resolve(page: Path, target: str) -> None:
    """A link leads to a file of the repository, and its anchor to a heading there."""
    own = within_project(target)
    path, _, anchor = (target if own is None else own).partition("#")
    folder = page.parent if own is None else PROJECT
    file = (folder / path).resolve() if path else page
    assert file.exists(), f"{page.name} links to {path}, which is not there"
    assert file.is_relative_to(PROJECT.resolve())
    if anchor:
        assert anchor in anchors(file), f"{file.name} has no heading for #{anchor}"


def test_links_are_found() -> None:
    """The test above looks at something, and knows headings with code and punctuation."""
    assert any(links())
    assert "mlflow-run" in anchors(FIRST_SWEEP)
    assert "read-a-study-in-mlflow" in anchors(MLFLOW)
    assert "where-trials-end-objectiveat" in anchors(SWEEP_FILE)


# ---- the pages


def contents(page: Path) -> list[str]:
    """The anchors of the list that a page has above its first section, if it has one."""
    head = without_blocks(page).partition("\n## ")[0]
    items = re.findall(r"^- \[.*$", head, re.MULTILINE)
    return re.findall(r"\]\(#([\w-]+)\)", "\n".join(items))


@pytest.mark.parametrize("page", filter(contents, PAGES), ids=lambda page: page.name)
def test_a_list_of_contents_is_complete(page: Path) -> None:
    """Every section of the page is in it, in the page's order."""
    sections = [slug(text) for text in re.findall(r"^## (.+)$", without_blocks(page), re.MULTILINE)]
    assert [anchor for anchor in contents(page) if anchor in sections] == sections


def guided() -> list[Path]:
    """The pages that the guide leads to by what a reader wants to do."""
    rows = re.findall(r"^\|.*\]\(([\w-]+\.md)\) \|$", text_of(GUIDE), re.MULTILINE)
    return [GUIDE.parent / name for name in rows]


@pytest.mark.parametrize("page", guided(), ids=lambda page: page.name)
def test_a_page_of_the_guide_says_what_it_is_good_for(page: Path) -> None:
    """Its first sentence tells its readers what they will be able to do."""
    title, first = text_of(page).split("\n\n")[:2]
    assert title.startswith("# ")
    assert re.match(r"(After this page|Here) you (can|know)\b", first), first


def test_every_page_is_found_from_the_readme() -> None:
    """Each page can be reached by links from the README."""
    found, new = set[Path](), {PROJECT / "README.md"}
    while new:
        found |= new
        new = {target for page in new for target in pages_linked_from(page)} - found
    assert set((PROJECT / "docs").glob("*.md")) <= found


def pages_linked_from(page: Path) -> Iterator[Path]:
    """The pages of the project that a page links to."""
    for target in links_of(page):
        own = within_project(target)
        path = (target if own is None else own).partition("#")[0]
        file = ((page.parent if own is None else PROJECT) / path).resolve()
        if path.endswith(".md") and not re.match(r"[a-z]+:", path):
            yield file
