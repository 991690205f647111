"""The jobs of a sweep, each in a process of the engine, as the driver runs them."""

from __future__ import annotations

import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
import user_models  # noqa: F401 - registers its classes, which saved models name
from ended_jobs import ended, value
from small_trials import EXAMPLES, SLICE, contents, few_images, small_config, strict_json

from clr_sweep.common.errors import DataError, InputError, OutOfMemoryError
from clr_sweep.definition.data_names import DataOptions
from clr_sweep.engines.base import Done, Failed
from clr_sweep.engines.local.engine import LocalEngine
from clr_sweep.training.data.materialized import open_materialized
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.jobs import opened
from clr_sweep.training.requests import (
    INSPECT_TRIAL,
    PREPARE_DATA,
    RUN_TRIAL,
    TEST_TRIAL,
    DataJob,
    Inspection,
    PreparedData,
    StoredData,
    TrialJob,
)

USER_DATA = f"""
import numpy as np

CALLS = []

def few():
    CALLS.append(1)
    print("the data function was called", len(CALLS), "times")
    with np.load({str(SLICE)!r}) as arrays:
        found = dict(arrays)
    return {{key: array[: {EXAMPLES} if "train" in key else 100] for key, array in found.items()}}

def broken():
    raise EOFError("a file that ends too early")
"""


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a user's code, the data and the trials."""
    folder = tmp_path_factory.mktemp("jobs")
    (folder / "code_for_jobs.py").write_text(USER_DATA)
    return folder


@pytest.fixture(scope="module")
def facts(engine: LocalEngine, work: Path) -> PreparedData:
    """What preparing the user's data told."""
    job = DataJob("code_for_jobs:few", DataOptions(), (work,), work / "data")
    facts: PreparedData = value(ended(engine, PREPARE_DATA, job, work / "data.log"))
    return facts


def test_data_is_loaded_once_for_all(facts: PreparedData, work: Path) -> None:
    """The function is called once, in the job; what it returned lies in files that are mapped."""
    assert (facts.train, facts.test) == (EXAMPLES, 100)
    assert (facts.input_shape, facts.input_dtype) == ((28, 28), "uint8")
    assert facts.name == "code_for_jobs:few"
    assert facts.source == f"{work / 'code_for_jobs.py'}:few"
    stored = open_materialized(facts.stored.folder)
    assert stored.digest == facts.digest
    with np.load(SLICE) as arrays:
        np.testing.assert_array_equal(stored.x_train, arrays["x_train"][:EXAMPLES])
    log = (work / "data.log").read_text()
    assert log.count("the data function was called 1 times") == 1


def test_data_are_prepared_where_they_are_not(
    engine: LocalEngine, work: Path, tmp_path: Path
) -> None:
    """Another machine has no such folder, but may have the file; one with other data is refused."""
    file = tmp_path / "few.npz"
    shutil.copy(SLICE, file)
    job = DataJob(str(file), DataOptions(), (), tmp_path / "unused")
    first = opened(value(ended(engine, PREPARE_DATA, job, work / "data.log")).stored)
    elsewhere = StoredData(tmp_path / "of another machine", first.digest, job)
    assert opened(elsewhere).digest == first.digest
    assert not elsewhere.folder.exists()
    other = few_images()
    with file.open("wb") as opened_file:
        np.savez(opened_file, **other.arrays())
    with pytest.raises(DataError, match=f"are others than the driver's: .*{other.digest}"):
        opened(elsewhere)


@pytest.mark.parametrize("name", ["not_there.npz", "code_for_jobs:nothing", "code_for_jobs:broken"])
def test_data_that_cannot_be_loaded(engine: LocalEngine, work: Path, name: str) -> None:
    """The reason comes back as an error of the project, not as a process that died."""
    job = DataJob(name, DataOptions(), (work,), work / "other")
    event = ended(engine, PREPARE_DATA, job, work / "other.log")
    assert isinstance(event, Failed)
    if name.endswith("broken"):
        assert "EOFError: a file that ends too early" in str(event.error)
    else:
        assert isinstance(event.error, DataError)
        assert name.removeprefix("code_for_jobs:") in str(event.error) or "no such name" in str(
            event.error
        )


def test_an_inspection(engine: LocalEngine, facts: PreparedData, work: Path) -> None:
    """It knows the model's size, measures costs, and leaves no folder of a trial."""
    config = small_config(model="tutorial_cnn")
    job = TrialJob(config, facts.stored, work / "inspection", (work,))
    found = value(ended(engine, INSPECT_TRIAL, job, work / "inspection.log"))
    assert isinstance(found, Inspection)
    assert found.model is not None
    assert found.model.parameters == 18_762
    assert found.seconds_per_step > 0
    assert found.seconds_per_example > 0
    assert found.fixed_seconds > found.seconds_per_step
    assert not (work / "inspection").exists()


def test_an_inspection_finds_what_a_trial_could_not_use(
    engine: LocalEngine, facts: PreparedData, work: Path
) -> None:
    """An unknown loss and an objective that is not measured are refused before any trial."""
    for config, message in (
        (small_config(loss="crossentropie"), "training.loss: must be"),
        (small_config(model="user_models:own_metrics"), "objective.metric: must be"),
    ):
        job = TrialJob(config, facts.stored, work / "refused", (work,))
        event = ended(engine, INSPECT_TRIAL, job, work / "refused.log")
        assert isinstance(event, Failed)
        assert isinstance(event.error, InputError)
        assert str(event.error).startswith(message)


