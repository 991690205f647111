"""Kept runs: whole studies of the shipped sweeps, as one small file each.

What the heads of the sweeps and the pages of the documentation say of a sweep is written from these
files, so that it can be recomputed, and held, without training anything.
"""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from clr_sweep.definition.sweep import Sweep
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.training.records import StudyRecord, StudySource, TrialRecord

FOLDER = Path(__file__).parents[1] / "recorded" / "runs"
# The sweep whose best trial docs/mlflow.md shows step by step.
DRAWN = "first_look"
SWEEPS = Path(__file__).parents[2] / "sweeps"
# What was compared with tuned rivals: configurations in one search of each arm, classes in several.
COMPARED, CLASSES = "fashion_mnist", "classes"
GALLERY = tuple(sorted(f"gallery/{file.stem}" for file in SWEEPS.glob("gallery/*.yaml")))


@dataclass(frozen=True)
class KeptRun:
    """A sweep that was run in full.

    Attributes:
        sweep: name of its file (`sweep_file`), without `.yaml`, such as `gallery/digits`.
        definition: what it held of all that decides its trials.
        study: the study as it was stored in the end; steps within an epoch are kept of the best
            trial alone.
        range_curves: of its range test, one a seed, as `Curve.arrays` gives them.
        exported: what `clr-sweep export` wrote.
        rates: of each step of the best trial, where docs/mlflow.md shows them; else empty.
        losses: of the batch of each of these steps.
    """

    sweep: str
    definition: Mapping[str, Any]
    study: StudyRecord
    range_curves: tuple[Mapping[str, Any], ...]
    exported: str
    rates: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()


_FORM = TypeAdapter(KeptRun)


def machine(sweep: str) -> str:
    """What a kept run was run on."""
    return "2 cores of an AMD EPYC with " + ("AVX2" if sweep in GALLERY else "AVX-512")


def sweep_file(sweep: str) -> Path:
    """The file of a sweep: a shipped one, or the benchmark of classes."""
    folder = FOLDER.parents[1] / CLASSES if sweep == CLASSES else SWEEPS
    return folder / f"{sweep}.yaml"


def file_of(sweep: str) -> Path:
    """Where the run of a sweep is kept."""
    return FOLDER / f"{sweep}.json.gz"


def write(run: KeptRun) -> Path:
    """Keep a run; the same run gives the same bytes."""
    file = file_of(run.sweep)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(_FORM.dump_json(run), mtime=0))
    return file


def read(sweep: str) -> KeptRun:
    """The kept run of a sweep.

    Raises:
        FileNotFoundError: none is kept.
    """
    return _FORM.validate_json(gzip.decompress(file_of(sweep).read_bytes()))


def kept() -> tuple[str, ...]:
    """The sweeps of which a run is kept."""
    files = (file.relative_to(FOLDER).as_posix() for file in FOLDER.rglob("*.json.gz"))
    return tuple(sorted(name.removesuffix(".json.gz") for name in files))


def definition(sweep: Sweep) -> dict[str, Any]:
    """What decides a sweep's trials: not where they are kept, or how many train at once."""
    whole = sweep.model_dump(mode="json", exclude={"tracking", "engine"})
    for key in ("storage", "jobs", "trials_per_gpu", "name"):
        whole["study"].pop(key, None)
    return whole


def thinned(study: StudyRecord) -> StudyRecord:
    """The study with the steps within epochs of its best trial alone: they are most of its size."""
    best = study.best
    return replace(
        study,
        trials=tuple(
            trial if best is not None and trial.number == best.number else _without_points(trial)
            for trial in study.trials
        ),
        baseline=_without_points(study.baseline) if study.baseline is not None else None,
        comparisons=tuple(map(thinned, study.comparisons)),
        searches=tuple(map(thinned, study.searches)),
    )


def without_places(study: StudyRecord) -> StudyRecord:
    """The study without the folders of the machine that it was run on."""
    test = study.range_test
    return replace(
        study,
        trials=tuple(_placed(trial, study.name) for trial in study.trials),
        baseline=_placed(study.baseline, study.name) if study.baseline is not None else None,
        comparisons=tuple(map(without_places, study.comparisons)),
        searches=tuple(map(without_places, study.searches)),
        source=None if study.source is None else _anywhere(study.source),
        range_test=None if test is None else replace(
            test, files=tuple(Path("trials", study.name, file.name) for file in test.files)
        ),
    )  # fmt: skip


def _anywhere(source: StudySource) -> StudySource:
    """A data set that a function of a module gives is known by the module's file.

    A sweep file of the project is named as from its root.
    """
    sweep = Path(source.file)
    if sweep.is_relative_to(SWEEPS):
        sweep = sweep.relative_to(SWEEPS.parent)
    file, colon, function = str(source.data.get("source", "")).partition(":")
    named = {"source": f"{Path(file).name}:{function}"} if colon else {}
    place = sweep.as_posix() if source.file else ""
    return replace(source, file=place, data={**source.data, **named})


def _placed(trial: TrialRecord, study: str) -> TrialRecord:
    known = {key: value for key, value in trial.provenance.items() if key != "folder"}
    return replace(trial, folder=Path("trials", study, trial.folder.name), provenance=known)


def _without_points(trial: TrialRecord) -> TrialRecord:
    return replace(trial, reports=tuple(replace(one, points=()) for one in trial.reports))


def curve_lists(curve: Curve) -> dict[str, Any]:
    """A curve in types that JSON holds."""
    return {
        name: value.tolist() if hasattr(value, "tolist") else value
        for name, value in curve.arrays().items()
    }
