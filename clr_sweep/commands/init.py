"""`clr-sweep init`: a sweep file for a model and data, after a look at both."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

from clr_sweep.commands.new_sweep import (
    TRIALS,
    fitting_objective,
    sweep_text,
    sweep_warnings,
)
from clr_sweep.commands.output import not_possible
from clr_sweep.commands.schema import SCHEMA_FILE
from clr_sweep.common.durations import duration
from clr_sweep.common.errors import InputError
from clr_sweep.common.scratch import scratch_folder
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.data_names import kind_of, named_within
from clr_sweep.definition.loading import load_sweep, search_path
from clr_sweep.definition.study_config import StudyConfig
from clr_sweep.definition.sweep import DatasetConfig, ModelConfig, Sweep
from clr_sweep.definition.validation import validated
from clr_sweep.definition.yaml_file import read_mapping
from clr_sweep.engines.base import Engine
from clr_sweep.engines.local.engine import local_engine
from clr_sweep.engines.to_the_end import Job, run_one
from clr_sweep.search.configurations import baseline_config
from clr_sweep.study.preparation import check_sizes, estimate, inspect, prepare_data
from clr_sweep.study.slots import at_once, processor, take_slots
from clr_sweep.training.data.datasets import check_dataset_name
from clr_sweep.training.data.image_sizes import look_at_images
from clr_sweep.training.data.named import each
from clr_sweep.training.models import check_model_name
from clr_sweep.training.requests import LOOK_AT_MODEL, LookJob, ModelLook, PreparedData

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")


def write_sweep(
    model: str, data: str, file: Path, stop: StopRequest, say: Callable[[str], None]
) -> str:
    """Look at a model and data, and write a sweep file that fits them.

    Args:
        model: a model's name, as in a sweep file.
        data: a data set's name, as in a sweep file.
        file: the sweep file, which must not be there.
        say: told what is under way.

    Returns:
        What was written, for people, and what comes next.

    Raises:
        InputError: the file is there, or the model or the data cannot be used as they are.
        TrialFailedError: the user's model or data code failed.
        InterruptedSweepError: after Ctrl-C or SIGTERM.
    """
    _refuse_file(file)
    folders = search_path(file)
    wrong = [f"--data: {text}" for text in check_dataset_name(data, folders)]
    wrong += [f"--model: {text}" for text in check_model_name(model, folders)]
    if wrong:
        raise InputError(wrong)
    with scratch_folder() as work, local_engine() as engine:
        take_slots(engine, StudyConfig(), work, stop)
        say(f"loading {data}")
        dataset, seen = _dataset(data, folders)
        facts = prepare_data(engine, dataset, folders, work, stop)
        say(f"looking at the model {model}")
        look = _look(engine, model, facts, folders, work, stop)
        objective = each(look.outputs, lambda one: fitting_objective(one, model))
        warnings = [f"warning: {text}" for text in sweep_warnings(look, objective)]
        write = partial(
            sweep_text,
            _study_name(data, model),
            dataset.model_copy(update={"name": _beside(data, file)}),
            seen,
            model,
            facts,
            look.outputs,
            objective,
            warnings,
            str(SCHEMA_FILE),
            settles=look.settles,
        )
        say("taking some training steps, to time them")
        budget = _budget(engine, write, facts, folders, work, stop)
    _write_new(file, write(budget))
    named = shlex.quote(str(file))
    follows = f"what it would do: clr-sweep check {named}; start it: clr-sweep run {named}"
    return "\n".join([budget, *warnings, f"{file} is written; {follows}"])


def _dataset(data: str, folders: tuple[Path, ...]) -> tuple[DatasetConfig, str]:
    """The data with the keys that they need, and why these are as they are."""
    if kind_of(data) != "images":
        return DatasetConfig(name=data), ""
    look = look_at_images(data, folders)
    return DatasetConfig(name=data, **look.options.given()), look.seen


def _look(
    engine: Engine,
    model: str,
    facts: PreparedData,
    folders: tuple[Path, ...],
    work: Path,
    stop: StopRequest,
) -> ModelLook:
    job = LookJob(ModelConfig(name=model), facts.stored, folders)
    found = run_one(engine, Job(LOOK_AT_MODEL, job, work / "look.log"), stop)
    assert isinstance(found, ModelLook)
    return found


def _budget(
    engine: Engine,
    write: Callable[[str], str],
    facts: PreparedData,
    folders: tuple[Path, ...],
    work: Path,
    stop: StopRequest,
) -> str:
    """What a run of the sweep costs, after its first steps, which show that it trains."""
    draft = work / "draft.yaml"
    draft.write_text(write("Budget: not known yet."), encoding="utf-8")
    sweep = validated(Sweep, read_mapping(draft), "the sweep")
    check_sizes(sweep, facts, facts.source)
    config = baseline_config(sweep, facts.train)
    found = inspect(engine, config, facts, folders, work, stop)
    cost = estimate(sweep, found, facts, TRIALS, engine.slots)
    return (
        f"Budget: a range test, {TRIALS} trials and the baseline, at most "
        f"{duration(cost.cpu_seconds)} of {processor(engine)}, {duration(cost.wall_seconds)} here "
        f"({at_once(engine)})."
    )


def _study_name(data: str, model: str) -> str:
    """After the data: the name of a file or a folder, or of a function."""
    stem = data.replace("_", "-")
    if (path := _path(data)) is not None:
        stem = path.stem if kind_of(data) == "file" else path.absolute().name
    name = _NO_NAME.sub("-", stem).strip("._-")
    return name[:60] or _NO_NAME.sub("-", model)[:60]


def _beside(data: str, file: Path) -> str:
    """A file or folder as it is named beside the sweep file; whatever else it is stays as it is."""
    here = _path(data)
    if here is None or here.is_absolute() or not here.exists():
        return data
    named = os.path.relpath(here, file.parent)
    return named if kind_of(data) == "file" else f"images:{named}"


def _path(data: str) -> Path | None:
    """Where the data lie, if that is what their name says."""
    kind = kind_of(data)
    if kind not in ("file", "images"):
        return None
    return Path(data if kind == "file" else named_within(data))


def _refuse_file(file: Path) -> None:
    if os.path.lexists(file):
        raise InputError("is there, and nothing is overwritten: name another with -o", str(file))
    if not os.path.isdir(file.parent):
        raise InputError("cannot be written: there is no such folder", str(file))


def _write_new(file: Path, text: str) -> None:
    """Write a file that was not there, and read it as every other command does.

    Raises:
        InputError: it is there by now, cannot be written, or `clr-sweep check` would refuse it.
    """
    try:
        with file.open("x", encoding="utf-8") as opened:
            opened.write(text)
    except FileExistsError:
        _refuse_file(file)
    except OSError as error:
        with contextlib.suppress(OSError):
            file.unlink(missing_ok=True)  # what of it could be written would be in the way
        raise not_possible(file, "cannot be written", error) from None
    try:
        load_sweep(file)
    except InputError:
        file.unlink()
        raise
