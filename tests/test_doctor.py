"""`clr-sweep doctor`: what it finds, what it mends, and what it leaves alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from mlflow.tracking import MlflowClient
from small_studies import SmallStudy, copied, text_of

from clr_sweep.cli import main
from clr_sweep.search import trials
from clr_sweep.search.attributes import FACTS, PROGRESS, STUDY_ID
from clr_sweep.tracking import tags
from clr_sweep.tracking.lookup import process_tag
from clr_sweep.training.folder import TrialFolder


def doctor(*arguments: str) -> tuple[int, str]:
    """Exit status and output of `clr-sweep doctor` in the current folder."""
    done = CliRunner().invoke(main, ["doctor", *arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


class Whole:
    """A finished study in the current folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.trials = folder / "trials" / "example"

    @property
    def study(self) -> SmallStudy:
        return SmallStudy(self.folder)

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")

    def run(self, name: str) -> str:
        """The id of the run of this name."""
        experiments = [item.experiment_id for item in self.client.search_experiments()]
        (run,) = self.client.search_runs(experiments, f"attributes.run_name = '{name}'")
        return str(run.info.run_id)

    def state(self) -> dict[str, str]:
        """All that is stored: both databases, and every file's content."""
        files = {
            str(file.relative_to(self.folder)): file.read_bytes().hex()
            for file in sorted(self.folder.rglob("*"))
            if file.is_file() and not file.name.endswith((".db", "lock"))
        }
        dumps = {file.name: text_of(file) for file in self.folder.glob("*.db")}
        return {**files, **dumps}

    def mended(self, *said: str, status: int = 0) -> None:
        """Looking finds exactly this and changes nothing; mending mends it, and only once."""
        before = self.state()
        code, output = doctor()
        assert code == 1
        for text in said:
            assert text in output
        assert "(mended)" not in output
        assert "mend it: clr-sweep doctor example --fix" in output
        assert self.state() == before
        code, output = doctor("--fix")
        assert code == status, output
        for text in said:
            assert text in output
        assert "(mended)" in output
        after = self.state()
        code, output = doctor("--fix")
        assert (code, "(mended)" in output) == (status, False), output
        if not status:
            assert output == "study example: all is well\n"
            assert doctor("example") == (0, output)
        assert self.state() == after


@pytest.fixture(scope="module")
def finished_study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of two complete trials, a pruned one and a baseline."""
    folder = tmp_path_factory.mktemp("finished")
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        study = SmallStudy(folder)
        for state in ("complete", "complete", "pruned"):
            study.add(state)  # type: ignore[arg-type]
        study.add_baseline()
        study.test_best()
        study.finish()
    return folder


@pytest.fixture
def whole(finished_study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Whole:
    """A copy of it, which is the current folder."""
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_EXPERIMENT_ID"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "copy"
    copied(finished_study, folder)
    monkeypatch.chdir(folder)
    # MLflow keeps a store open under its URI, and a relative one would be another test's.
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'mlflow.db'}")
    return Whole(folder)


def test_all_is_well(whole: Whole) -> None:
    """Exit status 0, by name or not, and nothing is written, with or without --fix."""
    before = whole.state()
    for arguments in ((), ("example",), ("--fix",), ("example", "--fix")):
        assert doctor(*arguments) == (0, "study example: all is well\n")
    assert whole.state() == before


def test_an_unknown_study_and_a_storage_that_is_not_there(whole: Whole) -> None:
    """Told as by the other commands."""
    code, output = doctor("other")
    assert code == 2
    assert "there is no study 'other' in the storage (there: example)" in output
    code, output = doctor("--storage", "sqlite:///no.db")
    assert code == 1
    assert "there is no study storage" in output
    assert not (whole.folder / "no.db").exists()


def test_a_storage_without_studies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that there is nothing to look at."""
    from clr_sweep.search.storage import open_storage

    monkeypatch.chdir(tmp_path)
    open_storage("sqlite:///optuna.db")
    code, output = doctor()
    assert code == 0
    assert "no study" in output


