"""`clr-sweep report`, as a user runs it: by name or by run, from anywhere, into any file."""

from __future__ import annotations

from pathlib import Path

import pytest
from real_runs import Place, Running, elsewhere
from refused_commands import Refusal, assert_refused, refused_together


@pytest.mark.heavy
def test_the_report_of_a_sweep_is_an_artifact_and_the_same_by_command(
    finished: Place, tmp_path: Path
) -> None:
    """By the parent run's id, in another folder: named after the study, as the sweep left it."""
    (parent,) = finished.runs_of_kind("sweep")
    done = elsewhere(finished, tmp_path, "report", parent.info.run_id)
    assert done.process.returncode == 0, done.output
    assert done.output == "written to tiny.html\n"
    text = (tmp_path / "tiny.html").read_text(encoding="utf-8")
    artifact = finished.client.download_artifacts(parent.info.run_id, "report.html")
    assert Path(artifact).read_text(encoding="utf-8") == text
    best = finished.study().best_trial
    assert f"Trial {best.number} (" in text
    assert best.user_attrs["provenance"]["packages"]["keras"] in text
    assert "report.html" in parent.data.tags["mlflow.note.content"]


@pytest.mark.heavy
def test_a_report_into_another_file(finished: Place, tmp_path: Path) -> None:
    """By name, with the storage named."""
    file = tmp_path / "other.html"
    url = f"sqlite:///{finished.folder / 'optuna.db'}"
    done = elsewhere(
        finished, tmp_path / "there", "report", "tiny", "-o", str(file), "--storage", url
    )
    assert done.process.returncode == 0, done.output
    assert done.output == f"written to {file}\n"
    assert file.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert not list((tmp_path / "there").glob("*.html"))


REFUSED: list[Refusal] = [
    (("nothing",), 2, "there is no study 'nothing' in the storage (there: tiny)"),
    (("0" * 32,), 2, "no run " + "0" * 32 + " of a clr-sweep study in the MLflow store"),
    (("tiny", "-o", "missing/x.html"), 2, "missing/x.html: cannot be written: there is no such"),
    (("tiny", "-o", "."), 2, ".: cannot be written: Is a directory"),
    (("tiny", "--storage", "sqlite:///no.db"), 1, "there is no study storage"),
]


@pytest.fixture(scope="module")
def refused(finished: Place) -> dict[tuple[str, ...], Running]:
    return refused_together(finished, "report", REFUSED)


@pytest.mark.heavy
@pytest.mark.parametrize(("arguments", "status", "message"), REFUSED)
def test_a_report_of_what_is_not_there(
    refused: dict[tuple[str, ...], Running], arguments: tuple[str, ...], status: int, message: str
) -> None:
    """A wrong name is refused with what there is, a wrong file with why."""
    assert_refused(refused[arguments], status, message)
