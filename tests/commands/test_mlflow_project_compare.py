"""The entry point `compare` of `mlflow run`: its run is the one that the trainings lie below."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from project_runs import LOCAL, copy_project, mlflow_run, run_id
from real_runs import Place, Running, definition

pytestmark = pytest.mark.heavy

# Two trials of the study and of its rival, and two seeds of their winners and of two fixed rivals.
SETTINGS = {"study": "tiny", "rivals": "constant", "finalists": 1, "seeds": 2}


@pytest.fixture(scope="module")
def project(places: Callable[..., Place]) -> Place:
    """A copy of the project in which a study has ended."""
    place = places("compared_project")
    copy_project(place.folder)
    place.sweep("run", str(place.write_sweep(definition(jobs=2))), status=0)
    return place


@pytest.fixture(scope="module")
def compared(project: Place) -> Running:
    """Its comparison, at its end."""
    running = mlflow_run(project, *LOCAL, "-e", "compare", **SETTINGS)
    assert running.wait() == 0, running.output
    return running


def parent_of(project: Place, study: str) -> Any:
    """The run that stands for a study."""
    (found,) = (
        run for run in project.runs_of_kind("sweep") if run.data.tags["clr_sweep.study"] == study
    )
    return found


def test_the_run_of_mlflow_is_the_comparison(project: Place, compared: Running) -> None:
    """With all trainings below it, and every parameter said, those not given too."""
    parent = parent_of(project, "tiny.comparison")
    assert parent.info.run_id == run_id(compared)
    assert parent.info.status == "FINISHED"
    below = [
        run
        for run in project.runs_of_kind("trial")
        if run.data.tags["mlflow.parentRunId"] == parent.info.run_id
    ]
    assert [run.data.params["stage"] for run in below] == ["finals"] * 8
    assert parent.data.params["seeds"] == "2"
    assert parent.data.params["margin"] == "as-in-sweep-file"


def test_it_is_told_what_came_out(project: Place, compared: Running) -> None:
    """At the end, and at a glance on the pages of the study and of its comparison."""
    assert "Traceback" not in compared.output
    against = "the best constant rate that 2 trials found"
    assert against in compared.output
    pages = {
        study: parent_of(project, study).data.tags["mlflow.note.content"]
        for study in ("tiny", "tiny.comparison")
    }
    (headline,) = {page.partition("\n")[0].strip(" *") for page in pages.values()}
    assert headline in compared.output
    assert "over 2 seeds on the test set: " in headline
    assert "the tuned constant rate" in headline
    assert against in pages["tiny.comparison"]


def test_wrong_parameters_are_refused(project: Place, compared: Running) -> None:
    """All of them at once, by the names of the options, and nothing is trained."""
    assert compared.process.returncode == 0
    wrong = mlflow_run(project, *LOCAL, "-e", "compare", study="tiny", seeds=1, margin=0)
    assert wrong.wait() != 0
    for option in ("--seeds", "--margin"):
        assert option in wrong.output, wrong.output
    assert "Traceback" not in wrong.output
    assert project.client.get_run(run_id(wrong)).info.status == "FAILED"