# ---- the study


def test_trials_running_without_a_driver(whole: Whole) -> None:
    """A driver that was killed left them: they wait again, and their runs are ended."""
    study = whole.study
    study.add("running")
    trials.record_progress(study.study, "running", 4)
    publisher = study.publisher()
    publisher.trial_runs.begin(study.record.trials[3])
    whole.mended(
        "RUNNING in the study, and no process runs it: trial 3",
        "the study is marked as running, and no process runs it",
    )
    assert [t.state.name for t in whole.study.study.trials][3] == "WAITING"
    for run in ("trial-003", "example"):
        found = whole.client.get_run(whole.run(run))
        assert (found.info.status, found.data.tags[tags.STATE]) == ("KILLED", "interrupted")
    record = whole.study.record
    assert (record.state, record.planned) == ("interrupted", 4)


def test_a_baseline_running_without_a_driver(whole: Whole) -> None:
    """The baseline too."""
    study = whole.study
    study.add_baseline("running")
    trials.record_progress(study.study, "interrupted", 4)
    whole.mended("RUNNING in the study, and no process runs it: baseline")
    assert whole.study.record.baseline.state == "interrupted"


# ---- the trials' folders


def test_half_written_files(whole: Whole) -> None:
    """Part files of killed processes, and the data that a killed driver left."""
    (whole.trials / "0000" / "model.part.keras").write_bytes(b"half")
    work = whole.trials / "work-abc"
    work.mkdir()
    (work / "x.npy").write_bytes(b"data")
    whole.mended("trial 0: model.part.keras is half-written", "work-abc: data that a killed")
    assert not work.exists()
    assert (whole.trials / "0000" / "model.keras").exists()


