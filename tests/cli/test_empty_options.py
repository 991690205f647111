"""What is given empty: by `mlflow run` no option is, by a shell something is amiss."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from written_sweeps import written

from clr_sweep.cli import AS_IN_FILE, main
from clr_sweep.definition.loading import OPTIONS


def refused(*arguments: object) -> list[str]:
    """The lines of a refusal."""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    return result.stderr.removeprefix("clr-sweep: ").splitlines()


def texts(command: click.Command) -> list[click.Parameter]:
    """What takes any text or path: click itself refuses an empty number."""
    kinds = (click.types.StringParamType, click.Path)
    return [one for one in command.params if isinstance(one.type, kinds)]


@pytest.mark.parametrize("name", sorted(one for one in main.commands if texts(main.commands[one])))
def test_what_is_empty_is_not_taken_for_none(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a variable of the shell is not set, it would be another study, store or folder."""
    monkeypatch.delenv("MLFLOW_RUN_ID", raising=False)
    monkeypatch.chdir(tmp_path)
    given, told = [], []
    for one in texts(main.commands[name]):
        is_option = isinstance(one, click.Option)
        given += [one.opts[-1], ""] if is_option else [""]
        cure = "" if one.required else ": leave it out if it is not meant"
        shown = one.opts[-1] if is_option else one.human_readable_name
        told.append(f"{shown}: must be text that is not empty, got ''{cure}")
    assert refused(name, *given) == told
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("arguments", [["run", ""], ["train", ""], ["export", "x", "-o", ""]])
def test_a_path_is_not_left_empty_by_mlflow_either(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-P sweep=` names no sweep."""
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    (told,) = refused(*arguments)
    assert ": must be text that is not empty, got ''" in told


@pytest.mark.parametrize("value", ["", AS_IN_FILE])
def test_an_option_not_given_leaves_the_file_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """`mlflow run` hands over the default of MLproject, or '' where somebody wrote `-P trials=`."""
    monkeypatch.setenv("MLFLOW_RUN_ID", "0" * 32)
    monkeypatch.chdir(tmp_path)  # the repository is what `mlflow run` would leave
    file = written(tmp_path, {"study.trials": 0})
    empty = [word for option in OPTIONS for word in (option, value)]
    assert refused("run", file, *empty) == [f"{file}: study.trials: must be at least 1, got 0"]


def test_what_the_sweep_file_leaves_open_is_left_without_mlflow_too(tmp_path: Path) -> None:
    """`as-in-sweep-file` is that for whoever types it."""
    file = written(tmp_path, {"study.trials": 0})
    told = refused("run", file, "--storage", AS_IN_FILE, "--trials", AS_IN_FILE)
    assert told == [f"{file}: study.trials: must be at least 1, got 0"]
