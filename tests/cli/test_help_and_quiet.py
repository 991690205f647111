"""Help with examples that hold, and `--quiet`."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from json_schemas import allows
from own_process import modules, python
from rich.console import Console
from written_sweeps import SHIPPED, written

from clr_sweep.cli import main
from clr_sweep.commands.schema import SCHEMA_FILE, schema_text
from clr_sweep.common import terminal
from clr_sweep.definition.shipped_sweeps import shipped_sweeps
from clr_sweep.definition.yaml_file import read_mapping
from clr_sweep.study.progress import Display

COMMANDS = sorted(main.commands)


@pytest.fixture(autouse=True)
def _not_quiet_any_more() -> None:
    terminal.be_quiet(False)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_has_an_example_that_it_takes(name: str) -> None:
    """One line, with a command line that is parsed without an error."""
    shown = CliRunner().invoke(main, [name, "--help"]).output
    (example,) = (line.strip() for line in shown.splitlines() if "Example: " in line)
    program, command, *words = shlex.split(example.removeprefix("Example: ").partition(" >")[0])
    assert (program, command) == ("clr-sweep", name)
    with click.Context(main) as parent:
        main.commands[name].make_context(name, words, parent=parent)


@pytest.mark.parametrize("arguments", [["-q", "FILE"], ["FILE", "--quiet"]])
def test_a_refusal_is_shown_all_the_same(tmp_path: Path, arguments: list[str]) -> None:
    """`--quiet` may stand anywhere, and hides no error."""
    file = str(written(tmp_path, {"study.trials": 0}))
    words = [file if word == "FILE" else word for word in arguments]
    for command in ("run", "check"):
        result = CliRunner().invoke(main, [command, *words])
        assert result.exit_code == 2
        assert result.stderr.endswith("study.trials: must be at least 1, got 0\n")


@pytest.mark.parametrize("option", ["-q", "--quiet", "--trials"])
def test_an_option_before_its_command(option: str) -> None:
    """It is said where it stands; one that the command does not have is not there at all."""
    refused = CliRunner().invoke(main, [option, "run", "sweep.yaml"])
    assert refused.exit_code == 2
    told = (
        f"No such option '{option}' before the command: it follows it, clr-sweep run {option} ..."
    )
    assert told in refused.stderr
    assert f"No such option '{option}'." in CliRunner().invoke(main, [option, "never"]).stderr
    assert "No such option '--alias'." in CliRunner().invoke(main, ["--alias", "run"]).stderr


def test_quiet_leaves_results_and_no_more(tmp_path: Path) -> None:
    """That a shipped sweep was taken is what goes on; the plan is what was asked for."""
    check = ("-m", "clr_sweep", "check", SHIPPED.stem)
    loud = python(*check, folder=tmp_path, PYTHONPATH=modules())
    quiet = python(*check, "--quiet", folder=tmp_path, PYTHONPATH=modules())
    assert loud.stdout == quiet.stdout != ""
    assert "the one that clr-sweep ships" in loud.stderr
    assert quiet.stderr == ""


def test_a_quiet_sweep_warns_and_has_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    """What goes on is not said; what is wrong is."""
    terminal.be_quiet(True)
    with Display(3) as display:
        display.say("a trial has ended")
        display.warn("MLflow could not be told")
    assert capsys.readouterr().err.endswith(" MLflow could not be told\n")
    terminal.be_quiet(False)
    with Display(3) as display:
        display.say("a trial has ended")
    assert capsys.readouterr().err.endswith(" a trial has ended\n")


@pytest.mark.parametrize("no_color", [True, False])
def test_no_color(monkeypatch: pytest.MonkeyPatch, no_color: bool) -> None:
    """The bar alone has colours; with NO_COLOR it has none."""
    for name, value in (("TERM", "xterm-256color"), ("COLORTERM", "truecolor")):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_COLOR", "1" if no_color else "")
    shown = io.StringIO()
    real = Console

    def on_terminal(**options: object) -> Console:
        return real(file=shown, force_terminal=True, **options)  # type: ignore[arg-type]

    monkeypatch.setattr("clr_sweep.study.progress.Console", on_terminal)
    with Display(3):
        pass
    assert "trials" in shown.getvalue()
    assert ("[38;" in shown.getvalue() or "[3" in shown.getvalue()) is not no_color


def test_the_published_schema_is_the_one_of_today() -> None:
    """Of another day: `clr-sweep schema > sweeps/sweep.schema.json`."""
    assert SCHEMA_FILE.read_text(encoding="utf-8") == f"{schema_text()}\n"
    assert CliRunner().invoke(main, ["schema", "--path"]).stdout == f"{SCHEMA_FILE}\n"


@pytest.mark.parametrize("file", shipped_sweeps().values(), ids=lambda file: file.stem)
def test_a_shipped_sweep_names_a_schema_that_is_there(file: Path) -> None:
    """And that allows it, as an editor finds it: seen from the file."""
    mark = "# yaml-language-server: $schema="
    (line,) = (one for one in file.read_text("utf-8").splitlines() if one.startswith(mark))
    schema = json.loads((file.parent / line.removeprefix(mark)).read_text(encoding="utf-8"))
    assert allows(schema, read_mapping(file))
