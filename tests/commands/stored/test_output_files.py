"""The files of `clr-sweep export -o` and `report -o`: what lies there already is not lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from stored_commands import invoke

from clr_sweep import InputError, load_study
from clr_sweep.commands.output import Replaceable, write_output


@pytest.mark.parametrize("command", ["export", "report"])
@pytest.mark.parametrize(
    "content", [b"study: {name: mine}\n", b"def build(): ...\n", b"PK\x03\x04\xff\xfe\n" * 9]
)
def test_another_file_is_kept(place: Path, command: str, content: bytes) -> None:
    """A sweep file, a module, data: whatever the command has not written itself."""
    file = place / "mine"
    file.write_bytes(content)
    result = invoke(command, "example", "-o", file)
    assert result.exit_code == 2, result.output
    assert "mine: is there, and is not a" in result.stderr
    assert "name another file" in result.stderr
    assert file.read_bytes() == content


def test_an_export_is_replaced_by_one_of_its_study_alone(place: Path) -> None:
    """Another trial of the study takes its place; another study's export is kept."""
    for more in ((), ("--trial", "1"), ("--trial", "0")):
        assert invoke("export", "example", "-o", "best.yaml", *more).exit_code == 0
    text = (place / "best.yaml").read_text()
    assert "trial_number: 0\n" in text
    result = invoke("export", "other", "-o", "best.yaml")
    assert result.exit_code == 2
    assert "best.yaml: is there, and is not an export of study 'other'" in result.stderr
    assert (place / "best.yaml").read_text() == text
    result = invoke("report", "example", "-o", "best.yaml")
    assert "is not a report of clr-sweep's" in result.stderr
    with pytest.raises(InputError, match="is not an export of study 'other'"):
        load_study("other").export("best.yaml")


def test_nothing_is_registered_with_a_file_that_is_kept(place: Path) -> None:
    """It is refused before MLflow is asked for anything."""
    (place / "mine.py").write_text("x = 1\n")
    (place / "mlflow.db").unlink()
    result = invoke("export", "example", "-o", "mine.py", "--register", "digits")
    assert result.exit_code == 2
    assert "mine.py: is there" in result.stderr
    assert not (place / "mlflow.db").exists()


def test_a_report_is_replaced(place: Path) -> None:
    """It is made anew while the sweep runs; a page of somebody else's has no such title."""
    page = place / "page.html"
    page.write_text("<!DOCTYPE html><title>other: clr-sweep report</title>")
    assert invoke("report", "example", "-o", page).exit_code == 0
    assert "<title>example: clr-sweep report</title>" in page.read_text()
    (place / "example.html").write_text("<!DOCTYPE html><title>Mine: a report</title>")
    result = invoke("report", "example")
    assert result.exit_code == 2
    assert "example.html: is there, and is not a report" in result.stderr


@pytest.mark.parametrize("command", ["export", "report"])
def test_a_folder_that_is_not_there(place: Path, command: str) -> None:
    """Both say so in the same words."""
    result = invoke(command, "example", "-o", "no/x")
    assert result.exit_code == 2
    assert "no/x: cannot be written: there is no such folder" in result.stderr
    assert "Is a directory" in invoke(command, "example", "-o", place).stderr


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("command", ["export", "report"])
def test_a_full_disk_is_no_wrong_input(command: str) -> None:
    """It ends with 1, as what cannot be written does anywhere."""
    result = invoke(command, "example", "-o", "/dev/full")
    assert result.exit_code == 1
    assert result.stderr.endswith("/dev/full: cannot be written: No space left on device\n")


def test_where_nothing_is_lost(tmp_path: Path) -> None:
    """An empty file, as `mktemp` makes it, and what keeps nothing."""
    never = Replaceable("nothing", lambda _: False)
    (tmp_path / "empty").touch()
    for file in (tmp_path / "empty", tmp_path / "new", Path("/dev/null")):
        write_output(file, "text", never)
    assert (tmp_path / "empty").read_text() == (tmp_path / "new").read_text() == "text"
