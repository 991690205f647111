"""A model that is refused before the first trial leaves a study with which nothing is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from real_runs import Place, definition

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

MODEL = """\
import keras, os, sys

def build(input_shape, classes):
    {fault}
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Flatten(),
        keras.layers.Dense(classes, activation="softmax"),
    ])
"""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("return None", "must return a keras.Model, got a NoneType"),
        ("sys.exit(3)", "SystemExit: 3"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_refused_model(places: Callable[..., Place], fault: str, said: str) -> None:
    """Said in words, without frames of ours; the doctor is content; mended, the same goes on."""
    place = places("refused")
    model = place.folder / "refused_model.py"
    model.write_text(MODEL.format(fault=fault), encoding="utf-8")
    sweep = {**definition(trials=1), "model": {"name": "refused_model:build"}}
    file = place.write_sweep(sweep)
    refused = place.sweep("run", str(file))
    assert refused.process.returncode in (1, 2), refused.output
    assert said in refused.output
    assert "clr_sweep/" not in refused.output.replace(str(place.folder), "")
    assert "another process" not in refused.output
    looked = place.sweep("doctor", status=0)
    assert "all is well" in looked.output
    model.write_text(MODEL.format(fault="pass"), encoding="utf-8")
    place.sweep("run", str(file), status=0)
    place.sweep("doctor", status=0)


def test_train_without_its_module(places: Callable[..., Place]) -> None:
    """One sentence: which module, and where it was looked for, each folder once."""
    place = places("trained")
    model = place.folder / "refused_model.py"
    model.write_text(MODEL.format(fault="pass"), encoding="utf-8")
    file = place.write_sweep({**definition(trials=1), "model": {"name": "refused_model:build"}})
    place.sweep("run", str(file), status=0)
    place.sweep("export", "tiny", "-o", "best.yaml", status=0)
    model.unlink()
    refused = place.sweep("train", "best.yaml")
    assert refused.process.returncode != 0
    lines = [line for line in refused.output.splitlines() if line.startswith("clr-sweep: ")]
    assert len(lines) == 1, refused.output
    assert "there is no module 'refused_model'" in lines[0]
    assert lines[0].count(f"{place.folder}") == 1, lines[0]
    assert "Traceback" not in refused.output
    assert "Error" not in lines[0]
