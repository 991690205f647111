"""The shipped sweeps, named from anywhere; a file of the user's comes before them."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from own_process import python
from real_runs import PROJECT
from written_sweeps import written

from clr_sweep.cli import main
from clr_sweep.definition.shipped_sweeps import find_sweep, shipped_sweeps

SWEEPS = PROJECT / "sweeps"
NAMES = sorted(
    file.relative_to(SWEEPS).with_suffix("").as_posix() for file in SWEEPS.rglob("*.yaml")
)
WAYS = ("{}", "{}.yaml", "sweeps/{}", "sweeps/{}.yaml")


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", *arguments])


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with nothing in it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_all_of_them_are_shipped() -> None:
    """What the package brings along is what the repository shows on top."""
    files = shipped_sweeps()
    assert sorted(files) == NAMES
    for name, file in files.items():
        assert file.samefile(PROJECT / "sweeps" / f"{name}.yaml")


@pytest.mark.parametrize("name", NAMES)
def test_from_another_folder(empty: Path, name: str) -> None:
    """A process of its own in an empty folder: the sweep is found, and it is said which."""
    command = ("-m", "clr_sweep", "check", f"sweeps/{name}.yaml")
    done = python(*command, folder=empty, PYTHONPATH=str(PROJECT))
    assert f"sweeps/{name}.yaml: valid\n" in done.stdout
    assert done.stderr.startswith(f"sweep sweeps/{name}.yaml: the one that clr-sweep ships, ")
    assert list(empty.iterdir()) == []


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_name_one(empty: Path, way: str) -> None:
    """With and without folder and ending; from inside the repository's parent or anywhere else."""
    given = Path(way.format("fashion_mnist"))
    assert find_sweep(given) == shipped_sweeps()["fashion_mnist"]
    assert check(str(given)).exit_code == 0
    of_gallery = Path(way.format("gallery/digits"))
    assert find_sweep(of_gallery) == shipped_sweeps()["gallery/digits"]
    assert list(empty.iterdir()) == []


def test_a_gallery_of_the_user_comes_first(empty: Path) -> None:
    """A folder of that name with such a file; without it the shipped one."""
    (empty / "gallery").mkdir()
    assert find_sweep(Path("gallery/digits")) == shipped_sweeps()["gallery/digits"]
    written(empty).rename(empty / "gallery" / "digits.yaml")
    assert find_sweep(Path("sweeps/gallery/digits")) == Path("gallery/digits.yaml")
    assert find_sweep(Path("gallery/wine")) == Path("gallery/wine")


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mine", ["fashion_mnist.yaml", "sweeps/fashion_mnist.yaml"])
def test_a_file_of_the_user_comes_first(
    empty: Path, way: str, mine: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The user's own sweep of that name is taken; where it was not the one given, it is said."""
    caplog.set_level("INFO", "clr_sweep")
    file = empty / mine
    file.parent.mkdir(exist_ok=True)
    written(empty).rename(file)
    given = way.format("fashion_mnist")
    found = find_sweep(Path(given))
    assert found == Path(mine)
    said = [] if given == mine else [f"sweep {given}: taken from {mine}, the file of this folder"]
    assert caplog.messages == said
    assert "study: example, 5 trials" in check(given).stdout


@pytest.mark.parametrize("what", ["folder", "broken link"])
def test_whatever_has_the_name_comes_first(empty: Path, what: str) -> None:
    """A folder, or a link that leads nowhere, of just that name is the user's: refused."""
    place = empty / "fashion_mnist"
    if what == "folder":
        place.mkdir()
    else:
        place.symlink_to("nowhere")
    assert find_sweep(Path("fashion_mnist")) == Path("fashion_mnist")
    result = check("fashion_mnist")
    assert result.exit_code == 2
    why = {"folder": "must be a YAML file, got a folder", "broken link": "cannot be read: "}[what]
    assert result.stderr.startswith(f"clr-sweep: fashion_mnist: {why}")


@pytest.mark.parametrize(
    "given", ["other/fashion_mnist.yaml", "/fashion_mnist.yaml", "../sweeps/fashion_mnist.yaml"]
)
def test_a_file_in_another_folder_is_that_file(empty: Path, given: str) -> None:
    """A path that leads elsewhere means what it says: nothing takes the place of its file."""
    assert empty.exists()
    result = check(given)
    assert result.exit_code == 2
    assert f"{given}: cannot be read: No such file or directory" in result.stderr


@pytest.mark.parametrize("command", ["run", "check", "range-test"])
def test_a_name_that_is_none(empty: Path, command: str) -> None:
    """The refusal names those that are shipped."""
    result = CliRunner().invoke(main, [command, "fashion"])
    assert result.exit_code == 2
    message = "clr-sweep: fashion: cannot be read: No such file or directory"
    assert result.stderr.startswith(message)
    assert all(name in result.stderr for name in NAMES)
    assert list(empty.iterdir()) == []
