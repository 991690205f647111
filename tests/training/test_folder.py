"""A trial's folder: what is written is read back to the bit, and nothing half-written counts."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np
import pytest
import user_models
from hypothesis import given, settings
from hypothesis import strategies as st
from small_trials import small_config, strict_json

from clr_sweep.records import Divergence, EpochReport, StepPoint, TrialResult
from clr_sweep.training.folder import TrialFolder

finite = st.floats(allow_nan=False, allow_infinity=False)
counts = st.integers(0, 2**40)
metrics = st.dictionaries(st.sampled_from(["loss", "accuracy", "val_loss", "val_accuracy"]), finite)
points = st.builds(StepPoint, step=counts, learning_rate=finite, batch_loss=st.none() | finite)
reports = st.builds(
    EpochReport,
    epoch=counts,
    step=counts,
    metrics=metrics,
    cpu_seconds=finite,
    wall_seconds=finite,
    points=st.lists(points, max_size=3).map(tuple),
)
results = st.builds(
    TrialResult,
    state=st.sampled_from(["complete", "pruned", "diverged"]),
    reason=st.none() | st.text(max_size=20),
    value=st.none() | finite,
    metrics=metrics,
    epochs=counts,
    steps=counts,
    cpu_seconds=finite,
    wall_seconds=finite,
    divergence=st.none()
    | st.builds(Divergence, step=counts, epoch=counts, learning_rate=finite, phase=finite),
)
REPORT = EpochReport(1, 8, {"val_loss": 0.1 + 0.2}, 1.5, 1.6, (StepPoint(0, 0.01, None),))
RESULT = TrialResult("complete", None, 0.5, {"val_accuracy": 0.5}, 2, 16, 3.0, 4.0)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> TrialFolder:
    """A folder whose files are written again and again."""
    return TrialFolder(tmp_path_factory.mktemp("shared"))


@pytest.fixture
def folder(tmp_path: Path) -> TrialFolder:
    """A folder that is not there yet."""
    return TrialFolder(tmp_path / "study" / "0003")


@settings(max_examples=50)
@given(written=st.lists(reports, max_size=4))
def test_reports_come_back(shared: TrialFolder, written: list[EpochReport]) -> None:
    """Every number of every epoch is read as it was written, to the bit."""
    shared.start(small_config())
    for report in written:
        shared.append(report)
    assert shared.reports() == tuple(written)


@settings(max_examples=50)
@given(result=results)
def test_results_come_back(shared: TrialFolder, result: TrialResult) -> None:
    """A result is read as it was written, and the file is JSON that any reader takes."""
    shared.save_result(result)
    assert shared.result() == result
    assert strict_json((shared.path / "result.json").read_text())["steps"] == result.steps


@pytest.mark.parametrize("policy", ["triangular", "exp_range", "constant"])
def test_configurations_come_back(folder: TrialFolder, policy: str) -> None:
    """Floats keep every bit, whole numbers stay whole."""
    config = small_config(policy, init_lr=0.1 / 3, max_lr=0.1 + 0.2, gamma=0.1 + 0.7)
    folder.start(config)
    assert folder.config() == config
    assert folder.config().model_dump_json() == config.model_dump_json()
    assert type(folder.config().schedule.step_size_factor) is int


def test_curves_come_back(folder: TrialFolder) -> None:
    """Rates and losses in float32, a diverged trial's last loss included."""
    folder.start(small_config())
    assert folder.curve() is None
    rates = np.array([0.1, 1e-30, 3e38], dtype="float32")
    losses = np.array([2.3, np.inf, np.nan], dtype="float32")
    folder.save_curve(rates, losses)
    found = folder.curve()
    assert found is not None
    for one, other in zip(found, (rates, losses), strict=True):
        np.testing.assert_array_equal(one, other, strict=True)


def test_test_metrics_come_back(folder: TrialFolder) -> None:
    """Loss and accuracy on the test set; an empty mapping before they are there."""
    folder.start(small_config())
    assert folder.test_metrics() == {}
    folder.save_test({"test_loss": 0.1 + 0.2, "test_accuracy": 0.75})
    assert folder.test_metrics() == {"test_loss": 0.1 + 0.2, "test_accuracy": 0.75}


def test_models_come_back(folder: TrialFolder) -> None:
    """A model saved over another one is the one that is read."""
    folder.start(small_config())
    models = [user_models.perceptron() for _ in range(2)]
    for model in models:
        folder.save_model(model)
    loaded = keras.models.load_model(folder.model_file)
    for found, expected in zip(loaded.get_weights(), models[1].get_weights(), strict=True):
        np.testing.assert_array_equal(found, expected, strict=True)


def test_what_stands_in_a_complete_folder(folder: TrialFolder) -> None:
    """The files that the module names, and no leftovers of writing them."""
    folder.clear()
    folder.start(small_config())
    folder.append(REPORT)
    folder.save_curve(np.zeros(2, "float32"), np.zeros(2, "float32"))
    folder.save_model(user_models.perceptron())
    folder.save_result(RESULT)
    folder.save_test({})
    names = {"config.json", "epochs.jsonl", "curve.npz", "model.keras", "result.json", "test.json"}
    assert {file.name for file in folder.path.iterdir()} == names
    assert folder.model_file.name in names
    assert folder.curve_file.name in names
    assert folder.log_file == folder.path / "log.txt"


def test_a_line_cut_short_is_left_out(folder: TrialFolder) -> None:
    """Wherever a crash cuts the last line, the epochs before it are read, and no part of it."""
    folder.start(small_config())
    first = dataclasses.replace(REPORT, epoch=1)
    folder.append(first)
    file = folder.path / "epochs.jsonl"
    whole = len(file.read_bytes())
    folder.append(dataclasses.replace(REPORT, epoch=2, metrics={"val_loss": 0.25}))
    content = file.read_bytes()
    for length in range(whole, len(content)):
        file.write_bytes(content[:length])
        assert folder.reports() == (first,)
    for length in range(whole):
        file.write_bytes(content[:length])
        assert folder.reports() == ()


def test_a_file_half_written_is_not_there(folder: TrialFolder) -> None:
    """What a crash leaves of a file under way is not taken for the file."""
    folder.start(small_config())
    for name in ("result.json.part", "test.json.part", "curve.part.npz", "part.keras"):
        (folder.path / name).write_bytes(b"{")
    assert folder.result() is None
    assert folder.curve() is None
    assert folder.test_metrics() == {}
    assert not folder.model_file.exists()
    folder.save_result(RESULT)
    assert folder.result() == RESULT


def test_a_write_that_fails_keeps_the_old(folder: TrialFolder) -> None:
    """A model that cannot be saved leaves the one that was there."""
    folder.start(small_config())
    folder.save_model(user_models.perceptron())
    before = folder.model_file.read_bytes()

    class Unsaveable(keras.layers.Layer):
        def get_config(self) -> dict[str, object]:
            raise RuntimeError("it has no configuration")

    with pytest.raises(RuntimeError, match="it has no configuration"):
        folder.save_model(keras.Sequential([keras.Input((2,)), Unsaveable()]))
    assert folder.model_file.read_bytes() == before


def test_a_new_attempt_begins_empty(folder: TrialFolder) -> None:
    """Clearing takes away all of an earlier attempt; starting takes away its epochs."""
    folder.start(small_config())
    folder.append(REPORT)
    folder.save_result(RESULT)
    folder.start(small_config())
    assert folder.reports() == ()
    (folder.path / "part.keras").write_bytes(b"left")
    folder.clear()
    assert list(folder.path.iterdir()) == []
    assert folder.reports() == ()
    assert folder.result() is None
