"""What of a study, its folders and its runs in MLflow does not agree, and the mending of it.

Optuna's database and the trials' folders are the truth. What they lack cannot be made up; MLflow
can always be completed from them.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import optuna
from optuna.storages import BaseStorage
from optuna.trial import TrialState

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.common.secrets import hidden_address
from clr_sweep.common.sqlite_files import is_missing
from clr_sweep.definition.storage_urls import sqlite_file
from clr_sweep.search import storage
from clr_sweep.search.attributes import BASELINE, DELETING, RANGE_TEST, STATE, STUDY_ID
from clr_sweep.search.lost_files import missing_files, unreadable_files
from clr_sweep.search.one_driver import Holder, only_driver
from clr_sweep.search.places import Places
from clr_sweep.search.reading import read_study
from clr_sweep.search.study_folder import left_behind, only_driver_here, write_best
from clr_sweep.search.writing import record_progress, waiting_again
from clr_sweep.study.evaluation import is_testable
from clr_sweep.study.killed_driver import GONE, without_driver
from clr_sweep.study.parent_run import is_described, open_parent, parent_problems, publisher_of
from clr_sweep.study.publishing import Publisher
from clr_sweep.tracking.find_runs import experiment_of
from clr_sweep.tracking.link import Link
from clr_sweep.tracking.moved_store import follow, moved_from
from clr_sweep.tracking.store import connect
from clr_sweep.training.durable import part_files
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import RangeTestRecord, StudyRecord, TrialRecord


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


class Examination:
    """Of one study.

    Args:
        url: of its storage; None is the default one.
        tracker: the URI of MLflow's store.
        fix: mend what can be mended.
    """

    def __init__(
        self, store: BaseStorage, study: optuna.Study, url: str | None, tracker: str, *, fix: bool
    ) -> None:
        self.store = store
        self.study = study
        self.url = url or storage.DEFAULT_STORAGE
        self.tracker = tracker
        self.fix = fix
        self.found = Findings(study.study_name)
        # Whether a file from which runs are made cannot be read.
        self.unreadable = False
        # Whether a finalist lacks its metrics on the test set, which best.yaml has.
        self.untested = False
        self.folder = Places(study).home or Path()

    def findings(self) -> Findings:
        name = self.study.study_name
        if DELETING in self.study.user_attrs:
            self.found.lost.append(
                f"it is half deleted: `clr-sweep delete {name}` deletes the rest"
            )
            return self.found
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
                self._tested(record)
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
            if self.fix:  # a driver that has lost its lock is to notice that they were put back
                holder.sign(study)
            self._mend(
                f"RUNNING in the study, and no process runs it: {numbers}",
                lambda: waiting_again(study),
            )
        record = read_study(study)
        if record.state == "running":
            self._mend(
                "the study is marked as running, and no process runs it",
                lambda: record_progress(study, "interrupted", record.planned, GONE),
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
        broken = list(unreadable_files(folder))
        self.unreadable |= bool(broken)
        self.found.lost += [f"{record.label}: {text}" for text in broken or missing_files(record)]

    def _tested(self, study: StudyRecord) -> None:
        """Whether those that were tested when the search had ended still have what was found."""
        if study.state != "complete":
            return
        for record in study.to_be_tested:
            if record.state != "complete":
                continue
            folder = TrialFolder(record.folder)
            if is_testable(record) and not folder.test_file.exists():
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
        uri = self.tracker
        untrained = _untrained(read_study(self.study))
        file = sqlite_file(uri)
        there_is_none = file is not None and is_missing(file)
        if there_is_none and untrained:
            return
        if there_is_none and not self.fix:
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
        record = without_driver(read_study(self.study))
        problems = parent_problems(publisher, record)
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
