"""A sweep made in Python: `clr_sweep.Sweep`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
import written_sweeps
import yaml
from written_sweeps import content, written

from clr_sweep import InputError, Sweep
from clr_sweep.definition.loading import load_sweep
from clr_sweep.library.running import asked_run


def made(**changes: Any) -> Sweep:
    """The sweep of `written_sweeps`, with sections replaced."""
    return Sweep(**(content() | changes))


def test_it_is_what_the_file_says(tmp_path: Path) -> None:
    """All sections as mappings: the same definition, and the file that it writes has it too."""
    sweep = made()
    assert sweep.definition == load_sweep(written(tmp_path))
    assert yaml.safe_load(sweep.text) == content()
    sweep.save(tmp_path / "saved.yaml")
    saved = Sweep.from_file(tmp_path / "saved.yaml")
    assert saved.definition == sweep.definition
    assert saved.source.is_written
    assert not sweep.source.is_written


def test_functions_in_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They get their names, and their modules' folder comes first; numbers may be NumPy's."""
    monkeypatch.chdir(tmp_path)
    space = content()["search_space"] | {"max_lr": {"low": np.float64(0.02), "high": 0.5}}
    sweep = made(
        model=written_sweeps.sweep,
        training={"epochs": np.int64(16), "metrics": ["accuracy", written_sweeps.written]},
        search_space=space | {"step_size_factor": (2, 4)},
    )
    folder = Path(written_sweeps.__file__).parent
    assert sweep.definition.model.name == "written_sweeps:sweep"
    assert sweep.definition.training.metrics == ("accuracy", "written_sweeps:written")
    assert sweep.definition.search_space.step_size_factor == (2, 4)
    assert sweep.source.folders == (folder, tmp_path)
    assert "step_size_factor: [2, 4]" in sweep.text
    whole = made(model={"name": written_sweeps.sweep, "arguments": {"changes": 7}})
    assert whole.definition.model.arguments == {"changes": 7}


def test_what_is_made_already() -> None:
    """A loader and a model: each trial makes its own, so the function that does is wanted."""
    batches = tf.data.Dataset.from_tensor_slices([1.0, 2.0])
    for given in (iter([1]), (one for one in ()), batches, {"name": iter([1])}):
        with pytest.raises(InputError, match=r"dataset\.name: must be a function that makes it"):
            made(dataset=given)
    with pytest.raises(InputError, match=r"model\.name: must be .* makes it, got a list_iterator:"):
        made(model={"name": iter([1])})
    with pytest.raises(InputError, match=r"model\.name: must be text"):
        made(model=3)


def test_a_path_in_hand(tmp_path: Path) -> None:
    """A data file by its path; one that is not there is refused as in a sweep file."""
    with pytest.raises(InputError, match=r"dataset\.name: .*none\.npz"):
        made(dataset=tmp_path / "none.npz")


def test_all_that_is_wrong_at_once() -> None:
    """Of what has no name and of all else, each with its place."""
    with pytest.raises(InputError) as caught:
        made(
            dataset=((np.zeros((4, 2)), np.zeros(3)), (np.zeros((4, 2)), np.zeros(4))),
            model=keras.Sequential([keras.Input((2,))]),
            training={"epochs": 0, "optimiser": "sgd"},
            study={"trials": -1},
        )
    problems = "\n".join(caught.value.problems)
    assert "dataset.name: y_train: must have a label for each of the 4 examples" in problems
    assert "model.name: must be a function that makes it, got a Sequential" in problems
    assert "training.epochs: " in problems
    assert "training.optimiser: " in problems
    assert "study.trials: " in problems
    assert len(caught.value.problems) == 5


def test_with_other_values(tmp_path: Path) -> None:
    """A copy, checked again as a whole; the first stays what it is."""
    for sweep in (made(), Sweep.from_file(written(tmp_path))):
        other = sweep.replaced({"study.trials": 9, "training.epochs": 20})
        assert (other.definition.study.trials, other.definition.training.epochs) == (9, 20)
        assert other.replaced({"study.seed": 1}).definition.study.trials == 9
        assert sweep.definition.study.trials == 5
        with pytest.raises(InputError, match="epochs: "):
            sweep.replaced({"training.epochs": 1})


def test_as_a_call_asks_for_it(tmp_path: Path) -> None:
    """What is None is not given; a wrong value of a file does not count where another is given."""
    asked = {"study.trials": 9, "training.epochs": None}
    for given in (made(), written(tmp_path, {"study.trials": 0})):
        definition = Sweep.asked(given, asked).definition
        assert (definition.study.trials, definition.training.epochs) == (9, 16)
    sweep = made()
    assert Sweep.asked(sweep, {"study.trials": None}) is sweep


def test_the_store_that_a_call_names_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the command line has it: whatever looks at the study later finds its runs there."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    sweep = made(tracking={"experiment": "mine"})
    asked = asked_run(sweep, "sqlite:///other.db")
    assert asked.tracker == asked.sweep.tracking.uri == "sqlite:///other.db"
    assert asked.sweep.tracking.experiment == "mine"
    asked = asked_run(sweep, None)
    assert (asked.tracker, asked.sweep.tracking.uri) == ("sqlite:///mlflow.db", None)


def test_another_engine(tmp_path: Path) -> None:
    """What is said of a cluster is not meant on this machine, in Python as in a file."""
    engine = {"name": "ray", "address": "auto", "cpus": 2}
    for sweep in (made(engine=engine), Sweep.from_file(written(tmp_path, {"engine": engine}))):
        assert sweep.replaced({"engine.name": "local"}).definition.engine.name == "local"


def test_shipped_and_missing_files() -> None:
    """A shipped sweep by its name; a file that is not there is refused as on the command line."""
    sweep = Sweep.from_file("fashion_mnist", {"study.trials": 3})
    assert repr(sweep) == "<Sweep fashion-mnist: tutorial_cnn on fashion_mnist, 3 trials>"
    with pytest.raises(InputError, match="cannot be read"):
        Sweep.from_file("nowhere.yaml")


def test_another_file_is_not_overwritten(tmp_path: Path) -> None:
    """But for who asks for it; the same sweep may be written again."""
    file, sweep = tmp_path / "mine.yaml", made()
    file.write_text("# written by hand\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"mine\.yaml: is there already, and is not this sweep"):
        sweep.save(file)
    assert file.read_text(encoding="utf-8") == "# written by hand\n"
    sweep.save(file, overwrite=True)
    sweep.save(file)
    assert Sweep.from_file(file).definition == sweep.definition
