"""Every defect that a trial's run can have: found, mended, and then gone."""

from __future__ import annotations

import shutil
from pathlib import Path

import matplotlib.image
import mlflow.models
import pytest
from broken_runs import DEFECTS, Place, another_status, no_metric
from optuna.trial import TrialState
from small_studies import SmallStudy, copied

from clr_sweep.tracking import tags
from clr_sweep.tracking.logged_models import model_of_run
from clr_sweep.training.folder import TrialFolder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study with a trial in each state, and its runs."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        study = SmallStudy(folder)
        study.whole("complete", "complete", "pruned", "diverged", "failed", "interrupted")
        study.finish("interrupted")
    return folder


@pytest.fixture
def place(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A study that is whole, in a folder of its own."""
    folder = tmp_path / "copy"
    copied(whole, folder)
    monkeypatch.chdir(folder)
    return Place(folder)


def test_a_whole_study_has_nothing_to_mend(place: Place) -> None:
    """And nothing is written for it."""
    before = place.dump()
    assert place.reconcile(mend=False) == []
    assert place.reconcile(mend=True) == []
    assert place.dump() == before


@pytest.mark.heavy
@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_is_found_and_mended(place: Place, defect: str) -> None:
    """Looking alone changes nothing; mending leaves what was there; a second look finds nothing."""
    broken, keys, said, completed = DEFECTS[defect]
    ids = {key: place.run(key).info.run_id for key in keys}
    values = {key: place.values(key) for key in keys}
    others = set(place.all_runs()) - set(ids.values())
    for key in keys:
        broken(place, key)

    before = place.dump()
    found = place.reconcile(mend=False)
    assert place.dump() == before
    labels = {place.trial(key).label for key in keys}
    assert {text.partition(": ")[0] for text in found} == labels
    assert {text.partition(": ")[0] for text in found if said in text} == labels

    assert place.reconcile(mend=True) == found
    after = place.dump()
    assert place.reconcile(mend=False) == []
    assert place.reconcile(mend=True) == []
    assert place.dump() == after
    for key in keys:
        run = place.run(key)
        assert (run.info.run_id == ids[key]) == completed
        assert place.values(key) == values[key]
        assert run.info.status == tags.STATUS_OF_STATE[place.trial(key).state]
    assert others <= set(place.all_runs())
    assert len(place.all_runs()) == 8


@pytest.mark.heavy
def test_what_users_added_is_left_alone(place: Place) -> None:
    """Their parameters, metrics, tags and files, also where the run is completed."""
    run_id = place.run("0").info.run_id
    place.client.log_param(run_id, "mine", "1")
    place.client.log_metric(run_id, "mine", 1.5, step=7)
    place.client.set_tag(run_id, "mine", "yes")
    place.client.log_text(run_id, "my notes", "mine.txt")
    place.client.log_text(run_id, "my notes", "figures/mine.txt")
    assert place.reconcile(mend=False) == []
    no_metric("val_loss")(place, "0")
    assert len(place.reconcile(mend=True)) == 1
    run = place.client.get_run(run_id)
    assert run.data.params["mine"] == "1"
    assert run.data.metrics["mine"] == 1.5
    assert run.data.tags["mine"] == "yes"
    assert place.artifact("0", "mine.txt").read_text() == "my notes"
    assert place.artifact("0", "figures/mine.txt").read_text() == "my notes"
    assert place.reconcile(mend=False) == []


@pytest.mark.heavy
@pytest.mark.parametrize("key", ["0", "2", "3", "4", "5", "baseline"])
def test_a_trial_without_a_run(place: Place, key: str) -> None:
    """Its run is made from its folder, as it was."""
    before, gone = place.values(key), place.run(key)
    place.client.delete_run(gone.info.run_id)
    text = f"{place.trial(key).label}: it has no run in MLflow"
    assert place.reconcile(mend=False) == [text]
    assert place.reconcile(mend=True) == [text]
    assert place.reconcile(mend=True) == []
    assert place.values(key) == before
    run = place.run(key)
    assert run.data.params == gone.data.params
    differ = {name for name in gone.data.tags if run.data.tags.get(name) != gone.data.tags[name]}
    assert differ <= {"mlflow.user"}
    assert (run.info.status, run.info.run_name) == (gone.info.status, gone.info.run_name)


def test_what_its_process_could_not_make_is_made(place: Place) -> None:
    """It was killed when the result was written and nothing of what MLflow shows was."""
    place.client.delete_run(place.run("0").info.run_id)
    folder = TrialFolder(place.trial("0").folder)
    drawn = {file.name for file in folder.figures.iterdir()}
    shutil.rmtree(folder.figures)
    folder.inference_file.unlink()
    (folder.path / "signature.json").unlink()
    assert len(place.reconcile(mend=True)) == 1
    assert place.reconcile(mend=False) == []
    assert {file.name for file in folder.figures.iterdir()} == drawn
    for name in drawn:
        assert matplotlib.image.imread(place.artifact("0", f"figures/{name}")).shape[0] > 300
    model = model_of_run(place.client, place.run("0").info.run_id)
    assert model is not None
    info = mlflow.models.get_model_info(f"models:/{model.model_id}")
    (inputs,) = info.signature.inputs.inputs
    assert (inputs.shape, str(inputs.type)) == ((-1, 28, 28), "uint8")  # as the data are held
    assert info.saved_input_example_info is not None


@pytest.mark.heavy
def test_a_second_run(place: Place) -> None:
    """The one that is right stays, wherever it stands in MLflow's order."""
    run_id = place.run("0").info.run_id
    for copy in ("baseline", "0"):
        place.runs.start_child(place.trial(copy))
    found = place.reconcile(mend=False)
    assert place.reconcile(mend=True) == found
    assert [text for text in found if "second run" in text]
    assert place.reconcile(mend=False) == []
    assert len(place.all_runs()) == 8
    assert place.run("0").info.run_id in {run_id, place.publisher.run_id(place.trial("0"))}


def test_a_run_without_a_trial(place: Place) -> None:
    """A number that the study does not have; the run is deleted, and can be restored."""
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "77", tags.STUDY_ID: place.runs.study_id}
    made = place.client.create_run(place.runs.experiment_id, tags=own, run_name="trial-077")
    assert place.reconcile(mend=False) == ["run trial-077: the study has no such trial"]
    assert len(place.reconcile(mend=True)) == 1
    assert place.client.get_run(made.info.run_id).info.lifecycle_stage == "deleted"
    assert place.reconcile(mend=False) == []


