"""`clr-sweep ui` on a store that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from clr_sweep.cli import main


@pytest.mark.parametrize(
    "uri", ["sqlite:///no/mlflow.db", "sqlite+pysqlite:///mlflow.db?timeout=9"]
)
def test_no_store_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, uri: str) -> None:
    """However its file is named: MLflow would show an empty one."""
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(main, ["ui", "--tracking-uri", uri])
    assert (done.exit_code, done.stdout) == (2, "")
    assert done.stderr.startswith(f"clr-sweep: there is no store {uri} in {tmp_path}")
    assert list(tmp_path.iterdir()) == []
