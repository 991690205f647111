"""What a shell completes, asked as the shell asks."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from own_process import python

from clr_sweep.definition.shipped_sweeps import shipped_sweeps

CODE = (
    "import sys\n"
    "before = set(sys.modules)\n"
    "from clr_sweep.cli import main\n"
    "try:\n    main(prog_name='clr-sweep')\n"
    "finally:\n    print('heavy', sorted({'optuna', 'mlflow', 'keras', 'pydantic'} & "
    "sys.modules.keys() - before), file=sys.stderr)"
)


def completed(folder: Path, *words: str) -> set[str]:
    """What comes after `clr-sweep WORDS` at the last of them, with nothing heavy imported."""
    done = python(
        "-c", CODE, folder=folder, _CLR_SWEEP_COMPLETE="bash_complete",
        COMP_WORDS=" ".join(["clr-sweep", *words]), COMP_CWORD=str(len(words)),
    )  # fmt: skip
    assert done.stderr == "heavy []\n"
    return {line.partition(",")[2] for line in done.stdout.splitlines() if line}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two storages."""
    folder = tmp_path_factory.mktemp("completion")
    for database, names in (("optuna.db", ("one", "other")), ("else.db", ("third",))):
        for name in names:
            optuna.create_study(study_name=name, storage=f"sqlite:///{folder / database}")
    return folder


def test_commands_and_options(folder: Path) -> None:
    """All that begins so."""
    assert completed(folder, "de") == {"delete"}
    assert {"--quiet", "--trials", "--storage"} <= completed(folder, "run", "--")


@pytest.mark.parametrize("command", ["show", "delete", "export", "report", "compare", "doctor"])
def test_names_of_studies(folder: Path, command: str) -> None:
    """Those of the current folder's storage."""
    assert completed(folder, command, "o") == {"one", "other"}


def test_names_of_another_storage(folder: Path) -> None:
    """Where it is named before; of what is no SQLite file there is nothing to say."""
    assert completed(folder, "show", "--storage", "sqlite:///else.db", "") == {"third"}
    assert completed(folder, "show", "--storage", "sqlite:///none.db", "") == set()
    assert completed(folder, "show", "--storage", "postgresql://host/x", "") == set()
    (folder / "broken.db").write_text("no database")
    assert completed(folder, "show", "--storage", "sqlite:///broken.db", "") == set()


def test_shipped_sweeps(folder: Path) -> None:
    """By name, beside the shell's own files (click hands back what was begun)."""
    assert completed(folder, "run", "fashion") == {
        *(name for name in shipped_sweeps() if name.startswith("fashion")), "fashion",
    }  # fmt: skip
