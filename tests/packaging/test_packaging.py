"""What the package says of itself: what it needs, where it is found, a README that can be moved."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from typing import Any

import pytest
import yaml
from documentation import links_of, within_project
from real_runs import PROJECT

DECLARED = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
README = PROJECT / DECLARED["readme"]
# Imported only where it is there: the backend that the user gave Keras, the notebook we run in.
AROUND_US = {"jax", "torch", "IPython"}
# What an extra brings: its name, and where alone that is imported.
EXTRAS = {
    "ray": ("ray", "clr_sweep/engines/ray/"),
    "tensorflow_datasets": ("tfds", "clr_sweep/training/data/tfds_sets.py"),
}


def plain(name: str) -> str:
    """A distribution's name as package indexes compare them."""
    return re.sub(r"[-_.]+", "-", name).lower()


def imported() -> dict[str, str]:
    """The packages that a module of ours imports, anywhere in it, and one place of each."""
    found: dict[str, str] = {}
    for file in sorted((PROJECT / "clr_sweep").rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module or ""]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                names = [a.value for a in node.args if isinstance(a, ast.Constant)]
            for name in names:
                place = f"{file.relative_to(PROJECT)}:{node.lineno}"
                found.setdefault(name.partition(".")[0], place)
    return {
        name: place
        for name, place in found.items()
        if name not in sys.stdlib_module_names and name != "clr_sweep"
    }


def test_what_is_imported_is_declared() -> None:
    """Not what another package happens to bring: that may cease with its next release."""
    declared = {plain(re.split(r"[^\w.-]", line)[0]) for line in DECLARED["dependencies"]}
    distributions = metadata.packages_distributions()
    found = imported()
    assert {"keras", "mlflow", "optuna", "yaml", "requests"} <= found.keys()
    for package, place in found.items():
        if package in EXTRAS:
            extra, where = EXTRAS[package]
            assert extra in DECLARED["optional-dependencies"]
            assert place.startswith(where)
        elif package not in AROUND_US:
            owners = {plain(name) for name in distributions[package]}
            assert owners & declared, f"{place} imports {package}, which is not declared"


def test_it_says_where_it_is_found() -> None:
    """The repository, the issues and the documentation, each by an address of this project."""
    addresses = DECLARED["urls"]
    assert {"Repository", "Issues", "Documentation", "Changelog"} <= addresses.keys()
    for address in addresses.values():
        assert address.startswith(addresses["Repository"])


def test_its_classifiers_are_true() -> None:
    """The Python that is asked for is among them, and the licence is not: it has its own key."""
    classifiers = DECLARED["classifiers"]
    lowest = DECLARED["requires-python"].removeprefix(">=")
    assert f"Programming Language :: Python :: {lowest}" in classifiers
    assert "Typing :: Typed" in classifiers
    assert not [line for line in classifiers if line.startswith("License ::")]
    assert (PROJECT / "clr_sweep" / "py.typed").exists()


def readme_links() -> Iterator[str]:
    """What the README links to, but for places on its own page."""
    return (target for target in links_of(README) if not target.startswith("#"))


@pytest.mark.parametrize("target", readme_links())
def test_the_readme_can_be_read_elsewhere(target: str) -> None:
    """On a package index a relative link leads nowhere; an image has to be the file itself."""
    assert re.match(r"https://", target), f"{target} is relative"
    path = within_project(target)
    if path is not None:
        is_image = path.endswith((".png", ".svg"))
        assert is_image == ("raw.githubusercontent.com" in target), target


def test_the_conda_environment_is_enough() -> None:
    """conda.yaml names a Python that the package takes, and installs the package itself."""
    content: dict[str, Any] = yaml.safe_load((PROJECT / "conda.yaml").read_text())
    assert content["channels"] == ["conda-forge"]
    (pip,) = (item["pip"] for item in content["dependencies"] if isinstance(item, dict))
    assert pip == ["-e ."]
    assert "python=3.11" in content["dependencies"]
    assert "pip" in content["dependencies"]
    assert DECLARED["requires-python"] == ">=3.11"
