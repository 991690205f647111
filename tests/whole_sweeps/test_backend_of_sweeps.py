"""Keras set to another backend, or to nonsense: a sweep trains with TensorFlow, and says so."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from real_runs import Place, definition

from clr_sweep.training.keras_backend import train_with_tensorflow


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and nothing said of Keras; the variable is put back after the test."""
    monkeypatch.setenv("KERAS_BACKEND", "")
    monkeypatch.delenv("KERAS_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def write_settings(folder: Path, content: str) -> Path:
    """Writes Keras' own file of settings."""
    folder.mkdir(exist_ok=True)
    file = folder / "keras.json"
    file.write_text(content, encoding="utf-8")
    return file


def said() -> list[str]:
    """What is said; the backend is set whatever it was."""
    lines: list[str] = []
    train_with_tensorflow(lines.append)
    assert os.environ["KERAS_BACKEND"] == "tensorflow"
    return lines


def test_nothing_is_said_where_nothing_else_was_asked_for(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TensorFlow is Keras' own choice, with its file or without, and where it cannot be read."""
    assert said() == []
    for content in ('{"backend": "tensorflow"}', "{}", "[1]", "no JSON"):
        monkeypatch.setenv("KERAS_BACKEND", "")
        write_settings(home / ".keras", content)
        assert said() == []


def test_the_variable_comes_before_the_file(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As it does in Keras; an empty one is none. The sentence names where it was said."""
    file = write_settings(home / ".keras", '{"backend": "torch"}')
    (line,) = said()
    assert line == (
        f"{file} sets Keras' backend to 'torch': a sweep trains with TensorFlow, so it runs "
        "with KERAS_BACKEND=tensorflow"
    )
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    (line,) = said()
    assert line.startswith("KERAS_BACKEND sets Keras' backend to 'jax': a sweep trains with")
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    assert said() == []


def test_the_file_is_looked_for_where_keras_does(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KERAS_HOME is the folder itself."""
    file = write_settings(home / "elsewhere", '{"backend": "jax"}')
    monkeypatch.setenv("KERAS_HOME", str(home / "elsewhere"))
    (line,) = said()
    assert line.startswith(f"{file} sets Keras' backend to 'jax'")


def one_trial(place: Place) -> Path:
    """A sweep file of one trial."""
    return place.write_sweep(definition(trials=1))


@pytest.mark.heavy
@pytest.mark.timeout(900)  # three commands that import Keras, one after the other
def test_a_sweep_is_trained_all_the_same(places: Callable[..., Place]) -> None:
    """One line, and then the sweep; `doctor --fix` and `train` say the same line."""
    place = places("on jax", KERAS_BACKEND="jax")
    file = one_trial(place)
    done = place.sweep("run", str(file), status=0)
    assert done.output.count("KERAS_BACKEND sets Keras' backend to 'jax'") == 1
    for arguments in (("doctor", "--fix"), ("export", "tiny", "-o", "best.yaml")):
        place.sweep(*arguments, status=0)
    done = place.sweep("train", "best.yaml", status=0)
    assert done.output.count("a sweep trains with TensorFlow") == 1


@pytest.mark.heavy
def test_settings_that_keras_refuses_are_refused_in_its_words(
    places: Callable[..., Place], home: Path
) -> None:
    """In one line, which does not blame the model or the data."""
    folder = home / "broken"
    write_settings(folder, json.dumps({"floatx": "float99"}))
    place = places("broken settings", KERAS_HOME=str(folder))
    done = place.sweep("run", str(one_trial(place)))
    assert done.process.returncode != 0
    (line,) = [line for line in done.output.splitlines() if "float99" in line]
    assert line.startswith("clr-sweep: Keras cannot be imported: Invalid `floatx` configuration.")
    assert "Traceback" not in done.output
    assert "model or data" not in done.output