def test_a_folder_that_is_gone(whole: Whole) -> None:
    """It is lost, and said so; its run in MLflow, which has the rest, is left alone."""
    shutil.rmtree(whole.trials / "0002")
    before = whole.state()
    for arguments in ((), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert "study example: 1 thing is wrong" in output
        assert "trial 2: its folder" in output
        assert "is gone, and with it its epochs, its curve and its model (cannot be mended)" in (
            output
        )
        assert "mend it" not in output
    assert whole.state() == before


@pytest.mark.parametrize("name", ["epochs.jsonl", "curve.npz", "model.keras", "result.json"])
def test_a_file_that_is_gone(whole: Whole, name: str) -> None:
    """It is lost; what its run has of it stays there."""
    (whole.trials / "0000" / name).unlink()
    runs = {run: whole.client.get_run(whole.run(run)) for run in ("trial-000", "trial-001")}
    for arguments in ((), ("--fix",), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert f"trial 0: its file {name} is gone (cannot be mended)" in output
        assert "whole model" not in output
    for run, before in runs.items():
        now = whole.client.get_run(whole.run(run))
        assert now.info.run_id == before.info.run_id
        assert now.data.metrics == before.data.metrics


@pytest.mark.parametrize("name", ["curve.npz", "result.json", "model.keras", "epochs.jsonl"])
def test_a_file_that_cannot_be_read(whole: Whole, name: str) -> None:
    """Cut short by a crash of the machine or changed by somebody: named, without a traceback."""
    file = whole.trials / "0000" / name
    file.write_bytes(file.read_bytes()[:40] + b"\n\n")
    (whole.client).delete_run(whole.run("trial-000"))
    for arguments in ((), ("--fix",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert name in output
        assert "Traceback" not in output
    file.unlink()
    assert doctor("--fix")[0] == 1  # it is lost
    if name != "epochs.jsonl":
        assert whole.run("trial-000")


def test_a_result_that_differs(whole: Whole) -> None:
    """The folder says another thing than the study."""
    file = whole.trials / "0001" / "result.json"
    content = json.loads(file.read_text())
    file.write_text(json.dumps({**content, "value": 0.123, "epochs": 7}))
    code, output = doctor()
    assert code == 1
    assert "trial 1: result.json says 0.123" in output
    assert "trial 1: epochs.jsonl has 2 epochs, result.json 7" in output


def test_best_yaml(whole: Whole) -> None:
    """Gone, or not what `export` writes: it is written again."""
    file = whole.trials / "best.yaml"
    text = file.read_text()
    file.unlink()
    whole.mended("best.yaml is not what `clr-sweep export` writes")
    assert file.read_text() == text
    file.write_text("half")
    whole.mended("best.yaml is not what `clr-sweep export` writes")
    assert file.read_text() == text
    assert CliRunner().invoke(main, ["export", "example"]).output == text


# ---- MLflow


def test_runs_and_their_content(whole: Whole) -> None:
    """A run missing, one too many, one RUNNING, one without a metric or an artifact."""
    client = whole.client
    client.delete_run(whole.run("baseline"))
    client.update_run(whole.run("trial-001"), status="RUNNING")
    two = whole.run("trial-002")
    with sqlite3.connect("mlflow.db") as connection:
        connection.execute("DELETE FROM metrics WHERE run_uuid = ? AND key = 'val_loss'", (two,))
        connection.execute(
            "DELETE FROM latest_metrics WHERE run_uuid = ? AND key = 'val_loss'", (two,)
        )
    connection.close()
    uri = client.get_run(two).info.artifact_uri.removeprefix("file://")
    Path(uri, "curves", "curve.npz").unlink()
    experiment = client.get_run(two).info.experiment_id
    own = {tags.KIND: "trial", tags.TRIAL_NUMBER: "9"}
    own[tags.STUDY_ID] = whole.study.study.user_attrs[STUDY_ID]
    client.create_run(experiment, run_name="trial-009", tags=own)
    whole.mended(
        "study example: 5 things are wrong",
        "baseline: it has no run in MLflow",
        "trial 1: its status is RUNNING, not FINISHED",
        "trial 2: 1 value not logged (val_loss)",
        "trial 2: no artifact curves/curve.npz",
        "run trial-009: the study has no such trial",
    )


@pytest.mark.parametrize("damage", ["status", "state", "file", "metric", "second", "gone"])
def test_the_run_of_the_sweep(whole: Whole, damage: str) -> None:
    """Its state, its files and its metrics; two of them, or none."""
    client, parent = whole.client, whole.run("example")
    said = "the sweep's run is "
    if damage == "status":
        client.update_run(parent, status="RUNNING")
    elif damage == "state":
        client.set_tag(parent, tags.STATE, "failed")
    elif damage == "file":
        uri = client.get_run(parent).info.artifact_uri.removeprefix("file://")
        Path(uri, "best.yaml").unlink()
        Path(uri, "sweep", "sweep.yaml").unlink()
        said = "the sweep's run has no best.yaml"
    elif damage == "metric":
        with sqlite3.connect("mlflow.db") as connection:
            for table in ("metrics", "latest_metrics"):
                connection.execute(f"DELETE FROM {table} WHERE key = 'best_test_loss'")
        connection.close()
        said = "the sweep's run says best_test_loss is None"
    elif damage == "second":
        found = client.get_run(parent)
        own = {k: v for k, v in found.data.tags.items() if k.startswith("clr_sweep.")}
        client.create_run(found.info.experiment_id, run_name="second", tags=own)
        said = "the sweep has 2 runs in MLflow"
    else:
        client.delete_run(parent)
        said = "no run"
    whole.mended(said)
    experiments = [item.experiment_id for item in client.search_experiments()]
    (now,) = client.search_runs(experiments, f"tags.`{tags.KIND}` = 'sweep'")
    assert now.info.status == "FINISHED"
    children = client.search_runs(experiments, f"tags.`{tags.PARENT}` = '{now.info.run_id}'")
    assert len(children) == 4
    uri = now.info.artifact_uri.removeprefix("file://")
    assert (
        Path(uri, "best.yaml").read_text()
        == (whole.trials / "best.yaml").read_text()
        == CliRunner().invoke(main, ["export", "example"]).output
    )
    assert Path(uri, "sweep", "sweep.yaml").exists()


def content(client: MlflowClient) -> dict[str, object]:
    """All that the runs of a store hold, but for what says when and by whom they were made."""
    found: dict[str, object] = {}
    experiments = [item.experiment_id for item in client.search_experiments()]
    for run in client.search_runs(experiments):
        run_id = run.info.run_id
        history = {
            key: sorted((m.step, m.value) for m in client.get_metric_history(run_id, key))
            for key in run.data.metrics
        }
        files = [
            file.path
            for folder in ("", "curves", "figures", "sweep")
            for file in client.list_artifacts(run_id, folder)
        ]
        own = {
            key: value
            for key, value in run.data.tags.items()
            if key not in (tags.PARENT, tags.PROCESS)
        }
        name = run.info.run_name
        assert name not in found
        found[name] = (run.data.params, history, sorted(files), run.info.status, own)
    return found


def test_the_whole_store_is_rebuilt(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the study and the folders: the same runs, with the same values to the bit."""
    before = content(whole.client)
    assert before.keys() == {"example", "baseline", "trial-000", "trial-001", "trial-002"}
    (whole.folder / "mlflow.db").unlink()
    shutil.rmtree(whole.folder / "mlruns")
    # Under another name, since this process has the deleted one open.
    uri = f"sqlite:///{whole.folder / 'rebuilt.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    code, output = doctor()
    assert code == 1
    assert f"the MLflow store {uri} does not exist" in output
    assert not (whole.folder / "rebuilt.db").exists()
    code, output = doctor("--fix")
    assert code == 0, output
    after = whole.state()
    assert doctor("--fix") == (0, "study example: all is well\n")
    assert whole.state() == after
    assert content(MlflowClient(uri)) == before
    best = whole.trials / "best.yaml"
    assert CliRunner().invoke(main, ["export", "example"]).output == best.read_text()


def test_an_empty_store(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another store than the one it was made in: looking makes nothing there."""
    from clr_sweep.tracking.store import connect

    connect(f"sqlite:///{whole.folder / 'other.db'}")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{whole.folder / 'other.db'}")
    before = whole.state()
    code, output = doctor()
    assert code == 1
    assert "other.db has no run of the sweep" in output
    assert whole.state() == before


def test_an_experiment_in_the_environment(whole: Whole, monkeypatch: pytest.MonkeyPatch) -> None:
    """The study is looked for where it is; nothing is made or moved."""
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "elsewhere")
    before = whole.state()
    for arguments in ((), ("--fix",)):
        assert doctor(*arguments) == (0, "study example: all is well\n")
    assert whole.state() == before


def test_what_users_changed_in_the_experiment(whole: Whole) -> None:
    """Their description of it, and their choice of what the UI shows, are theirs."""
    experiment = whole.client.get_run(whole.run("baseline")).info.experiment_id
    whole.client.set_experiment_tag(experiment, tags.NOTE, "mine")
    whole.client.set_experiment_tag(experiment, tags.PRIMARY_METRIC, "val_loss")
    before = whole.state()
    assert doctor()[0] == 0
    assert whole.state() == before


def test_runs_of_processes_that_are_gone(whole: Whole) -> None:
    """A `mlflow run` that was killed before its sweep began."""
    gone = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    own = {tags.PROCESS: process_tag(gone.pid)}
    gone.communicate()
    made = whole.client.create_run("0", run_name="left", tags=own)
    whole.mended("run left: its process is gone")
    assert whole.client.get_run(made.info.run_id).info.status == "KILLED"


def test_two_studies_of_one_name(whole: Whole, tmp_path: Path) -> None:
    """Of two storages, in one MLflow store: neither touches the other's runs."""
    other = tmp_path / "other"
    other.mkdir()
    made = SmallStudy(other)
    made.place = whole.folder  # its MLflow store is the same
    made.add("complete")
    made.add_baseline()
    made.test_best()
    made.finish()
    for database in ("sqlite:///optuna.db", f"sqlite:///{other / 'optuna.db'}"):
        before = text_of(whole.folder / "mlflow.db")
        assert doctor("--storage", database, "--fix") == (0, "study example: all is well\n")
        assert text_of(whole.folder / "mlflow.db") == before
    runs = whole.client.search_runs(
        [item.experiment_id for item in whole.client.search_experiments()]
    )
    assert len(runs) == 5 + 3
    (mine,) = [
        run for run in runs if run.data.tags.get(tags.STORAGE, "").endswith("other/optuna.db")
    ]
    whole.client.delete_run(mine.info.run_id)
    assert doctor("--fix") == (0, "study example: all is well\n")
    code, _ = doctor("--storage", f"sqlite:///{other / 'optuna.db'}", "--fix")
    assert code == 0


# ---- a study that is being run

HOLD = """
import sys
from pathlib import Path
from clr_sweep.search.lock import only_driver
from clr_sweep.study_folder import only_driver_here
lock = only_driver(None, "example") if sys.argv[1] == "storage" else only_driver_here(
    Path("trials/example").absolute(), "example")
with lock:
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.parametrize("where", ["storage", "folder"])
def test_a_study_that_is_being_run(whole: Whole, where: str) -> None:
    """It is not looked at, nor touched; nothing is wrong with that."""
    study = whole.study
    study.add("running")
    trials.record_progress(study.study, "running", 4)
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, where],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        before = whole.state()
        for arguments in ((), ("--fix",)):
            code, output = doctor(*arguments)
            assert code == 0
            assert "study 'example'" in output
            assert "run by another process" in output
            assert "(it was not looked at)" in output
        assert whole.state() == before
    finally:
        holder.kill()
        holder.communicate()
    assert doctor()[0] == 1


# ---- studies of earlier versions


def make_old(study: SmallStudy) -> None:
    """What a study lacks that was made before this version."""
    facts = dict(study.study.user_attrs[FACTS])
    old = {key: facts[key] for key in ("data_digest", "sweep_file")}
    optuna_study = study.study
    storage = optuna_study._storage
    with sqlite3.connect(study.place / "optuna.db") as connection:
        for key in (STUDY_ID, PROGRESS):
            connection.execute("DELETE FROM study_user_attributes WHERE key = ?", (key,))
    connection.close()
    storage.set_study_user_attr(optuna_study._study_id, FACTS, old)


def test_a_study_of_an_earlier_version(whole: Whole) -> None:
    """It can be exported, `doctor` says what to do, and `run` makes it one of today."""
    make_old(whole.study)
    before = whole.state()
    for arguments in ((), ("--fix",), ("example",)):
        code, output = doctor(*arguments)
        assert code == 1
        assert "made by an earlier version" in output
        assert "clr-sweep run" in output
        assert "Traceback" not in output
    assert whole.state() == before
    done = CliRunner().invoke(main, ["export", "example"])
    assert done.exit_code == 0, done.output
    assert "max_lr" in done.output
    continued = whole.study  # as `run` opens it
    assert continued.study.user_attrs[STUDY_ID]
    assert continued.record.planned == 5
    code, output = doctor("--fix")
    assert code == 0, output
    assert doctor() == (0, "study example: all is well\n")


def test_checkpoints_are_no_leftovers(whole: Whole) -> None:
    """What an interrupted trial goes on from stays."""
    study = whole.study
    number = study.add("interrupted")
    folder = TrialFolder(study.record.trials[number].folder)
    folder.checkpoint_file.write_bytes(b"the state after an epoch")
    trials.record_progress(study.study, "interrupted", 4)
    assert doctor("--fix")[0] == 0
    assert folder.checkpoint_file.exists()
    assert doctor() == (0, "study example: all is well\n")
