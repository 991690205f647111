"""The model that a study's results are of, and a start with another one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import optuna
import pytest
from small_studies import result
from written_sweeps import sweep

from clr_sweep.common.errors import StudyChangedError
from clr_sweep.search import writing
from clr_sweep.search.configurations import baseline_config
from clr_sweep.search.sampling import Asked
from clr_sweep.search.studied_model import keep_model, kept_model, refuse_another_model
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.requests import ModelIdentity

SMALL, LARGE = ModelIdentity(57, "a"), ModelIdentity(8970, "b")
Ask = Callable[[], Asked]


def test_it_is_kept(study: optuna.Study) -> None:
    """Read back as it was; a study of an earlier version has none, and takes any."""
    assert kept_model(study) is None
    refuse_another_model(study, sweep(), LARGE)
    keep_model(study, SMALL)
    assert kept_model(study) == SMALL


def test_another_one_is_refused(study: optuna.Study, ask: Ask) -> None:
    """What it was, what it is and the cure; the same one goes on."""
    keep_model(study, SMALL)
    writing.record_result(study, ask().trial, result())
    refuse_another_model(study, sweep(), SMALL)
    with pytest.raises(StudyChangedError) as caught:
        refuse_another_model(study, sweep(), LARGE)
    assert caught.value.exit_status == 2
    assert str(caught.value).split("\n") == [
        "study 'example' was made with another model, so its trials cannot be continued:",
        "  model.name: tutorial_cnn had 57 parameters, has now 8,970",
        "  cure: put its code back, or give the new model a study of its own (--study NAME)",
    ]


def test_without_a_result_it_may_change(study: optuna.Study, ask: Ask) -> None:
    """Code that is mended before anything came of it makes the study's model."""
    keep_model(study, SMALL)
    writing.record_failure(study, ask().trial, "the model raised an exception")
    writing.put_back(study, ask().trial)
    refuse_another_model(study, sweep(), LARGE)
    keep_model(study, LARGE)
    assert kept_model(study) == LARGE


def test_a_baseline_is_a_result(study: optuna.Study, tmp_path: Path) -> None:
    """That has ended: all trials are held against it."""
    keep_model(study, SMALL)
    config = baseline_config(sweep(), 60000)
    record = TrialRecord("baseline", None, "running", None, config, tmp_path / "baseline")
    writing.record_baseline(study, record)
    refuse_another_model(study, sweep(), LARGE)
    writing.record_baseline(study, record, result())
    with pytest.raises(StudyChangedError):
        refuse_another_model(study, sweep(), LARGE)
