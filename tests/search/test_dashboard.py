"""optuna-dashboard on a study's storage: what it is told by its own API, and that it only looks."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any
from wsgiref.util import setup_testing_defaults

import pytest
from optuna_dashboard import wsgi
from small_studies import SmallStudy, text_of

STATES = ("complete", "pruned", "diverged", "failed", "running")
Get = Callable[[str], Any]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> SmallStudy:
    """A study with a trial in each state, and a baseline."""
    place = tmp_path_factory.mktemp("dashboard")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(place)
        made = SmallStudy(place)
        made.add_baseline()
        for state in STATES:
            made.add(state)  # type: ignore[arg-type]
    return made


@pytest.fixture
def get(small: SmallStudy) -> Get:
    """Asks the dashboard's API, in this process, without a server."""
    application = wsgi(small.url)

    def asked(path: str) -> Any:
        environment: dict[str, Any] = {"PATH_INFO": path, "wsgi.input": io.BytesIO()}
        setup_testing_defaults(environment)
        status: list[str] = []
        body = application(environment, lambda line, *_: status.append(line))
        assert status[0].startswith("200"), status
        return json.loads(b"".join(body))

    return asked


def test_the_study_is_listed_and_its_trials_are_there(small: SmallStudy, get: Get) -> None:
    """Name, direction, objective, states, parameters, the values of the epochs, the best trial."""
    (listed,) = get("/api/studies")["study_summaries"]
    assert (listed["study_name"], listed["directions"]) == ("example", ["maximize"])
    shown = get(f"/api/studies/{listed['study_id']}")
    assert shown["objective_names"] == ["val_accuracy"]
    assert shown["has_intermediate_values"]
    # Told apart by their result alone, as the page says: pruned and diverged.
    states = [trial["state"] for trial in shown["trials"]]
    assert states == ["Complete", "Pruned", "Pruned", "Fail", "Running"]
    for trial, stored in zip(shown["trials"], small.study.get_trials(), strict=True):
        params = {each["name"]: each["param_external_value"] for each in trial["params"]}
        assert params == {name: str(value) for name, value in stored.params.items()}
        values = {each["step"]: each["value"] for each in trial["intermediate_values"]}
        assert values == stored.intermediate_values
        attributes = {each["key"]: each["value"] for each in trial["user_attrs"]}
        assert json.loads(attributes["config"])["schedule"]["max_lr"] == stored.params["max_lr"]
    results = [
        json.loads(each["value"])["state"]
        for trial in shown["trials"]
        for each in trial["user_attrs"]
        if each["key"] == "result"
    ]
    assert results[:3] == ["complete", "pruned", "diverged"]
    assert [trial["number"] for trial in shown["best_trials"]] == [small.record.best.number]


def test_looking_changes_nothing(small: SmallStudy, get: Get) -> None:
    """The database holds the same after a look at all that the pages ask for."""
    database = small.place / "optuna.db"
    before = text_of(database)
    get("/api/meta")
    for study in get("/api/studies")["study_summaries"]:
        get(f"/api/studies/{study['study_id']}")
        get(f"/api/studies/{study['study_id']}/param_importances")
    assert text_of(database) == before
