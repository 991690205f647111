"""Which files of the user's a sweep needs where it runs on other machines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from real_runs import definition

from clr_sweep.definition.own_modules import own_modules
from clr_sweep.definition.sweep import Sweep


def sweep(**names: Any) -> Sweep:
    content = definition()
    for key, value in names.items():
        section, _, name = key.partition("_")
        content[section][name] = value
    return Sweep.model_validate(content)


def laid(folder: Path, *files: str) -> Path:
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_a_sweep_without_code_of_its_own_needs_none(tmp_path: Path) -> None:
    assert own_modules(sweep(), (laid(tmp_path, "other.py"),)) == ()


def test_what_lies_beside_a_module_goes_with_it(tmp_path: Path) -> None:
    """It may be imported by it: modules and packages, neither data nor studies."""
    folder = laid(
        tmp_path, "mine.py", "helpers.py", "parts/__init__.py", "parts/layers.py",
        "trials/tiny/0000/log.txt", "optuna.db", "data.npz", "notes/text.md",
    )  # fmt: skip
    found = own_modules(sweep(model_name="mine:build"), (folder,))
    assert found == (folder / "helpers.py", folder / "mine.py", folder / "parts")


def test_modules_of_two_folders(tmp_path: Path) -> None:
    """Each is taken from the first folder that has it, and so is what both hold."""
    first = laid(tmp_path / "first", "mine.py", "common.py")
    second = laid(tmp_path / "second", "mine.py", "common.py", "data_of_mine/__init__.py")
    found = own_modules(
        sweep(model_name="mine:build", dataset_name="data_of_mine.few:load"), (first, second)
    )
    assert found == (first / "common.py", first / "mine.py", second / "data_of_mine")


def test_what_is_installed_is_on_every_node(tmp_path: Path) -> None:
    assert own_modules(sweep(model_name="keras.applications:VGG16"), (tmp_path,)) == ()
