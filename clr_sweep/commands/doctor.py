"""`clr-sweep doctor`: do the study, the trials' folders and MLflow agree, and if not, mend it.

Optuna's database and the trials' folders are the truth. What they lack cannot be made up; MLflow
can always be completed from them.
"""

from __future__ import annotations

import contextlib
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.search import storage
from clr_sweep.search.attributes import BASELINE, RANGE_TEST, STATE, STUDY_ID
from clr_sweep.search.lock import Holder, only_driver
from clr_sweep.search.lost import lost_files
from clr_sweep.search.places import Places
from clr_sweep.search.reading import read_study
from clr_sweep.search.study_folder import left_behind, only_driver_here, write_best
from clr_sweep.search.writing import record_progress, waiting_again
from clr_sweep.study.parent_run import is_described, open_parent, publisher_of
from clr_sweep.study.publishing import Publisher, best_told, outcome
from clr_sweep.study.store_errors import plain_store_errors
from clr_sweep.tracking import tags
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.lookup import experiment_of
from clr_sweep.tracking.moved_store import follow, moved_from
from clr_sweep.tracking.store import connect, file_of, tracking_uri
from clr_sweep.training.durable import part_files
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import RangeTestRecord, State, StudyRecord, TrialRecord

Record = TypeVar("Record", TrialRecord, RangeTestRecord)

_GONE = "its process ended without a word"


@dataclass
class Findings:
    """What is wrong with a study.

    Attributes:
        mendable: what `--fix` mends.
        lost: what nothing can mend.
        running: why it was not looked at: a process runs it.
    """

    study: str
    mendable: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    running: str = ""

    def lines(self, *, fixed: bool) -> list[str]:
        """What was found, for people."""
        name, number = self.study, len(self.mendable) + len(self.lost)
        if self.running:
            return [f"{self.running} (it was not looked at)"]
        if not number:
            return [f"study {name}: all is well"]
        lines = [f"study {name}: {number} {'thing is' if number == 1 else 'things are'} wrong"]
        lines += [f"  {text}{' (mended)' if fixed else ''}" for text in self.mendable]
        lines += [f"  {text} (cannot be mended)" for text in self.lost]
        if self.mendable and not fixed:
            lines.append(f"  mend it: clr-sweep doctor {name} --fix")
        return lines


def examine(name: str | None, url: str | None, *, fix: bool) -> list[Findings]:
    """Look at one study, or at all that the storage holds.

    Args:
        name: of the study; None is all.
        url: of the study storage; None is the default one.
        fix: mend what can be mended.

    Raises:
        InputError: there is no such study.
        StoreError: a store cannot be used.
    """
    with plain_store_errors(url):
        store = storage.open_storage(url or storage.DEFAULT_STORAGE, must_exist=True)
        studies = [storage.load_study(store, name)] if name else list(storage.own_studies(store))
        return [_Examination(store, study, url, fix).findings() for study in studies]


