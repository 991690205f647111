"""The sweep: ask for a trial, run it, report its epochs, prune or go on, tell the study.

The only place that joins search, engine and tracking. One driver process talks to the study and
to MLflow; the trials' processes write into their own folders alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from clr_sweep.config import Sweep, TrialConfig
from clr_sweep.engines.local import Died, Done, Event, Failed, LocalEngine, Message
from clr_sweep.errors import ClrSweepError
from clr_sweep.progress import Display
from clr_sweep.publishing import Publisher
from clr_sweep.records import EpochReport, State, TrialRecord, TrialResult
from clr_sweep.search import storage
from clr_sweep.search.pruning import positions
from clr_sweep.search.space import baseline_config, steps_per_epoch, suggest
from clr_sweep.stopping import StopRequest
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.requests import RUN_TRIAL, TEST_TRIAL, DataFacts, TrialJob

BASELINE = "baseline"
FAILURES_IN_A_ROW = 3


@dataclass
class Driver:
    """Runs one study to its planned number of trials.

    Args:
        folder: of the study; each trial has a folder below it.
        provenance: stored with every trial.
    """

    sweep: Sweep
    study: optuna.Study
    engine: LocalEngine
    publisher: Publisher
    display: Display
    stop: StopRequest
    facts: DataFacts
    folder: Path
    search_path: tuple[Path, ...]
    provenance: Mapping[str, Any]
    _trials: dict[str, optuna.Trial] = field(default_factory=dict)
    _records: dict[str, TrialRecord] = field(default_factory=dict)
    _reported: dict[str, int] = field(default_factory=dict)
    _failures: int = 0

    def run(self) -> None:
        """Run until the planned number of trials has ended, and test what is compared.

        Raises:
            InterruptedSweepError: after a signal; what finished is kept, the rest waits.
            ClrSweepError: three trials failed in a row.
        """
        try:
            while self._start_jobs():
                for event in self.engine.wait(timeout=0.5):
                    self._handle(event)
                if self.stop:
                    raise self.stop.error()
                if self._failures >= FAILURES_IN_A_ROW:
                    raise ClrSweepError(
                        f"{self._failures} trials failed in a row: {self._last_failure}"
                    )
            self._test_finalists()
        except BaseException as error:
            self._interrupt(str(error).split("\n")[0])
            raise

    def _start_jobs(self) -> bool:
        """Fill the free slots; False when nothing runs and nothing is left to run."""
        if self._baseline_is_due() and self.engine.has_room:
            self._start_baseline()
        while self.engine.has_room and self._trials_are_due():
            self._start_trial()
        self.display.update(storage.read_study(self.study), len(self.engine.running))
        return bool(self.engine.running)

    def _trials_are_due(self) -> bool:
        ended = sum(t.state.is_finished() for t in self.study.get_trials(deepcopy=False))
        return ended + len(self._trials) < self.sweep.study.trials

    def _baseline_is_due(self) -> bool:
        stored = self.study.user_attrs.get(storage.BASELINE, {})
        return BASELINE not in self._records and stored.get(storage.STATE) in (
            None,
            "running",
            "interrupted",
        )

    def _start_baseline(self) -> None:
        config = baseline_config(self.sweep, self.facts.train)
        folder = self.folder / BASELINE
        self._store_baseline(config, folder, None, "running")
        self._start(BASELINE, TrialRecord("baseline", None, "running", None, config, folder))

    def _start_trial(self) -> None:
        self.study.sampler = storage.next_sampler(self.study, self.sweep)
        trial = self.study.ask()
        before = self.study.get_trials(deepcopy=False)[trial.number].last_step
        config = suggest(trial, self.sweep, trial.number, self.facts.train)
        folder = self.folder / f"{trial.number:04d}"
        training = config.training
        per_epoch = steps_per_epoch(self.sweep, training.batch_size, self.facts.train)
        places = positions(config.schedule.step_size, per_epoch, training.epochs)
        storage.begin_trial(trial, config, folder, places, self.provenance)
        key = str(trial.number)
        self._trials[key] = trial
        self._reported[key] = before or 0
        self._start(key, TrialRecord("trial", trial.number, "running", None, config, folder))

    def _start(self, key: str, record: TrialRecord) -> None:
        folder = TrialFolder(record.folder)
        folder.clear()
        self._records[key] = record
        job = TrialJob(record.config, self.facts.materialized, record.folder, self.search_path)
        self.engine.start(key, RUN_TRIAL, job, folder.log_file)
        self.publisher.trial_started(record)

    def _handle(self, event: Event) -> None:
        key = str(event.key)
        if isinstance(event, Message):
            self._epoch(key, event.value)
        elif isinstance(event, Done):
            self._ended(key, event.value)
        elif isinstance(event, Failed):
            self._failed(key, event.traceback)
        elif isinstance(event, Died) and not self.stop:
            # A signal to the whole group ends the trials too: they are interrupted, not failed.
            self._failed(key, event.reason)

    def _epoch(self, key: str, report: EpochReport) -> None:
        go_on = True
        value = report.metrics.get(self.sweep.objective.metric)
        if key in self._trials and value is not None:
            # An interrupted attempt has reported some epochs already: the same values, and the
            # pruner, which looks at the last of them, let it go on before that.
            trial, before = self._trials[key], self._reported[key]
            if report.epoch > before:
                trial.report(value, report.epoch)
            go_on = report.epoch < before or not trial.should_prune()
        # The trial waits for this answer; MLflow is told while it goes on.
        self.engine.answer(key, go_on)
        self.publisher.epoch(self._records[key], report)

    def _ended(self, key: str, result: TrialResult) -> None:
        record = self._records[key]
        if key == BASELINE:
            self._store_baseline(record.config, record.folder, result, result.state)
        else:
            storage.record_result(self.study, self._trials.pop(key), result)
        self._failures = 0
        self._publish_end(key)

    def _failed(self, key: str, reason: str) -> None:
        record = self._records[key]
        if key == BASELINE:
            self._store_baseline(record.config, record.folder, None, "failed", reason)
        else:
            storage.record_failure(self.study, self._trials.pop(key), reason)
        self._failures += 1
        self._last_failure = reason
        self._publish_end(key)

    def _publish_end(self, key: str) -> None:
        study = storage.read_study(self.study)
        record = study.baseline if key == BASELINE else study.trials[int(key)]
        assert record is not None
        self.display.trial_ended(record, study.metric)
        self.publisher.trial_ended(record)
        self.publisher.refresh(study, self.sweep.study.trials)

    def _test_finalists(self) -> None:
        """Evaluate the best trial and the baseline on the test set, which no choice has seen."""
        study = storage.read_study(self.study)
        finalists = [study.best, study.baseline]
        due = [
            record
            for record in finalists
            if record is not None and record.state == "complete" and not record.test_metrics
        ]
        for record in due:
            job = TrialJob(record.config, self.facts.materialized, record.folder, self.search_path)
            key = f"test of {record.label}"
            self.engine.start(key, TEST_TRIAL, job, TrialFolder(record.folder).log_file)
        while self.engine.running:
            for event in self.engine.wait(timeout=0.5):
                if isinstance(event, Failed):
                    raise ClrSweepError(f"{event.key} failed:\n{event.traceback}")
                if isinstance(event, Died) and not self.stop:
                    raise ClrSweepError(f"{event.key}: {event.reason}")
            if self.stop:
                raise self.stop.error()
        study = storage.read_study(self.study)
        for finalist in (study.best, study.baseline):
            if finalist is not None:
                self.publisher.tested(finalist)

    def _interrupt(self, reason: str) -> None:
        """Stop what runs; it waits under its number and parameters for the next start."""
        self.engine.stop_all()
        for trial in self._trials.values():
            storage.put_back(self.study, trial)
        self._trials.clear()
        stored = self.study.user_attrs.get(storage.BASELINE, {})
        if stored.get(storage.STATE) == "running":
            record = self._records[BASELINE]
            self._store_baseline(record.config, record.folder, None, "interrupted", reason)

    def _store_baseline(
        self,
        config: TrialConfig,
        folder: Path,
        result: TrialResult | None,
        state: State,
        reason: str | None = None,
    ) -> None:
        storage.record_baseline(
            self.study,
            config,
            folder,
            self.provenance,
            result,
            state,
            reason or (result.reason if result else None),
        )


def trials_left(study: optuna.Study, planned: int) -> int:
    """Trials that have not ended yet, of those planned."""
    ended = sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))
    return max(0, planned - ended)
