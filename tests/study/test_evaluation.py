"""The best trial and the baseline on the test set: real models, evaluated in real processes."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import own_trainings
import pytest
from small_trials import SLICE, few_images, small_config

from clr_sweep.common.errors import InputError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.sweep import DatasetConfig
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.study.evaluation import evaluate_untested, refuse_unjudged
from clr_sweep.study.preparation import prepare_data
from clr_sweep.study.trial_job import finished
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.requests import PreparedData
from clr_sweep.training.trial import train


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalEngine]:
    with pytest.MonkeyPatch.context() as patched, local_engine(2) as made:
        patched.setenv("CLR_SWEEP_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield made


@pytest.fixture(scope="module")
def facts(engine: LocalEngine, tmp_path_factory: pytest.TempPathFactory) -> PreparedData:
    """The slice of real images, as a sweep loads it."""
    folder = tmp_path_factory.mktemp("data")
    return prepare_data(engine, DatasetConfig(name=str(SLICE)), (), folder, StopRequest())


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRecord:
    """Two trials, of which one is better, and the baseline."""
    folder = tmp_path_factory.mktemp("finals")
    records = []
    for number, policy, rate in (
        (0, "triangular", 0.1),
        (1, "triangular", 0.02),
        (None, "constant", 0),
    ):
        config = small_config(policy, model="tutorial_cnn", max_lr=rate, epochs=2)
        kind = "baseline" if number is None else "trial"
        path = folder / str(number)
        record = TrialRecord(kind, number, "running", None, config, path)  # type: ignore[arg-type]
        result = train(config, few_images(), TrialFolder(path))
        records.append(finished(record, result))
    first, second, baseline = records
    return StudyRecord("s", "val_accuracy", "maximize", (first, second), baseline)


@pytest.mark.heavy
def test_the_two_are_evaluated_once(
    engine: LocalEngine, facts: PreparedData, study: StudyRecord
) -> None:
    """No other trial sees the test set; what has been evaluated is not evaluated again."""
    best = study.best
    assert best is not None
    assert study.baseline is not None
    evaluate_untested(engine, study, facts, (), StopRequest(), print)
    other = next(trial for trial in study.trials if trial is not best)
    assert not (other.folder / "test.json").exists()
    found = {}
    for record in (best, study.baseline):
        found[record.label] = TrialFolder(record.folder).test_metrics()
        assert found[record.label].keys() == {"test_loss", "test_accuracy"}
        assert 0 <= found[record.label]["test_accuracy"] <= 1
        (record.folder / "test.json").unlink()
    tested = replace(best, test_metrics={"test_loss": 1.0})
    trials = tuple(tested if trial is best else trial for trial in study.trials)
    evaluate_untested(engine, replace(study, trials=trials), facts, (), StopRequest(), print)
    assert not (best.folder / "test.json").exists()
    # The same model on the same images: the same numbers.
    assert TrialFolder(study.baseline.folder).test_metrics() == found["baseline"]


@pytest.mark.heavy
def test_none_where_validation_was_on_the_test_set(
    engine: LocalEngine, facts: PreparedData, study: StudyRecord
) -> None:
    """What is known of the test set is known: no second look is shown as a fair one."""

    def on_test(record: TrialRecord) -> TrialRecord:
        dataset = record.config.dataset.model_copy(update={"validation": "test"})
        return replace(record, config=record.config.model_copy(update={"dataset": dataset}))

    assert study.baseline is not None
    trials = tuple(on_test(trial) for trial in study.trials)
    seen = replace(study, trials=trials, baseline=on_test(study.baseline))
    for record in seen.all:
        (record.folder / "test.json").unlink(missing_ok=True)
    evaluate_untested(engine, seen, facts, (), StopRequest(), print)
    assert not any((record.folder / "test.json").exists() for record in seen.all)


def test_nothing_to_evaluate(engine: LocalEngine, facts: PreparedData, study: StudyRecord) -> None:
    """A study without a complete trial, whose baseline failed."""
    assert study.baseline is not None
    baseline = replace(study.baseline, state="failed", folder=Path("nowhere"))
    for left in (baseline, None):
        without = replace(study, trials=(), baseline=left)
        evaluate_untested(engine, without, facts, (), StopRequest(), print)
    assert engine.running == ()


@pytest.mark.parametrize(
    ("evaluate", "text"),
    [
        ("evaluate_to_no_number", "test_loss is nan, test_mae is inf"),
        ("evaluate_to_nothing", "it has no metric"),
    ],
)
def test_what_is_no_number_is_told(
    evaluate: str, text: str, engine: LocalEngine, facts: PreparedData, study: StudyRecord
) -> None:
    """A function's NaN has no place among the results, which is no reason for silence."""
    assert study.baseline is not None
    own = {"function": "own_trainings:by_hand", "evaluate": f"own_trainings:{evaluate}"}
    training = study.baseline.config.training.model_copy(update=own)
    dataset = study.baseline.config.dataset.model_copy(update={"name": None, "examples": 64})
    config = study.baseline.config.model_copy(update={"training": training, "dataset": dataset})
    alone = replace(study, trials=(), baseline=replace(study.baseline, config=config))
    said: list[str] = []
    modules = Path(own_trainings.__file__).parent
    evaluate_untested(engine, alone, facts, (modules,), StopRequest(), said.append)
    assert said == [
        f"test of baseline: {text}: what is no finite number is not kept, and not compared"
    ]
    assert TrialFolder(study.baseline.folder).test_metrics() == {}
    (study.baseline.folder / "test.json").unlink()


def test_a_model_that_is_gone(engine: LocalEngine, facts: PreparedData, study: StudyRecord) -> None:
    """Its trial is left out, and it is said."""
    assert study.baseline is not None
    lost = replace(study.baseline, folder=Path("nowhere"), test_metrics={})
    said: list[str] = []
    alone = replace(study, trials=(), baseline=lost)
    evaluate_untested(engine, alone, facts, (), StopRequest(), said.append)
    expected = f"baseline is not evaluated on the test set: {Path('nowhere/model.keras')} is gone"
    assert said == [expected]


def test_no_comparison_by_what_is_not_told(study: StudyRecord, tmp_path: Path) -> None:
    """Refused with what is told; what our own evaluation tells is enough."""
    best = study.best
    assert best is not None
    tested = replace(best, test_metrics={"test_loss": 0.5})
    refuse_unjudged(replace(study, trials=(tested,)))
    own = {"function": "own:train", "evaluate": "own:test"}
    training = best.config.training.model_copy(update=own)
    by_function = replace(tested, config=best.config.model_copy(update={"training": training}))
    with pytest.raises(InputError, match=r"study 's' cannot be .*own:test gives no finite acc"):
        refuse_unjudged(replace(study, trials=(by_function,)))
    told_none = replace(by_function, test_metrics={}, folder=tmp_path)
    refuse_unjudged(replace(study, trials=(told_none,)))  # it was not asked
    TrialFolder(tmp_path).save_test({"test_accuracy": math.nan})
    with pytest.raises(InputError, match="own:test gives no finite accuracy, nor any other"):
        refuse_unjudged(replace(study, trials=(told_none,)))