class _Examination:
    """Of one study."""

    def __init__(self, store: BaseStorage, study: optuna.Study, url: str | None, fix: bool) -> None:
        self.store = store
        self.study = study
        self.url = url or storage.DEFAULT_STORAGE
        self.fix = fix
        self.found = Findings(study.study_name)
        # Whether a file from which runs are made cannot be read.
        self.unreadable = False
        # Whether a finalist lacks its metrics on the test set, which best.yaml has.
        self.untested = False
        self.folder = Places(study).home or Path()

    def findings(self) -> Findings:
        name = self.study.study_name
        if not is_described(self.study):
            self.found.lost.append(
                "it was made by an earlier version, which did not store what this needs: start "
                "it once more with `clr-sweep run` and its sweep file, then it can be looked at"
            )
            return self.found
        try:
            with contextlib.ExitStack() as locks:
                if self.folder.is_dir():
                    locks.enter_context(only_driver_here(self.folder, name))
                holder = locks.enter_context(only_driver(self.url, name))
                locks.enter_context(holder.guarding(self.store))
                try:
                    self._study(holder)
                    record = read_study(self.study)
                except StoreError as error:  # a trial's file that is damaged
                    self.found.lost.append(str(error))
                    return self.found
                for trial in record.all:
                    self._trial_folder(trial)
                self._finalists(record)
                if record.range_test is not None:
                    self._range_test(record.range_test)
                self._work_folders()
                if not self.unreadable:
                    self._mlflow()
        except InputError as error:
            self.found.running = str(error)
        return self.found

    def _mend(self, text: str, how: Callable[[], object]) -> None:
        self.found.mendable.append(text)
        if self.fix:
            how()

    def _study(self, holder: Holder) -> None:
        """What a driver that was killed leaves in the study."""
        study = self.study
        running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        stuck = [f"trial {trial.number}" for trial in running]
        if study.user_attrs.get(BASELINE, {}).get(STATE) == "running":
            stuck.append("baseline")
        if study.user_attrs.get(RANGE_TEST, {}).get(STATE) == "running":
            stuck.append("range test")
        if stuck:
            numbers = ", ".join(stuck)
            if (
                self.fix
            ):  # a driver that has lost its lock is to notice that its trials were put back
                holder.sign(study)
            self._mend(
                f"RUNNING in the study, and no process runs it: {numbers}",
                lambda: waiting_again(study),
            )
        record = read_study(study)
        if record.state == "running":
            self._mend(
                "the study is marked as running, and no process runs it",
                lambda: record_progress(study, "interrupted", record.planned, _GONE),
            )

    def _trial_folder(self, record: TrialRecord) -> None:
        folder = TrialFolder(record.folder)
        if not record.folder.is_dir():
            if record.has_ended:
                self.found.lost.append(
                    f"{record.label}: its folder {record.folder} is gone, and with it its epochs, "
                    "its curve and its model"
                )
            return
        for file in folder.leftovers():
            self._mend(f"{record.label}: {file.name} is half-written", file.unlink)
        broken = list(_unreadable_files(folder))
        self.unreadable |= bool(broken)
        self.found.lost += [f"{record.label}: {text}" for text in broken or _lost_files(record)]

    def _finalists(self, study: StudyRecord) -> None:
        """Whether the two that were tested when the search had ended still have what was found."""
        if study.state != "complete":
            return
        for record in (study.best, study.baseline):
            if record is None or record.state != "complete":
                continue
            folder = TrialFolder(record.folder)
            if folder.model_file.exists() and not folder.test_file.exists():
                self.untested = True
                self.found.lost.append(
                    f"{record.label}: its file {folder.test_file.name} is gone, with its metrics "
                    "on the test set: the same `clr-sweep run` as before tests its model again"
                )

    def _range_test(self, record: RangeTestRecord) -> None:
        """The curves of a complete test, from which its run is made."""
        for folder in {file.parent for file in record.files}:
            for file in part_files(folder):
                self._mend(f"range test: {file.name} is half-written", file.unlink)
        if record.state != "complete":
            return
        try:
            record.curves()
        except StoreError as error:
            self.found.lost.append(f"range test: {error}")

    def _work_folders(self) -> None:
        for work in left_behind(self.folder):
            self._mend(
                f"{work.name}: data that a killed process left behind",
                lambda work=work: shutil.rmtree(work),  # type: ignore[misc]
            )

    def _mlflow(self) -> None:
        uri = tracking_uri()
        untrained = _untrained(read_study(self.study))
        file = file_of(uri)
        if file is not None and not file.exists() and untrained:
            return
        if file is not None and not file.exists() and not self.fix:
            self.found.mendable.append(f"the MLflow store {hidden_address(uri)} does not exist")
            return
        if file is not None and (former := moved_from(file)):
            self._mend(
                f"the MLflow store {hidden_address(uri)} was moved or copied here from "
                f"{', '.join(map(str, former))}, and its runs have the files there",
                partial(follow, file),
            )
            if not self.fix:
                return
        client = connect(uri, as_it_is=True)
        known = experiment_of(client, self.study.user_attrs[STUDY_ID])
        if known is None and untrained:
            return  # its model was refused, or it was stopped, before there was anything to tell
        if known is None and not self.fix:
            self.found.mendable.append(
                f"the MLflow store {hidden_address(uri)} has no run of the sweep"
            )
            return
        said: list[str] = []
        publisher = publisher_of(self.study, client, Link(said.append), known)
        record = _as_mended(read_study(self.study))
        problems = _parent_problems(publisher, record)
        if self.fix and problems:
            open_parent(self.study, publisher, self.url, None)
        problems += publisher.reconcile(record, mend=self.fix)
        if self.fix and problems:
            publisher.conclude(record)
        self.found.mendable += problems
        if not self.untested:
            self._best_file(publisher, record)

    def _best_file(self, publisher: Publisher, record: StudyRecord) -> None:
        text = publisher.best_yaml(record)
        if record.state == "complete" and text is not None:
            best = self.folder / "best.yaml"
            if not best.exists() or best.read_text(encoding="utf-8") != text:
                self._mend(
                    f"{best.name} is not what `clr-sweep export` writes",
                    lambda: write_best(self.folder, text),
                )


