"""The stages of a sweep: data, range test, trials, evaluation; from a definition to its study."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import optuna
from mlflow.tracking import MlflowClient
from optuna.exceptions import StorageInternalError
from sqlalchemy.exc import SQLAlchemyError

from clr_sweep.common.door import another_study
from clr_sweep.common.errors import LockLostError, StudyChangedError, problems_in
from clr_sweep.common.secrets import hidden
from clr_sweep.common.stopping import InterruptedSweepError, StopRequest
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Engine
from clr_sweep.lr_range_test.report import baseline_warnings, ranges_yaml, summary
from clr_sweep.lr_range_test.seeds import RangeTest
from clr_sweep.lr_range_test.suggestion import RangeTestError
from clr_sweep.search import storage
from clr_sweep.search.attributes import GIVEN
from clr_sweep.search.configurations import baseline_config, suggested_parameters, with_ranges
from clr_sweep.search.lost_files import lost_and_found
from clr_sweep.search.one_driver import only_driver
from clr_sweep.search.places import folder_of, placed
from clr_sweep.search.reading import range_test_record, read_study
from clr_sweep.search.starting_trials import BY_RANGE_TEST, told
from clr_sweep.search.studied_model import keep_model
from clr_sweep.search.study_folder import (
    only_driver_here,
    refuse_trials_of_another,
    work_folder,
    write_best,
)
from clr_sweep.search.warm_start import settled
from clr_sweep.search.writing import record_progress, record_range_test
from clr_sweep.study.background import Background
from clr_sweep.study.driver import Driver
from clr_sweep.study.evaluation import evaluate_untested
from clr_sweep.study.parent_run import open_runs, publisher_of, stored_facts
from clr_sweep.study.part import WHOLE, Part, SweepSource
from clr_sweep.study.preparation import (
    announce_cost,
    check_sizes,
    identify,
    inspect,
    plan_warnings,
    prepare_data,
)
from clr_sweep.study.progress import Display
from clr_sweep.study.provenance import provenance
from clr_sweep.study.publishing import Publisher
from clr_sweep.study.remaining import announce_left, announce_start
from clr_sweep.study.same_model import model_held_to, take_model
from clr_sweep.study.slots import take_slots
from clr_sweep.study.under_way import UnderWay
from clr_sweep.tracking.link import Link
from clr_sweep.training.records import RangeTestRecord, StudyRecord
from clr_sweep.training.reports import State
from clr_sweep.training.requests import PreparedData


def run_stages(
    sweep: Sweep,
    source: SweepSource,
    engine: Engine,
    client: MlflowClient,
    adopted: str | None,
    stop: StopRequest,
    part: Part = WHOLE,
) -> StudyRecord:
    """Run all that is left of a study.

    Args:
        source: where the sweep was read from.
        adopted: the run that `mlflow run` made, if it did.
        part: what it does of all that a study does.

    Raises:
        As `run_sweep`.
    """
    url = sweep.study.storage or storage.DEFAULT_STORAGE
    with Display(sweep.study.trials) as display:
        store = storage.open_storage(url)
        folder = folder_of(store, sweep.study_name)
        if not folder.is_relative_to(Path.cwd()):
            display.say(f"study {sweep.study_name} goes on where it was begun, in {folder}")
        with (
            only_driver_here(folder, sweep.study_name),
            only_driver(url, sweep.study_name, display.warn) as holder,
            holder.guarding(store),
            # After the locks of both: it removes what others have left.
            work_folder(folder) as work,
        ):
            begins_with = None
            if not storage.is_begun(store, sweep.study_name):
                refuse_trials_of_another(folder, sweep.study_name)
                with problems_in(str(source.file)):
                    begins_with = part.begins_with or settled(sweep, store)
            start = _Start(sweep, source, engine, display, work, stop, part)
            data = start.load_data()
            if part.data_digest not in (None, data.digest):  # before anything is made of them
                raise StudyChangedError(
                    "the data are not those of the study that is compared: SHA-256 was "
                    f"{part.data_digest}, is now {data.digest}: put the old data back, or search "
                    f"on the new ones in a study of their own ({another_study()})"
                )
            look = partial(identify, engine, sweep, data, source.folders, work, stop)
            model = model_held_to(sweep, store, part, data, look)
            study = storage.open_study(
                store,
                sweep,
                source.text,
                placed(store, stored_facts(data, source, folder) | part.facts | _asked(sweep)),
                begins_with,
            )
            holder.sign(study)
            take_model(study, sweep, model, display.say)
            part.plan(study, provenance(source.folders[0]))
            announce_left(study, sweep, display.say)
            publisher = publisher_of(study, client, Link(display.warn))
            record_progress(study, "running", sweep.study.trials)
            stored = read_study(study)
            for line in lost_and_found(study, stored):
                display.warn(line)
            with (
                _end_recorded(study, publisher, sweep.study.trials),
                Background(publisher, holder.keep) as background,
            ):
                opening = partial(open_runs, study, stored, publisher, url, adopted, display.say)
                background.call(partial(publisher.open, opening))
                sweep = start.ranges(study, data, folder, publisher, background)
                announce_start(study, sweep, display.say)
                under_way = UnderWay(
                    sweep, study, engine, background, display, stop, data, folder,
                    source.folders, provenance(source.folders[0]),
                    partial(announce_cost, sweep, study, data, engine, display, part.comparison),
                    part.has_baseline,
                )  # fmt: skip
                reason = Driver(under_way).run()
                background.start()
                stored = read_study(study)
                background.call(partial(publisher.draw_last, stored))
                evaluate(under_way, stored)
            return _finish(under_way, publisher, reason)


def _asked(sweep: Sweep) -> dict[str, object]:
    """What a later start may change, and whoever has only the study takes as it is now.

    How it is to be compared, when its search ends, and where MLflow shows it.
    """
    comparison, rule = sweep.comparison, sweep.study.stop_when
    return {
        "comparison": None if comparison is None else comparison.model_dump(mode="json"),
        "stop_when": None if rule is None else rule.model_dump(mode="json"),
        "tracking": sweep.tracking.told.model_dump(mode="json"),
    }


@contextlib.contextmanager
def _end_recorded(study: optuna.Study, publisher: Publisher, planned: int) -> Iterator[None]:
    """After an exception in the block, its end state is stored in the study and in MLflow.

    Neither is told anything by a process that has lost the study to another.
    """
    try:
        yield
    except LockLostError:
        raise
    except BaseException as error:
        state: State = "interrupted" if getattr(error, "exit_status", 1) > 128 else "failed"
        stored: StudyRecord | None = None
        # A storage that takes no more is why it stopped, perhaps.
        with contextlib.suppress(StorageInternalError, SQLAlchemyError):
            record_progress(study, state, planned, hidden(str(error)))
            stored = read_study(study)
        if publisher.runs.parent_id:
            publisher.stopped(stored, state, hidden(str(error)))
        raise


def evaluate(sweep: UnderWay, stored: StudyRecord) -> None:
    """The last stage, see `evaluate_untested`; when it is asked to stop, it says what is left."""
    warn = sweep.display.warn
    try:
        evaluate_untested(sweep.engine, stored, sweep.facts, sweep.search_path, sweep.stop, warn)
    except InterruptedSweepError:
        warn(sweep.standing(0))
        raise


def _finish(sweep: UnderWay, publisher: Publisher, reason: str) -> StudyRecord:
    """Leave the study and MLflow in their end state."""
    study = sweep.study
    record_progress(study, "complete", sweep.definition.study.trials, reason)
    stored = read_study(study)
    is_told = publisher.finish(stored)
    missed = 0 if is_told else publisher.link.missed
    if is_told:
        record_progress(study, "complete", stored.planned, reason, is_told=True)
    if (text := publisher.best_yaml(stored)) is not None:
        write_best(sweep.folder, text)
    if missed:
        sweep.display.warn(
            f"MLflow could not be told {missed} things: start the same command again, or "
            f"`clr-sweep doctor {study.study_name} --fix`, when it can be reached"
        )
    return stored


@dataclass(frozen=True)
class _Start:
    """What has to be done before the first trial, in the order of the methods."""

    sweep: Sweep
    source: SweepSource
    engine: Engine
    display: Display
    work: Path
    stop: StopRequest
    part: Part

    def load_data(self) -> PreparedData:
        """Load the data set, into files that all trials share, and check the sizes against it."""
        dataset = self.sweep.dataset
        if dataset.examples is None:
            self.display.say(f"study {self.sweep.study_name}: loading {dataset.name}")
        take_slots(self.engine, self.sweep.study, self.work, self.stop)
        facts = prepare_data(self.engine, dataset, self.source.folders, self.work, self.stop)
        check_sizes(self.sweep, facts, str(self.source.file))
        counted = f"{facts.train} training and {facts.test} test examples from {facts.source}"
        if dataset.examples is not None:
            counted = f"those of {facts.name}, {facts.train} examples an epoch"
        self.display.say(f"data: {counted}")
        for warning in plan_warnings(self.sweep, facts) if self.part.is_warned else ():
            self.display.warn(warning)
        return facts

    def ranges(
        self,
        study: optuna.Study,
        facts: PreparedData,
        folder: Path,
        publisher: Publisher,
        background: Background,
    ) -> Sweep:
        """The sweep with the ranges of its range test, which is run unless its result is stored.

        The test's suggestion becomes the study's first trial.
        """
        if not self.sweep.search_space.awaits_range_test:
            return self.sweep
        stored = range_test_record(study)
        if stored is None or stored.suggestion is None:
            config = baseline_config(self.sweep, facts.train)
            found = inspect(self.engine, config, facts, self.source.folders, self.work, self.stop)
            assert found.model is not None
            keep_model(study, found.model)
            test = RangeTest(self.sweep, facts, folder, self.source.folders, found.model)
            announce_cost(
                self.sweep, study, facts, self.engine, self.display, self.part.comparison, found
            )
            background.start()
            background.wait()
            stored = self._measured(test, study, publisher)
        assert stored.suggestion is not None
        sweep = with_ranges(self.sweep, stored.suggestion)
        if not study.get_trials(deepcopy=False):
            suggested = suggested_parameters(sweep, stored.suggestion)
            study.enqueue_trial(suggested, {GIVEN: told(BY_RANGE_TEST, suggested)})
        for line in summary(stored).splitlines() + ranges_yaml(stored).splitlines()[1:]:
            self.display.say(line)
        if self.part.has_baseline:
            for warning in baseline_warnings(stored, sweep.baseline.learning_rate):
                self.display.warn(warning)
        return sweep

    def _measured(
        self, test: RangeTest, study: optuna.Study, publisher: Publisher
    ) -> RangeTestRecord:
        begun = test.begun()
        record_range_test(study, begun)
        publisher.range_test(begun)
        try:
            record = test.run(self.engine, self.stop, self.display.say)
        except BaseException as error:
            state: State = "interrupted" if getattr(error, "exit_status", 1) > 128 else "failed"
            ended = replace(begun, state=state, reason=hidden(str(error)))
            with contextlib.suppress(StorageInternalError, SQLAlchemyError):
                record_range_test(study, ended)
            publisher.range_test(ended)
            if state == "interrupted":
                self.display.say(
                    "the seeds of the range test that are done are kept: the same command goes on"
                )
            if isinstance(error, RangeTestError):
                raise error.of_study(study.study_name) from None
            raise
        test.write(record, provenance(self.source.folders[0]))
        record_range_test(study, record)
        publisher.range_test(record)
        return record
