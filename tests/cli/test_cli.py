"""The command line: what it imports, what it prints, and what it refuses, all at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result
from json_schemas import allows
from platforms import needs_posix
from written_sweeps import SHIPPED, content, written

from clr_sweep.cli import AS_IN_FILE, main
from clr_sweep.definition.loading import OPTIONS
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.yaml_file import read_mapping

HEAVY = ("keras", "mlflow", "optuna", "tensorflow")
# Each takes longer than all that `--help` needs.
NEEDLESS = (*HEAVY, "asyncio", "importlib.metadata", "numpy", "psutil", "pydantic", "yaml")
COMMANDS = sorted(main.commands)


def invoke(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: object) -> list[str]:
    """The lines of a refusal; nothing is printed as a result."""
    result = invoke(*arguments)
    assert result.exit_code == 2, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr.removeprefix("clr-sweep: ").splitlines()


def in_a_process(
    *arguments: object, looked_for: tuple[str, ...] = HEAVY, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run the command line and print which of the packages it has imported.

    An editable install may import some of them itself, before our first line: not counted.
    """
    code = (
        "import sys\n"
        "before = set(sys.modules)\n"
        "from clr_sweep.cli import main\n"
        "try:\n    main(prog_name='clr-sweep')\n"
        f"finally:\n    print('imported', sorted({set(looked_for)} & sys.modules.keys() - before))"
    )
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("arguments", [["--version"], ["schema"], ["check", SHIPPED]])
def test_what_trains_nothing_imports_nothing_heavy(arguments: list[str]) -> None:
    """These answer at once: neither Keras nor MLflow nor Optuna is imported for them."""
    done = in_a_process(*arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("imported []\n")


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"]])
def test_help_imports_next_to_nothing(arguments: list[str]) -> None:
    """Of what the package depends on, click alone."""
    done = in_a_process(*arguments, looked_for=NEEDLESS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("imported []\n")


def test_ctrl_c_while_the_program_is_imported() -> None:
    """It ends as later on, without Python's traceback."""
    code = (
        "import sys\n"
        "class Interrupted:\n"
        "    def find_spec(self, name, *_):\n"
        "        if name == 'click': raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupted())\n"
        "import clr_sweep.cli"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "clr-sweep: interrupted\n")


@pytest.mark.parametrize("command", ["run", "check"])
def test_a_refusal_imports_nothing_heavy(tmp_path: Path, command: str) -> None:
    """A wrong file is refused at once, before anything starts."""
    done = in_a_process(command, written(tmp_path, {"study.trials": 0}), cwd=tmp_path)
    assert done.returncode == 2
    assert done.stdout == "imported []\n"
    assert done.stderr.endswith("study.trials: must be at least 1, got 0\n")
    assert [path.name for path in tmp_path.iterdir()] == ["sweep.yaml"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_has_help(command: str) -> None:
    """`--help` says what a command does and what each of its options is for."""
    assert main.commands[command].help
    result = invoke(command, "--help")
    assert result.exit_code == 0
    for parameter in main.commands[command].params:
        if isinstance(parameter, click.Option):
            assert parameter.help or parameter.show_default, parameter.name
            assert parameter.opts[-1] in result.output


def test_the_options_of_run_are_those_that_override() -> None:
    """Every option of `run` stands in place of a value of the file, and every one is there."""
    options = [p for p in main.commands["run"].params if isinstance(p, click.Option)]
    assert {option.opts[0] for option in options} == set(OPTIONS)
    for key in OPTIONS.values():
        section, _, name = key.partition(".")
        assert name in Sweep.model_fields[section].annotation.model_fields  # type: ignore[union-attr]


@pytest.mark.parametrize(("command", "entry"), [("run", "main"), ("compare", "compare")])
def test_options_have_no_defaults_of_their_own(command: str, entry: str) -> None:
    """Defaults live in the sweep file: what is not given on the command line is not there.

    `mlflow run` has every option as a parameter, and hands it over by its name.
    """
    point = read_mapping(SHIPPED.parent.parent / "MLproject")["entry_points"][entry]
    for option in main.commands[command].params:
        if isinstance(option, click.Option):
            assert option.to_info_dict()["default"] is None
            assert option.name is not None
            assert point["parameters"][option.name]["default"] == AS_IN_FILE
            assert f"{option.opts[0]} {{{option.name}}}" in point["command"]
    assert f"clr_sweep {command} " in point["command"]


def test_check_prints_the_plan(tmp_path: Path) -> None:
    """`check` says that the file is valid and what would be run."""
    file = written(tmp_path)
    result = invoke("check", file)
    assert result.exit_code == 0
    assert result.stdout.startswith(f"{file}: valid\nstudy: example, 5 trials")
    assert result.stderr == ""


def test_the_schema_is_json_that_allows_the_shipped_sweep() -> None:
    """What `schema` prints can be given to an editor."""
    schema = json.loads(invoke("schema").stdout)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert allows(schema, read_mapping(SHIPPED))
    assert not allows(schema, content({"study.trials": 0}))


@pytest.mark.parametrize("command", ["run", "check"])
def test_every_problem_of_a_file_is_in_one_message(tmp_path: Path, command: str) -> None:
    """One start tells everything that is wrong, each with its place."""
    file = written(
        tmp_path,
        {
            "dataset.name": "fashion",
            "model.name": "resnet",
            "training.epochs": 0,
            "search_space.init_lr": {"low": 0, "high": 0.5, "log": True},
            "search_space.policy": "sine",
            "study.sampler": "grid",
            "stdy": {},
        },
    )
    lines = refused(command, file)
    assert all(line.startswith(f"{file}: ") for line in lines)
    assert [line.removeprefix(f"{file}: ").split(":")[0] for line in lines] == [
        "training.epochs",
        "search_space.init_lr.low",
        "search_space.policy",
        "study.sampler",
        "stdy",
        "dataset.name",
        "model.name",
    ]


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold a mapping of keys to values, got an empty file"),
        ("- a\n", "must hold a mapping of keys to values, got a list"),
        ("a: [\n", "is no valid YAML: line 2, column 1: "),
        (b"\xff", "must be UTF-8 text, got byte 0xff at position 0"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_files_that_are_no_definition(
    tmp_path: Path, command: str, text: str | bytes | None, message: str
) -> None:
    """A file that is not there, no YAML, empty or a list is refused with the reason."""
    file = tmp_path / "sweep.yaml"
    if text is not None:
        file.write_bytes(text if isinstance(text, bytes) else text.encode())
    (line,) = refused(command, file)
    assert line.startswith(f"{file}: {message}")


@pytest.mark.parametrize("command", ["run", "check", "train"])
def test_a_folder_is_no_file(tmp_path: Path, command: str) -> None:
    """A folder in place of a file is refused."""
    assert refused(command, tmp_path) == [f"{tmp_path}: must be a YAML file, got a folder"]


@needs_posix
def test_a_file_whose_name_is_no_text(tmp_path: Path) -> None:
    """Such a file is read and named, in whatever way a terminal can show."""
    file = os.fsencode(tmp_path) + b"/\xff.yaml"
    Path(os.fsdecode(file)).write_text("name: a\n")
    command: list[str | bytes] = [sys.executable, "-m", "clr_sweep", "check", file]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 2
    assert b"dataset: is required" in done.stderr
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "messages"),
    [
        (["--trials", "0"], ["--trials: must be at least 1, got 0"]),
        (["--trials", "-5"], ["--trials: must be at least 1, got -5"]),
        (["--trials=many"], ["--trials: must be a whole number, got 'many'"]),
        (["--epochs", "2.5"], ["--epochs: must be a whole number, got '2.5'"]),
        (["--trials", "--jobs"], ["--trials: must be a whole number, got '--jobs'"]),
        (
            ["--trials", "x", "--seed", "-1", "--jobs", "0", "--study", "a b"],
            [
                "--jobs: must be at least 1, got 0",
                "--seed: must be at least 0, got -1",
                "--study: must be letters, digits, '.', '_' and '-' (at most 100, the first a "
                "letter or digit), got 'a b'",
                "--trials: must be a whole number, got 'x'",
            ],
        ),
    ],
)
def test_wrong_options(tmp_path: Path, options: list[str], messages: list[str]) -> None:
    """Every wrong value of an option is named by its option."""
    assert sorted(refused("run", written(tmp_path), *options)) == messages


def test_options_and_file_are_refused_together(tmp_path: Path) -> None:
    """Unknown options, wrong options and the file's own problems are in one message."""
    file = written(tmp_path, {"training.epochs": 0})
    assert refused("run", file, "--trails", "5", "--trials", "0") == [
        "--trails: unknown option '--trails' - did you mean '--trials'? (known: --trials, "
        "--epochs, --jobs, --seed, --study, --storage, --engine, --tracking-uri)",
        "--trials: must be at least 1, got 0",
        f"{file}: training.epochs: must be at least 1, got 0",
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["FILE", "--trails", "5"],
        ["FILE", "--trails=5"],
        ["FILE", "--trails"],
        ["--trails", "5", "FILE"],
        ["--trails", "FILE"],
        ["--trails=5", "FILE"],
        ["FILE", "--trails", "-5"],
    ],
)
def test_an_unknown_option_wherever_it_stands(tmp_path: Path, arguments: list[str]) -> None:
    """`mlflow run -P trails=5` hands over `--trails 5`; people write it in other ways too."""
    file = str(written(tmp_path))
    (line,) = refused("run", *(file if word == "FILE" else word for word in arguments))
    assert line.startswith("--trails: unknown option '--trails' - did you mean '--trials'?")


@pytest.mark.parametrize("arguments", [["run"], ["run", "--trails", "5", "a", "b"], ["sweep"]])
def test_other_misuse_of_the_command_line(arguments: list[str]) -> None:
    """A missing file, one too many and an unknown command are refused with the usage."""
    lines = refused(*arguments)
    assert lines[0].startswith("Usage: ")


def test_a_password_is_not_repeated(tmp_path: Path) -> None:
    """What is refused is shown without the password in it."""
    url = f"postgresql://me:secret@host/{'x' * 500}"
    (line,) = refused("run", written(tmp_path), "--storage", url)
    assert line.startswith("--storage: must be a shorter text (at most 500 characters), got 'post")
    assert "secret" not in line
    (line,) = refused("check", written(tmp_path, {"study.storage": "mysql://me:secret@host/x"}))
    assert "secret" not in line


def test_export_of_what_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a storage there is nothing to export, and none is made."""
    monkeypatch.chdir(tmp_path)
    result = invoke("export", "example")
    assert result.exit_code == 1
    assert "there is no study storage" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_ui_where_nothing_was_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The UI is not opened on a store that is not there, and none is made."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    (line,) = refused("ui")
    assert line.startswith("there is no store sqlite:///")
    assert list(tmp_path.iterdir()) == []