@pytest.mark.heavy
@pytest.mark.parametrize("model", ["user_models:regularised", "user_models:built_late"])
def test_tested_later_or_at_once(
    engine: LocalEngine, facts: PreparedData, work: Path, model: str
) -> None:
    """The test set gives the same metrics at a trial's end and from its saved model, to the bit.

    A subclassed model too, which has no weights before it has seen data.
    """
    folder = TrialFolder(work / model.replace(":", "_"))
    config = small_config(model=model)
    job = TrialJob(config, facts.stored, folder.path, (work,), with_test=True)
    result = value(ended(engine, RUN_TRIAL, job, folder.log_file))
    assert (result.state, result.steps) == ("complete", config.steps)
    at_once = folder.test_metrics()
    assert set(at_once) == {"test_loss", "test_accuracy"}

    (folder.path / "test.json").unlink()
    later = TrialJob(config, facts.stored, folder.path, (work,))
    found = value(ended(engine, TEST_TRIAL, later, folder.log_file))
    assert dict(found) == folder.test_metrics() == at_once
    assert strict_json((folder.path / "test.json").read_text()) == at_once

    data = open_materialized(facts.stored.folder)
    loaded = keras.models.load_model(folder.model_file)
    expected = loaded.evaluate(
        np.asarray(data.x_test), np.asarray(data.y_test), batch_size=1000, verbose=0,
        return_dict=True,
    )  # fmt: skip
    for name, number in expected.items():
        assert at_once[f"test_{name}"] == pytest.approx(number, rel=1e-5)


@pytest.fixture(scope="module")
def complete(engine: LocalEngine, facts: PreparedData, work: Path) -> TrialFolder:
    """What a trial leaves that ran to its end, untested."""
    folder = TrialFolder(work / "complete")
    job = TrialJob(small_config(), facts.stored, folder.path, (work,))
    assert value(ended(engine, RUN_TRIAL, job, folder.log_file)) == folder.result()
    return folder


def test_testing_needs_no_training_data_again(
    engine: LocalEngine, facts: PreparedData, work: Path, complete: TrialFolder
) -> None:
    """Testing leaves the trial's own files as they were."""
    folder = TrialFolder(shutil.copytree(complete.path, work / "untouched"))
    job = TrialJob(small_config(), facts.stored, folder.path, (work,))
    before = contents(folder.path, but="log.txt")
    assert "test.json" not in before
    value(ended(engine, TEST_TRIAL, job, folder.log_file))
    after = contents(folder.path, but="log.txt")
    assert set(after) - set(before) == {"test.json"}
    assert {name: after[name] for name in before} == before


@pytest.mark.parametrize("at", ["cycle_end", "best"])
def test_testing_gives_the_trained_models_own_metrics(
    engine: LocalEngine, facts: PreparedData, work: Path, at: str
) -> None:
    """The saved model is tested; the one in the trial's memory gives the same, to the bit."""
    config = small_config(
        model="user_models:regularised", at=at, metric="val_loss", epochs=4, factor=1, max_lr=0.8
    )
    own = TrialJob(config, facts.stored, work / f"own_{at}", (work,))
    event = ended(engine, "trial_jobs:tested_by_its_own_loop", own, work / "own.log")
    folder = TrialFolder(work / f"saved_{at}")
    job = TrialJob(config, facts.stored, folder.path, (work,), with_test=True)
    value(ended(engine, RUN_TRIAL, job, folder.log_file))
    expected = {f"test_{name}": number for name, number in value(event).items()}
    assert folder.test_metrics() == expected != {}


def test_a_trial_that_has_ended_is_not_trained_again(
    engine: LocalEngine, facts: PreparedData, work: Path, complete: TrialFolder
) -> None:
    """The stored result is returned; the test set is evaluated where that is asked."""
    folder = TrialFolder(shutil.copytree(complete.path, work / "again"))
    before = contents(folder.path, but="log.txt")
    folder.checkpoint_file.write_bytes(b"left by a process that was killed just then")
    (folder.path / "result.part.json").write_bytes(b"{")
    tested = TrialJob(small_config(), facts.stored, folder.path, (work,), with_test=True)
    engine.start("again", RUN_TRIAL, tested, folder.log_file)
    (event,) = engine.wait(600)
    assert isinstance(event, Done), event  # and no epoch was told
    assert event.value == complete.result()
    after = contents(folder.path, but="log.txt")
    assert strict_json(after.pop("test.json").decode()) == folder.test_metrics() != {}
    assert after == before


@pytest.mark.parametrize(
    # TensorFlow waits ten seconds for memory before it gives up.
    "model",
    [pytest.param("hungry", marks=pytest.mark.heavy), "hungry_at_once"],
)
def test_out_of_memory(engine: LocalEngine, facts: PreparedData, work: Path, model: str) -> None:
    """TensorFlow's error and NumPy's, in the user's own function too, are told apart from bugs."""
    config = small_config(model=f"stateful_models:{model}")
    folder = TrialFolder(work / model)
    job = TrialJob(config, facts.stored, folder.path, (work,))
    event = ended(engine, RUN_TRIAL, job, folder.log_file)
    assert isinstance(event, Failed)
    assert isinstance(event.error, OutOfMemoryError), event.traceback
    assert event.error.exit_status == 1
    assert str(event.error).startswith("out of memory: ")
    assert ("Unable to allocate" if model == "hungry_at_once" else "OOM") in str(event.error)
    event = ended(engine, TEST_TRIAL, job, folder.log_file)
    if model == "hungry_at_once":
        assert isinstance(event, Failed)
        assert isinstance(event.error, OutOfMemoryError)
