"""What becomes of trials, written into the study."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import optuna
from optuna.trial import TrialState
from small_studies import result, sweep, text_of

from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import BASELINE
from clr_sweep.search.configurations import baseline_config
from clr_sweep.search.reading import read_study
from clr_sweep.search.sampling import Asked
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import Divergence

EXAMPLES = 60000
Ask = Callable[[], Asked]


def test_trials_that_a_driver_put_back_wait_too(study: optuna.Study, ask: Ask) -> None:
    """After a signal the trials wait already; they are named among those that go on."""
    first, second = ask().trial, ask().trial
    trials.put_back(study, first)
    assert trials.waiting_again(study) == [first.number, second.number]
    assert [ask().trial.number for _ in range(3)] == [0, 1, 2]


def test_a_diverged_trial_is_learned_from_and_is_never_nan(
    study: optuna.Study, ask: Ask, tmp_path: Path
) -> None:
    """It is told as pruned, with where it happened; the storage holds no value that is none."""
    trial = ask().trial
    where = Divergence(step=900, epoch=2, learning_rate=0.7, phase=0.25)
    ended = result("diverged", None, reason="the loss is NaN", divergence=where, epochs=2)
    trials.record_result(study, trial, ended)
    assert study.trials[0].state == TrialState.PRUNED
    (record,) = read_study(study).trials
    assert (record.state, record.reason, record.value) == ("diverged", "the loss is NaN", None)
    assert record.divergence == where
    text = text_of(tmp_path / "optuna.db")
    assert "NaN" not in text.replace("the loss is NaN", "")
    assert "Infinity" not in text


def test_the_baseline_is_no_trial(study: optuna.Study, tmp_path: Path) -> None:
    """The sampler never learns from it; it is read beside the trials, whatever its state."""
    assert read_study(study).baseline is None
    config, folder = baseline_config(sweep(), EXAMPLES), tmp_path / "baseline"
    begun = TrialRecord("baseline", None, "running", None, config, folder)
    trials.record_baseline(study, begun)
    running = read_study(study).baseline
    assert running is not None
    assert (running.state, running.number, running.value) == ("running", None, None)
    done = replace(begun, state="complete", provenance={"x": 1})
    trials.record_baseline(study, done, result(value=0.75))
    ended = read_study(study).baseline
    assert ended is not None
    assert (ended.kind, ended.state, ended.value) == ("baseline", "complete", 0.75)
    assert ended.config == config
    assert study.trials == []


def test_a_baseline_left_running_is_interrupted(study: optuna.Study, tmp_path: Path) -> None:
    """As the trials of a driver that died; its configuration and its folder stay."""
    config = baseline_config(sweep(), EXAMPLES)
    begun = TrialRecord("baseline", None, "running", None, config, tmp_path, retried=("killed",))
    trials.record_baseline(study, begun)
    before = study.user_attrs[BASELINE]
    assert trials.waiting_again(study) == []
    assert study.user_attrs[BASELINE] == {**before, "state": "interrupted"}
    record = read_study(study).baseline
    assert record is not None
    assert (record.state, record.retried, record.config) == ("interrupted", ("killed",), config)


def test_what_an_attempt_says_again(study: optuna.Study, ask: Ask) -> None:
    """An epoch is stored once; where a later attempt found another value, its value counts."""
    trial = ask().trial
    for epoch, value in ((1, 0.5), (2, 0.6)):
        trials.record_epoch(study, trial, epoch, value)
    trials.put_back(study, trial)
    again = ask().trial
    for epoch, value in ((1, 0.5), (2, 0.65), (3, 0.7)):
        trials.record_epoch(study, again, epoch, value)
    assert study.trials[0].intermediate_values == {1: 0.5, 2: 0.65, 3: 0.7}
    assert len(study.trials) == 1


def test_a_retry_waits_with_its_reasons(study: optuna.Study, ask: Ask) -> None:
    """The reasons of earlier attempts stay with the trial, to its end."""
    trials.record_retry(study, ask().trial, ["killed by SIGKILL"])
    (waiting,) = read_study(study).trials
    assert (waiting.state, waiting.retried) == ("interrupted", ("killed by SIGKILL",))
    again = ask().trial
    assert again.number == 0
    trials.record_result(study, again, result())
    (ended,) = read_study(study).trials
    assert (ended.state, ended.retried) == ("complete", ("killed by SIGKILL",))


def test_the_state_comes_last(study: optuna.Study, ask: Ask) -> None:
    """A driver killed while it tells the end leaves a RUNNING trial, which goes on and ends."""
    trial = ask().trial
    ended = result("pruned", None, reason="pruned after epoch 1 of 2")
    trial.set_user_attr("result", {"state": "pruned"})
    trial.set_user_attr("state", "pruned")
    (record,) = read_study(study).trials
    assert record.state == "running"
    assert trials.waiting_again(study) == [0]
    trials.record_result(study, ask().trial, ended)
    assert [t.state for t in study.trials] == [TrialState.PRUNED]
    (record,) = read_study(study).trials
    assert (record.state, record.reason) == ("pruned", "pruned after epoch 1 of 2")
