"""The range test's run in MLflow: completed, made anew where it contradicts what is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from landscapes import classifier, seeds, stuck
from range_records import complete_test
from small_studies import SmallStudy
from written_sweeps import FROM_RANGE_TEST

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.search.configurations import range_test_config
from clr_sweep.search.writing import record_range_test, waiting_again
from clr_sweep.training.records import RangeTestRecord

CHANGES = {**FROM_RANGE_TEST, "range_test": {"seeds": 2}}


@pytest.fixture
def tested(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallStudy:
    """A study whose range test is complete, in the store of its folder."""
    monkeypatch.chdir(tmp_path)
    made = SmallStudy(tmp_path, changes=CHANGES)
    record_range_test(made.study, complete(made))
    return made


def complete(made: SmallStudy, curves: Sequence[Curve] = ()) -> RangeTestRecord:
    return complete_test(
        made.folder, curves or seeds(2), study=made.study.study_name,
        config=range_test_config(made.sweep, 0, 320), test=made.sweep.range_test,
    )  # fmt: skip


def test_it_is_made_once_and_then_well(tested: SmallStudy) -> None:
    """From the stored test alone; looked at again, nothing is wrong."""
    publisher = tested.publisher()
    record = tested.record
    assert publisher.reconcile(record, mend=False) == ["range test: it has no run in MLflow"]
    assert publisher.runs.range_tests() == []
    publisher.reconcile(record)
    assert publisher.reconcile(record) == []
    (run,) = publisher.runs.range_tests()
    assert run.data.metrics["suggested_max_lr"] == record.range_test.suggestion.max
    assert run.info.status == "FINISHED"


def test_what_it_lacks_is_added(tested: SmallStudy) -> None:
    """A test that was begun, and whose end MLflow missed, keeps its run."""
    publisher, record = tested.publisher(), tested.record.range_test
    publisher.range_test(replace(record, state="running", suggestion=None))
    (begun,) = publisher.runs.range_tests()
    assert begun.info.status == "RUNNING"
    problems = publisher.reconcile(tested.record)
    assert any("values not logged" in text for text in problems)
    assert any("no artifact figures/range_test.png" in text for text in problems)
    (run,) = publisher.runs.range_tests()
    assert run.info.run_id == begun.info.run_id
    assert publisher.reconcile(tested.record) == []


def test_its_warnings_are_in_mlflow(tested: SmallStudy) -> None:
    """As a tag and in the description; what somebody takes away there, doctor finds."""
    warned = complete(tested, [classifier(), stuck()])
    record_range_test(tested.study, warned)
    publisher = tested.publisher()
    publisher.reconcile(tested.record)
    (run,) = publisher.runs.range_tests()
    told = run.data.tags["clr_sweep.warnings"].splitlines()
    assert tuple(told) == warned.suggestion.warnings
    assert told[0].startswith("seed 2 is left out: its mean loss of")
    assert f"- warning: {told[0]}" in run.data.tags["mlflow.note.content"]
    publisher.runs.client.delete_tag(run.info.run_id, "clr_sweep.warnings")
    assert publisher.reconcile(tested.record) == [
        "range test: its warnings are not those of the test"
    ]
    assert publisher.reconcile(tested.record) == []


@pytest.mark.heavy
@pytest.mark.parametrize("how", ["value", "parameter", "second"])
def test_what_contradicts_is_made_anew(tested: SmallStudy, how: str) -> None:
    """MLflow takes no value back: such a run goes, and one that is right stands there."""
    publisher = tested.publisher()
    publisher.reconcile(tested.record)
    client, (run,) = publisher.runs.client, publisher.runs.range_tests()
    if how == "value":
        client.log_metric(run.info.run_id, "smoothed_loss", 77.0, step=1)
    elif how == "second":
        publisher.runs.start_range_test()
    else:
        publisher.runs.delete(run.info.run_id)
        wrong = publisher.runs.start_range_test()
        client.log_param(wrong, "rule", "valley")
    problems = publisher.reconcile(tested.record)
    assert problems
    assert all(text.startswith("range test: ") for text in problems)
    assert len(publisher.runs.range_tests()) == 1
    assert publisher.reconcile(tested.record) == []


def test_a_study_without_one_has_no_such_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that stands for none is foreign."""
    monkeypatch.chdir(tmp_path)
    made = SmallStudy(tmp_path)
    publisher = made.publisher()
    publisher.runs.start_range_test()
    assert publisher.reconcile(made.record) == ["range test: the study has no range test"]
    assert publisher.reconcile(made.record) == []


def test_a_killed_drivers_test_waits(tested: SmallStudy) -> None:
    """Stored as running, and nobody runs it: it is interrupted, in the study and in MLflow."""
    record = replace(tested.record.range_test, state="running", suggestion=None)
    record_range_test(tested.study, record)
    waiting_again(tested.study)
    assert tested.record.range_test.state == "interrupted"
    publisher = tested.publisher()
    publisher.reconcile(tested.record)
    (run,) = publisher.runs.range_tests()
    assert (run.info.status, run.data.tags["clr_sweep.state"]) == ("KILLED", "interrupted")
    assert publisher.reconcile(tested.record) == []


def test_curves_that_are_gone(tested: SmallStudy) -> None:
    """What MLflow has is then the only place that has them: it is left as it is."""
    publisher = tested.publisher()
    publisher.reconcile(tested.record)
    (before,) = publisher.runs.range_tests()
    tested.record.range_test.files[0].unlink()
    assert publisher.reconcile(tested.record) == []
    (after,) = publisher.runs.range_tests()
    assert after.info.run_id == before.info.run_id