def _untrained(study: StudyRecord) -> bool:
    """Whether nothing of the study was ever trained, so that MLflow may not know of it."""
    return study.range_test is None and not any(
        record.reports or record.has_ended for record in study.all
    )


def _as_mended(study: StudyRecord) -> StudyRecord:
    """The study without what a killed driver leaves, so that looking finds what mending mends."""

    def waiting(record: Record) -> Record:
        return replace(record, state="interrupted") if record.state == "running" else record

    state: State = "interrupted" if study.state == "running" else study.state
    return replace(
        study,
        trials=tuple(waiting(trial) for trial in study.trials),
        baseline=study.baseline and waiting(study.baseline),
        range_test=study.range_test and waiting(study.range_test),
        state=state,
        reason=_GONE if study.state == "running" else study.reason,
    )


def _unreadable_files(folder: TrialFolder) -> Iterator[str]:
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


def _lost_files(record: TrialRecord) -> Iterator[str]:
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
        yield f"epochs.jsonl has {len(record.reports)} epochs, result.json {result.epochs}"


def _parent_problems(publisher: Publisher, study: StudyRecord) -> list[str]:
    """What is wrong with the run that stands for the sweep; `parent_id` is set to it."""
    runs = publisher.runs
    parents = runs.parents()
    if not parents:
        return ["the sweep has no run in MLflow"]
    parent = parents[0]
    runs.parent_id = parent.info.run_id
    problems = [] if len(parents) == 1 else [f"the sweep has {len(parents)} runs in MLflow"]
    status = tags.STATUS_OF_STATE[study.state]
    if (parent.data.tags.get(tags.STATE), parent.info.status) != (study.state, status):
        problems.append(
            f"the sweep's run is {parent.data.tags.get(tags.STATE)}, {parent.info.status}, "
            f"not {study.state}, {status}"
        )
    expected = outcome(study)
    files = ["best.yaml", "figures/history.png"] if expected else []
    there = runs.files(parent.info.run_id)
    problems += [f"the sweep's run has no {name}" for name in files if name not in there]
    told, name = best_told(runs, f"best_{study.metric}"), f"best_{study.metric}"
    wrong = [step for step, value in study.best_values().items() if told.get(step) != value]
    if wrong:
        problems.append(f"the sweep's run has not the {name} of {len(wrong)} of its trials")
    metrics = parent.data.metrics
    problems += [
        f"the sweep's run says {name} is {metrics.get(name)}, not {value}"
        for name, value in expected.items()
        if metrics.get(name) != value
    ]
    return problems
