"""What an export keeps of the model that was trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from clr_sweep.common.errors import InputError
from clr_sweep.results.export import Exported, Origin, as_yaml, read_exported
from clr_sweep.training.requests import ModelIdentity

MODEL = ModelIdentity(1311, "0123456789abcdef")


def written(build: Any, folder: Path, model: ModelIdentity | None) -> tuple[Path, Exported]:
    """The export of a trial of this model, and what is read of it."""
    trial = dataclasses.replace(build.trial(0), model=model)
    file = folder / "best.yaml"
    text = as_yaml(build.study([trial]), trial, Origin(None, None, {}))
    file.write_text(text, encoding="utf-8")
    return file, read_exported(file)


def test_another_model_is_told_by_what_the_export_keeps(build: Any, tmp_path: Path) -> None:
    """Of other size, or of the same size and other layers; the same one is not."""
    file, exported = written(build, tmp_path, MODEL)
    assert exported.another_model(MODEL, file) == exported.another_model(None, file) == ""
    found = exported.another_model(ModelIdentity(2343, "f" * 16), file)
    assert found == (
        "the model is another one than that of best.yaml: tutorial_cnn had 1,311 parameters, has "
        "now 2,343"
    )
    layers = exported.another_model(ModelIdentity(1311, "f" * 16), file)
    assert layers.endswith("has other layers or variables now, of 1,311 parameters as before")


def test_an_earlier_export_keeps_nothing_of_it(build: Any, tmp_path: Path) -> None:
    """So nothing is said."""
    file, exported = written(build, tmp_path, None)
    assert "model" not in exported.provenance
    assert exported.another_model(MODEL, file) == ""


@pytest.mark.parametrize("kept", ["cnn", {"parameters": 1}, {"parameters": "1", "digest": "a"}])
def test_what_is_no_model(build: Any, tmp_path: Path, kept: object) -> None:
    """A file that was changed by hand: refused with the place, not by a traceback."""
    file, _ = written(build, tmp_path, MODEL)
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    content["provenance"]["model"] = kept
    file.write_text(yaml.safe_dump(content), encoding="utf-8")
    with pytest.raises(
        InputError, match=r"provenance\.model: must be the parameters and the digest"
    ):
        read_exported(file)
