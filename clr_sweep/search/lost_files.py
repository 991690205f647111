"""What a study's trials have left in their folders and is gone, damaged, or there again."""

from __future__ import annotations

import logging
import zipfile
from collections.abc import Iterator
from pathlib import Path

import optuna
from optuna.trial import TrialState

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import StoreError
from clr_sweep.search.attributes import BASELINE, FOLDER, LOST
from clr_sweep.search.places import Places
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import StudyRecord, TrialRecord

logger = logging.getLogger("clr_sweep")

# What the folder of a trial that has ended holds, unless the trial failed.
FILES = ("config.json", "epochs.jsonl", "curve.npz", "model.keras", "result.json")
# What is shown of it is read from these; a model may have been removed to save space.
SHOWN = ("epochs.jsonl", "curve.npz")


def lost_files(record: TrialRecord) -> list[str]:
    """The names of the files that a trial should have left, and that are not there."""
    if not record.has_ended or record.state == "failed" or not record.folder.is_dir():
        return []
    expected: tuple[str, ...] = FILES
    if record.config.training.function is not None:
        # It records no steps, and may have no model; one that it had was made one for inference.
        has_model = TrialFolder(record.folder).signature() is not None
        without = {"curve.npz"} if has_model else {"curve.npz", "model.keras"}
        expected = tuple(name for name in FILES if name not in without)
    return [name for name in expected if not (record.folder / name).exists()]


def refuse_lost(record: TrialRecord, *names: str) -> None:
    """Find out whether what a trial left is still there, before it is looked into.

    Args:
        names: of the files that are needed.

    Raises:
        StoreError: its folder is gone, or one of these files that it should have left.
    """
    if _is_gone(record):
        raise StoreError(
            f"{record.label}: its folder {record.folder} is gone, and with it its epochs, curves "
            "and model; what the study and MLflow hold of it stays. Put the folder there, or load "
            "the study where it is"
        )
    if lost := [name for name in lost_files(record) if name in names]:
        raise StoreError(f"{record.label} has no {', '.join(lost)} any more in {record.folder}")


def warn_of_lost(record: StudyRecord) -> None:
    """A line for what is shown without the files of some trials, since these are gone."""
    gone = [trial for trial in record.all if _is_gone(trial)]
    for line in (*_folders(gone), *_files(record, SHOWN)):
        logger.warning(line)


def missing_files(record: TrialRecord) -> Iterator[str]:
    """What the folder of a trial that has ended should hold, and does not."""
    folder = TrialFolder(record.folder)
    if not record.has_ended or record.state == "failed":
        return
    yield from (f"its file {name} is gone" for name in lost_files(record))
    result = folder.result()
    if result is not None and (result.value, result.metrics) != (record.value, record.metrics):
        yield (
            f"result.json says {result.value} and {dict(result.metrics)}, the study "
            f"{record.value} and {dict(record.metrics)}"
        )
    if result is not None and result.epochs != len(record.reports):
        epochs = plural(len(record.reports), "epoch")
        yield f"epochs.jsonl has {epochs}, result.json {result.epochs}"


def unreadable_files(folder: TrialFolder) -> Iterator[str]:
    """What is there and cannot be read."""
    for file, read in (
        (folder.path / "result.json", folder.result),
        (folder.curve_file, lambda: zipfile.ZipFile(folder.curve_file).close()),
        (folder.model_file, lambda: zipfile.ZipFile(folder.model_file).close()),
    ):
        try:
            if file.exists():
                read()
        except (ValueError, LookupError, TypeError, OSError, EOFError, zipfile.BadZipFile) as error:
            why = str(error).split("\n")[0]
            yield f"{file} cannot be read ({why}): put it back or remove it, then look again"


def lost_and_found(study: optuna.Study, record: StudyRecord) -> list[str]:
    """What has to be said of it at a start; the study remembers what is lost until it is found."""
    places, before = Places(study), list(study.user_attrs.get(LOST, ()))
    gone = [trial for trial in record.all if _is_gone(trial)]
    files = [trial.label for trial in record.all if lost_files(trial)]
    curves = _lost_curves(record)
    now = [*(trial.label for trial in gone), *files, *(["range test"] if curves else [])]
    if now != before:
        study.set_user_attr(LOST, now)
    lines = list(_moved(study, record, places))
    lines += _folders(gone, places.home)
    lines += _files(record)
    lines += curves
    lines += _starting_over(study, record)
    if again := [label for label in before if label not in now]:
        lines.append(f"found again: what {', '.join(again)} left")
    return lines


def _is_gone(record: TrialRecord) -> bool:
    # An attempt that was interrupted goes on from what it left; one that has only been sampled,
    # or whose process never came to start, has left nothing.
    return not record.folder.is_dir() and record.has_ended


def _files(record: StudyRecord, needed: tuple[str, ...] = FILES) -> Iterator[str]:
    for trial in record.all:
        if names := [name for name in lost_files(trial) if name in needed]:
            yield f"lost: {trial.label} has no {', '.join(names)} any more"


def _folders(gone: list[TrialRecord], home: Path | None = None) -> Iterator[str]:
    if gone:
        labels = ", ".join(record.label for record in gone)
        where = home or gone[0].folder.parent
        yield (
            f"lost: {labels}: not in {where}, and with the folders their epochs, curves and "
            "models; what the study and MLflow hold of them stays. Put the folders there, or run "
            "this where they are"
        )


def _starting_over(study: optuna.Study, record: StudyRecord) -> Iterator[str]:
    """Of trials that wait to go on, and have nothing to go on from."""
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    begun = {trial.number for trial in waiting if trial.intermediate_values}
    labels = [t.label for t in record.trials if t.number in begun and not t.folder.is_dir()]
    if labels:
        yield f"lost: what {', '.join(labels)} would go on from: starting over"


def _lost_curves(record: StudyRecord) -> list[str]:
    test = record.range_test
    if test is None or test.state != "complete":
        return []
    try:
        test.curves()
    except StoreError as error:
        return [f"lost: range test: {error}"]
    return []


def _moved(study: optuna.Study, record: StudyRecord, places: Places) -> Iterator[str]:
    """Folders that were stored as lying elsewhere, and are taken from the study's folder now."""
    texts: dict[int | None, str] = {
        trial.number: trial.user_attrs[FOLDER]
        for trial in study.get_trials(deepcopy=False)
        if FOLDER in trial.user_attrs
    }
    if baseline := study.user_attrs.get(BASELINE):
        texts[None] = baseline[FOLDER]
    moved = [
        trial
        for trial in record.all
        if (text := texts.get(trial.number)) is not None
        and trial.folder.is_dir()
        and trial.folder.resolve() != places.whole(text).resolve()
    ]
    if moved:
        labels = ", ".join(trial.label for trial in moved)
        yield f"found again in {places.home}: {labels}, which were stored as lying elsewhere"
