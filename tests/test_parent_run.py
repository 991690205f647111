"""The run that stands for a whole study: made from the study alone, the same at every start."""

from __future__ import annotations

from pathlib import Path

import pytest
from small_studies import DATA, TEXT, SmallStudy

from clr_sweep.parent_run import is_described, open_parent, publisher_of, stored_facts
from clr_sweep.search.attributes import FACTS
from clr_sweep.tracking import tags
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.store import connect


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return SmallStudy(tmp_path)


def test_the_run_of_a_study(study: SmallStudy) -> None:
    """Its settings, its sweep file as it was written, its storage without a password, its data."""
    publisher = study.publisher()
    client = publisher.runs.client
    run = client.get_run(publisher.runs.parent_id)
    assert run.info.run_name == "example"
    assert run.data.params["study.sampler"] == "random"
    assert run.data.params["study.deterministic"] == "False"
    assert run.data.params["training.epochs"] == "2"
    assert run.data.tags[tags.STORAGE] == f"sqlite:///{study.place / 'optuna.db'}"
    (used,) = run.inputs.dataset_inputs
    assert used.dataset.digest == DATA.digest[:12]
    artifact = Path(run.info.artifact_uri.removeprefix("file://"), "sweep", "sweep.yaml")
    assert artifact.read_text() == TEXT
    assert client.get_experiment(run.info.experiment_id).name == "example"

    open_parent(study.study, publisher, f"postgresql://me:s3cr3t@host/{'x'}", None)
    again = client.get_run(publisher.runs.parent_id)
    assert again.info.run_id == run.info.run_id
    assert again.data.tags[tags.STORAGE] == "postgresql://me:***@host/x"
    assert again.data.params == run.data.params


def test_the_experiment_of_a_study(study: SmallStudy, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one that it is in, whatever its name has become; the environment's; a given one."""
    first = study.publisher().runs
    first.client.rename_experiment(first.experiment_id, "renamed")
    assert study.publisher().runs.experiment_id == first.experiment_id
    client = connect(f"sqlite:///{study.place / 'mlflow.db'}")
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "chosen")
    chosen = publisher_of(study.study, client, Link(print)).runs.experiment_id
    assert client.get_experiment(chosen).name == "chosen"
    given = publisher_of(study.study, client, Link(print), first.experiment_id)
    assert given.runs.experiment_id == first.experiment_id


def test_what_a_study_keeps_of_its_data(study: SmallStudy, tmp_path: Path) -> None:
    """Read back as it was, but for files that go with the sweep."""
    facts = stored_facts(DATA, tmp_path / "a.yaml", tmp_path / "trials", (tmp_path,))
    assert facts["data_digest"] == DATA.digest
    assert facts["sweep_file"] == "a.yaml"
    assert facts["folder"] == str(tmp_path / "trials")
    assert facts["search_path"] == [str(tmp_path)]
    assert "materialized" not in facts["data"]
    assert study.publisher().runs.data == DATA


@pytest.mark.parametrize("missing", ["data", "folder", "search_path"])
def test_a_study_of_an_earlier_version_is_known(study: SmallStudy, missing: str) -> None:
    """It lacks what its runs would be made from."""
    assert is_described(study.study)
    facts = {key: value for key, value in study.study.user_attrs[FACTS].items() if key != missing}
    study.study.set_user_attr(FACTS, facts)
    assert not is_described(study.study)
