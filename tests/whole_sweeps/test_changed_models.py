"""A module that makes another model than before: in a study, a comparison, a range test."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Any

import pytest
from real_runs import CLR_SWEEP, Place, definition

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

MODEL = """\
import keras

def build(input_shape, classes, rate=0.1):
    return keras.Sequential([
        keras.Input(input_shape), keras.layers.Rescaling(1 / 255), keras.layers.Flatten(),{more}
        keras.layers.Dense({units}), keras.layers.Dropout(rate),
        keras.layers.Dense(classes, activation="softmax"),
    ])
"""


# A layer without variables: weights and checkpoints of one model fit the other.
MORE = " keras.layers.Rescaling(-1.0),"


def write(place: Place, units: int, more: str = "") -> None:
    text = MODEL.format(units=units, more=more)
    (place.folder / "changing.py").write_text(text, encoding="utf-8")


def content(**study: Any) -> dict[str, Any]:
    made = definition(**study)
    made["model"] = {"name": "changing:build"}
    made["training"]["epochs"] = 2
    return made


def test_a_study_goes_on_with_its_model_alone(places: Callable[..., Place]) -> None:
    """Refused before anything is trained, by `run` and by `compare`; put back, it goes on.

    Its arguments are searched: the model of a trial is not the study's.
    """
    place = places("changed-model")
    write(place, 4)
    made = content(trials=1)
    made["search_space"]["model.rate"] = [0.2, 0.3]
    file = str(place.write_sweep(made))
    place.sweep("run", file, status=0)
    before = place.states()
    write(place, 8)
    refused = place.sweep("run", file, "--trials", "2", status=2)
    assert "  model.name: changing:build had 3,190 parameters, has now 6,370\n" in refused.output
    assert "cure: put its code back" in refused.output
    assert place.states() == before
    compared = place.sweep("compare", "tiny", "--rivals", "constant", status=2)
    assert "the model is not that of the study that is compared: changing:build had 3,190" in (
        compared.output
    )
    assert "study tiny: all is well" in place.sweep("doctor", "tiny", status=0).output
    write(place, 4)
    place.sweep("run", file, "--trials", "2", status=0)
    assert len(place.states()) == 2


def test_trained_weights_are_tested_in_their_model_alone(places: Callable[..., Place]) -> None:
    """Also where they fit another one; put back, it gives the same numbers."""
    place = places("changed-untested")
    write(place, 4)
    file = str(place.write_sweep(content(trials=1)))
    place.sweep("run", file, status=0)
    tested = [
        place.folder / "trials" / "tiny" / name / "test.json" for name in ("baseline", "0000")
    ]
    before = [one.read_text(encoding="utf-8") for one in tested]
    for one in tested:
        one.unlink()
    write(place, 4, MORE)
    refused = place.sweep("run", file, status=2)
    assert "study 'tiny' was made with another model" in refused.output
    assert not any(one.exists() for one in tested)
    write(place, 4)
    place.sweep("run", file, status=0)
    assert [one.read_text(encoding="utf-8") for one in tested] == before


def test_what_was_begun_with_another_model_starts_over(places: Callable[..., Place]) -> None:
    """Before there is any result, a changed model is taken, and nothing of the old one."""
    place = places("changed-begun")
    write(place, 4)
    made = content(trials=1)
    made["training"]["epochs"] = 500
    file = str(place.write_sweep(made))
    baseline = place.folder / "trials" / "tiny" / "baseline"

    def is_kept() -> bool:
        return (baseline / "checkpoint.npz").exists()

    first = place.start(*CLR_SWEEP, "run", file)
    first.wait_until(is_kept, "a checkpoint of the baseline")
    first.signal_group(signal.SIGINT)
    assert first.wait() == 130, first.output
    write(place, 4, MORE)
    second = place.start(*CLR_SWEEP, "run", file)
    second.wait_for("has other layers or variables now")
    assert "so what was begun with it starts over: baseline" in " ".join(second.output.split())
    log = baseline / "log.txt"
    second.wait_until(lambda: "starting over: it was of another model" in log.read_text(), "said")
    second.signal_group(signal.SIGINT)
    assert second.wait() == 130, second.output


def test_a_range_test_trains_another_model_anew(places: Callable[..., Place]) -> None:
    """What was recorded of the old one is not believed, and said; of the same it is taken."""
    place = places("changed-tested")
    write(place, 4)
    made = content()
    made["range_test"] = {"epochs": 1, "seeds": 1, "low": 1e-4}
    file = str(place.write_sweep(made))
    recorded = place.folder / "trials" / "tiny" / "range_test"
    place.sweep("range-test", file)
    (first,) = recorded.glob("*.npz")
    write(place, 8)
    again = place.sweep("range-test", file)
    said = "range test: recorded of a model with 3,190 parameters; this one has 6,370: trained anew"
    assert said in again.output
    assert "1 of 1 seed to train" in again.output
    assert {first} < set(recorded.glob("*.npz"))
    assert "to train" not in place.sweep("range-test", file).output