def test_a_run_in_another_experiment(place: Place) -> None:
    """Left there by a start that was told another experiment."""
    other = place.client.create_experiment("other")
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "0", tags.STUDY_ID: place.runs.study_id}
    made = place.client.create_run(other, tags=own, run_name="trial-000")
    text = "run trial-000: it is in another experiment than the sweep"
    assert place.reconcile(mend=False) == [text]
    assert place.reconcile(mend=True) == [text]
    assert place.client.get_run(made.info.run_id).info.lifecycle_stage == "deleted"
    assert place.reconcile(mend=False) == []


def test_runs_of_others_are_not_touched(place: Place) -> None:
    """Of another study of this name, and of no study."""
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "0", tags.STUDY: "example"}
    place.client.create_run(place.runs.experiment_id, tags={**own, tags.STUDY_ID: "another"})
    place.client.create_run(place.runs.experiment_id, tags=own)
    place.client.create_run(place.runs.experiment_id)
    before = place.dump()
    assert place.reconcile(mend=True) == []
    assert place.dump() == before


def test_a_trial_whose_folder_is_gone(place: Place) -> None:
    """Its run is the only place that has the rest: only its state is put right."""
    values = place.values("0")
    shutil.rmtree(place.trial("0").folder)
    assert place.reconcile(mend=True) == []
    another_status("RUNNING")(place, "0")
    assert len(place.reconcile(mend=True)) == 1
    assert place.reconcile(mend=False) == []
    assert place.values("0") == values
    assert place.run("0").info.status == "FINISHED"
    assert place.artifact("0", "curves/curve.npz").exists()


# ---- one run of a trial that is told of while it goes on


def test_a_trial_that_goes_on_says_an_epoch_once(place: Place) -> None:
    """Interrupted after its first epoch, continued in the same run, and whole at its end."""
    asked = place.study.ask()
    assert asked.trial.number == 5
    record = place.trial("5")
    first = place.run("5")
    runs = place.publisher.trial_runs
    runs.reconcile(place.record)
    runs.begin(record)
    assert place.run("5").info.run_id == first.info.run_id
    assert place.run("5").info.status == "RUNNING"
    assert tags.REASON not in place.run("5").data.tags
    (report,) = TrialFolder(record.folder).reports()
    before = place.dump()
    runs.epochs(record, [report])
    assert place.dump() == before
    assert len(place.values("5")["val_accuracy"]) == 1
    runs.stop(place.trial("5"))
    assert place.run("5").info.status == "RUNNING"  # its record still says so
    place.study.study._storage.set_trial_state_values(asked.trial._trial_id, TrialState.WAITING)
    runs.stop(place.trial("5"))
    assert place.run("5").info.status == "KILLED"
    assert place.reconcile(mend=False) == []
