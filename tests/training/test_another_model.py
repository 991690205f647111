"""A trial whose code makes another model than an earlier attempt trained, of the same variables."""

from __future__ import annotations

from pathlib import Path

import pytest
import switched_models
from interrupted_trials import Interrupted, assert_same_trial, train_anew
from keras import layers
from small_trials import small_config

from clr_sweep.common.errors import StoreError, StudyChangedError
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.model_identity import (
    keep_identity,
    kept_identity,
    model_identity,
    refuse_another,
)
from clr_sweep.training.reports import EpochReport

NAME = "switched_models:build"
CONFIG = small_config(model=NAME, epochs=4)


def changed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(switched_models, "MORE", (layers.Activation("tanh"),))


def interrupted(images: Dataset, path: Path) -> TrialFolder:
    """What a trial leaves that was interrupted after its second epoch."""
    folder = TrialFolder(path)

    def after_two(report: EpochReport) -> bool:
        if report.epoch == 2:
            raise Interrupted
        return True

    with pytest.raises(Interrupted):
        train_anew(CONFIG, images, folder, on_epoch=after_two)
    return folder


def test_an_interrupted_one_starts_over(
    images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """It ends as one that was trained with the new model alone, and says so."""
    folder = interrupted(images, tmp_path / "cut")
    changed(monkeypatch)
    train_anew(CONFIG, images, folder)
    assert "starting over: it was of another model" in capsys.readouterr().out
    whole = TrialFolder(tmp_path / "whole")
    train_anew(CONFIG, images, whole)
    assert_same_trial(folder, whole)


def test_one_that_has_ended_is_trained_again(
    images: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process wrote the result, and the study has not heard of it; of the same it is taken."""
    folder = TrialFolder(tmp_path)
    before = train_anew(CONFIG, images, folder)
    written = folder.model_file.stat().st_mtime_ns
    assert train_anew(CONFIG, images, folder) == before
    assert folder.model_file.stat().st_mtime_ns == written
    changed(monkeypatch)
    assert train_anew(CONFIG, images, folder).metrics != before.metrics
    assert kept_identity(folder) == model_identity(switched_models.build())


def test_what_a_folder_keeps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its model alone is taken; a folder of an earlier version takes any."""
    folder, model = TrialFolder(tmp_path), model_identity(switched_models.build())
    refuse_another(folder, NAME, model)
    keep_identity(folder, model)
    refuse_another(folder, NAME, model)
    changed(monkeypatch)
    with pytest.raises(StudyChangedError, match=f"{NAME} has other layers or variables now"):
        refuse_another(folder, NAME, model_identity(switched_models.build()))
    folder.identity_file.write_text("{", encoding="utf-8")
    with pytest.raises(StoreError, match="cannot be read"):
        kept_identity(folder)
