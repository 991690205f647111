"""URLs of study storages: which of them a sweep, and a command, may name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st

from clr_sweep.cli import main
from clr_sweep.definition.storage_urls import (
    absolute,
    sqlite_file,
    storage_problem,
    url_problem,
)
from clr_sweep.definition.study_config import StudyConfig, WarmStart
from clr_sweep.definition.validation import validation

IN_MEMORY = [
    "sqlite://",
    "sqlite:///",
    "sqlite:///:memory:",
    "sqlite+pysqlite://",
    "sqlite:///file::memory:?uri=true",
    "sqlite:///file:a?mode=memory&cache=shared&uri=true",
]
# Each with what is said of it.
NO_DATABASE = {
    "optuna.db": "must be a database URL such as sqlite:///optuna.db or postgresql://host/name",
    "postgresql://host:port/name": "must be a database URL",
    "foo://me:secret@host/x": "got 'foo://me:***@host/x': SQLAlchemy knows no database 'foo'",
    "postgres://host/x": "no database 'postgres' - did you mean 'postgresql'?",
    "postgresql+nosuch://host/x": "SQLAlchemy knows no database 'postgresql+nosuch'",
    "sqlite://optuna.db": "did you mean 'sqlite:///optuna.db'? A file has no host",
    "sqlite://data/optuna.db": "did you mean 'sqlite:///data/optuna.db'?",
}


@pytest.mark.parametrize("url", IN_MEMORY)
def test_a_database_in_memory_is_refused(url: str) -> None:
    """In a sweep file, of a warm start too, and on the line of a command that reads studies."""
    wanted = r"must name a file, such as sqlite:///optuna\.db, got .* in memory is gone"
    for kind, content in ((StudyConfig, {}), (WarmStart, {"study": "a"})):
        ((keys, text),) = validation(kind, {**content, "storage": url})[1]
        assert keys == ("storage",)
        assert re.match(wanted, text)
    result = CliRunner().invoke(main, ["list", "--storage", url])
    assert result.exit_code == 2
    assert re.search(f"--storage: {wanted}", result.stderr)


@pytest.mark.parametrize(("url", "said"), NO_DATABASE.items())
def test_what_names_no_database(url: str, said: str) -> None:
    """It is said before anything is opened, and without a password."""
    for kind, content in ((StudyConfig, {}), (WarmStart, {"study": "a"})):
        ((_, text),) = validation(kind, {**content, "storage": url})[1]
        assert said in text
        assert "secret" not in text


@pytest.mark.parametrize(
    ("url", "file"),
    [
        ("sqlite:///optuna.db", "optuna.db"),
        ("sqlite:////data/optuna.db", "/data/optuna.db"),
        ("sqlite:////data/%C3%A4.db", "/data/ä.db"),
        ("sqlite:///file:data/a%20b.db?uri=true", "data/a b.db"),
        ("postgresql://host/name", None),
        ("mysql+pymysql://host:3306/name", None),
        ("mariadb://host/name", None),
    ],
)
def test_a_database(url: str, file: str | None) -> None:
    """Files, and servers, whether or not the package is installed that speaks with them."""
    assert storage_problem(url) is None
    assert url_problem(url) is None
    assert sqlite_file(url) == (None if file is None else Path(file))


@pytest.mark.parametrize("url", ["databricks", "http://host/mlflow.db", "./mlruns", "sqlite"])
def test_addresses_of_mlflow_that_name_no_file(url: str) -> None:
    """They need not be a database's."""
    assert sqlite_file(url) is None
    assert absolute(url) == url


def test_a_relative_file_holds_in_other_folders(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The URL that is kept with the runs names the whole path of a file, and others as they are."""
    monkeypatch.chdir(tmp_path)
    assert absolute("sqlite:///optuna.db") == f"sqlite:///{tmp_path / 'optuna.db'}"
    for name in ("Müller", "my data [1] 100 %"):
        assert absolute("sqlite:///a.db?timeout=9", Path("/x") / name) == (
            f"sqlite:////x/{name}/a.db?timeout=9"
        )
    for same in (*IN_MEMORY[:3], "postgresql://me:s3cret@host/x"):
        assert absolute(same) == same


@given(st.text(st.characters(exclude_characters="/\0", codec="utf-8"), min_size=1))
@example("a {x}?% ä")
@example("%41%2541")
def test_the_file_of_a_whole_url_is_the_same(name: str) -> None:
    """Whatever its folders are called, and however often it is asked for."""
    folder = Path("/data") / name
    for url in ("sqlite:///a.db", "sqlite:///file:a.db?mode=rw&uri=true"):
        whole = absolute(url, folder)
        assert sqlite_file(whole) == folder / "a.db"
        assert absolute(whole) == whole
