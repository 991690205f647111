"""A comparison: the study and its rivals are searched, their best trained with fresh seeds.

Every search, and all trainings with fresh seeds together, are studies of their own: they are run,
stopped, continued and shown as any study is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, NamedTuple

import optuna
from mlflow.tracking import MlflowClient

from clr_sweep.common.counts import plural
from clr_sweep.common.door import another_study
from clr_sweep.common.errors import ClrSweepError, StudyChangedError
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.definition.yaml_file import dump
from clr_sweep.engines.base import Engine
from clr_sweep.results.arms import winner
from clr_sweep.search import storage
from clr_sweep.search.arms import (
    clr_arms,
    fixed_arms,
    held_against,
    refuse_long_names,
    rival_arm,
    rival_sweep,
    search_sweep,
    seeds_sweep,
)
from clr_sweep.search.attributes import FACTS, WARM_START
from clr_sweep.search.places import folder_of
from clr_sweep.search.reading import StudyReader, is_told, read_study
from clr_sweep.search.seed_runs import (
    SeedRuns,
    comparison_of,
    final_runs,
    finalist_runs,
    open_comparison,
)
from clr_sweep.search.stop_rule import is_searched
from clr_sweep.search.studied_model import kept_model
from clr_sweep.search.warm_start import Settled
from clr_sweep.study.evaluation import refuse_unjudged
from clr_sweep.study.part import SEARCH, WHOLE, Part, SweepSource
from clr_sweep.study.stages import run_stages
from clr_sweep.training.comparison_records import ComparisonRecord, SeedRun, entry_of
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.requests import ModelIdentity


class Adopted(NamedTuple):
    """The run that `mlflow run` made, if it did: it stands for one of the two."""

    by_study: str | None = None
    by_comparison: str | None = None


def compare_study(
    sweep: Sweep,
    settings: ComparisonConfig,
    source: SweepSource,
    engine: Engine,
    client: MlflowClient,
    adopted: Adopted,
    stop: StopRequest,
    say: Callable[[str], None],
) -> StudyRecord:
    """Run what is left of a study's comparison, and of the study before it.

    Args:
        sweep: of the study.
        settings: how it is compared.
        source: where the sweep was read from.
        say: shows a line.

    Returns:
        The study, with its comparisons, the last one that which was asked for; one without a
        complete trial is not compared.

    Raises:
        As `run_sweep`.
    """
    refuse_long_names(sweep, settings)
    store = storage.open_storage(sweep.study.storage or storage.DEFAULT_STORAGE)
    comparing = _Comparing(sweep, settings, source, store, engine, client, adopted, stop, say)
    number = comparing.compare(sweep, 1)
    if number is not None:
        for search in range(2, settings.searches + 1):
            comparing.compare(search_sweep(sweep, search), search)
    # Its page says what came out.
    page = replace(WHOLE, is_warned=False)
    study = run_stages(sweep, source, engine, client, adopted.by_study, stop, page)
    # An earlier one may have been asked for again, with its searches.
    return read_study(optuna.load_study(study_name=study.name, storage=store), number)


@dataclass(frozen=True)
class _Comparing:
    sweep: Sweep
    settings: ComparisonConfig
    source: SweepSource
    store: optuna.storages.BaseStorage
    engine: Engine
    client: MlflowClient
    adopted: Adopted
    stop: StopRequest
    say: Callable[[str], None]

    def compare(self, sweep: Sweep, search: int) -> int | None:
        """One search of each arm, and what they found against one another.

        Returns:
            Which comparison of that search it is; None where the study has found nothing that
            rivals could be tuned for.
        """
        first = search == 1
        adopted = self.adopted.by_comparison if first else None
        whole = replace(WHOLE, comparison=self.settings)
        clr = self._searched(sweep, whole if first else SEARCH)
        if first and not clr.complete:
            return None
        refuse_unjudged(clr)
        assert clr.source is not None
        # With the ranges that a range test gave it.
        ranged = clr.source.sweep.model_copy(update={"study": sweep.study})
        sweeps = [
            rival_sweep(ranged, rival, self.settings.trials_of(rival, clr.planned))
            for rival in self.settings.rivals
        ]
        for rival in sweeps:  # all of them, before one is searched
            self._refuse_another(rival)
        rivals = [self._searched(rival, SEARCH) for rival in sweeps]
        record = self._planned(ranged, clr, rivals)
        configs = {
            entry_of(study.name, trial.number or 0): trial.config
            for study in (clr, *rivals)
            for trial in study.complete
        }
        runs = finalist_runs(record, configs)
        if runs:
            chosen = self._trained(ranged, record, "finalists", runs, adopted)
            winners = [winner(chosen, arm) for arm in record.arms]
        else:
            winners = [next(iter(arm.entries), None) for arm in record.arms]
        runs |= final_runs(record, winners, configs, ranged, clr.source.examples)
        self._trained(ranged, record, "finals", runs, adopted)
        return record.number

    def _searched(self, sweep: Sweep, part: Part) -> StudyRecord:
        if (ended := self._ended(sweep)) is not None:
            if part.comparison is not None and ended.complete:  # else its search tells it first
                trained = part.comparison.describe_trainings(ended.planned)
                self.say(f"a comparison: {trained}, those of earlier starts included")
            return ended
        self.say(f"search of {sweep.study_name}, {plural(sweep.study.trials, 'trial')}")
        return self._run(sweep, part, self.adopted.by_study if self._is_study(sweep) else None)

    def _planned(
        self, sweep: Sweep, clr: StudyRecord, rivals: Sequence[StudyRecord]
    ) -> ComparisonRecord:
        """How it is made: as one that was begun, or else a new one with seeds of its own."""
        settings = self.settings
        ours, fixed = clr_arms(clr, sweep, settings), fixed_arms()
        theirs = [
            rival_arm(study, sweep, settings, rival, clr.planned)
            for study, rival in zip(rivals, settings.rivals, strict=True)
        ]
        arms = (*ours, *theirs, *fixed)
        record = ComparisonRecord(
            of=clr.name,
            number=1,
            finalist_seeds=settings.finalist_seeds,
            seeds=settings.seeds,
            margin=settings.margin_of(clr.objective),
            arms=arms,
            pairs=tuple(held_against(arms)),
        )
        for number in count(1):
            record = replace(record, number=number)
            begun = self._stored(seeds_sweep(sweep, number, 1).study_name)
            if begun is None or comparison_of(begun) in (None, record):
                break
        return record

    def _trained(
        self,
        sweep: Sweep,
        record: ComparisonRecord,
        stage: str,
        runs: Mapping[SeedRun, TrialConfig],
        adopted: str | None,
    ) -> StudyRecord:
        """All trainings with fresh seeds up to a stage."""

        def plan(study: optuna.Study, provenance: Mapping[str, Any]) -> None:
            open_comparison(study, record)
            folder = folder_of(self.store, study.study_name)
            SeedRuns(study, record.number, folder, sweep.study.seed, provenance).enqueue(runs)

        seeds = seeds_sweep(sweep, record.number, len(runs))
        ended = self._ended(seeds, wholly=stage == "finals")
        # A run that `mlflow run` made is to show what was found, if there is nothing left to do.
        if ended is not None and (adopted is None or stage == "finalists"):
            return ended
        own = sum(run.stage == stage for run in runs)
        self.say(f"{stage} of {record.of}, {plural(own, 'training')} with fresh seeds")
        return self._run(seeds, replace(SEARCH, plan=plan), adopted)

    def _run(self, sweep: Sweep, part: Part, adopted: str | None) -> StudyRecord:
        source = self.source
        if not self._is_study(sweep):
            part = replace(
                part,
                begins_with=self._begins_with(sweep),
                data_digest=self._data_digest(),
                model=self._model(),
            )
            text = dump(
                sweep.model_dump(mode="json", exclude_none=True, exclude=storage.NOT_MADE_FROM)
            )
            source = replace(source, text=text, is_written=False)
        study = run_stages(sweep, source, self.engine, self.client, adopted, self.stop, part)
        stored = self._stored(study.name)
        if study.reason and (stored is None or not is_searched(stored, sweep)):
            raise ClrSweepError(
                f"the comparison has not ended: study {study.name!r} was {study.reason}; the same "
                "command goes on"
            )
        return study

    def _ended(self, sweep: Sweep, *, wholly: bool = True) -> StudyRecord | None:
        """A study of which nothing is left to do; None where something is.

        Args:
            wholly: None too where it was stopped with more to train than is asked for now, where
                the test set has still to tell of what was trained, or MLflow to be told of it.

        Raises:
            As `_refuse_another`.
        """
        self._refuse_another(sweep)
        study = self._stored(sweep.study_name)
        if study is None or not is_searched(study, sweep):
            return None
        record = StudyReader(study).read()
        is_whole = record.state == "complete" and is_told(study) and not record.untested
        return record if is_whole or not wholly else None

    def _refuse_another(self, sweep: Sweep) -> None:
        """A part's name may be taken by what is no part of this comparison.

        Raises:
            StudyChangedError: the study of this name was made from another definition or data.
        """
        if (study := self._stored(sweep.study_name)) is None:
            return
        try:
            storage.refuse_changes(study, sweep, self._data_digest())
        except StudyChangedError as error:
            if self._is_study(sweep):
                raise
            cure = (
                f"  cure: the comparison of {self.sweep.study_name!r} needs a study of that name: "
                f"compare one of another name ({another_study()}); or, if this one is "
                f"not needed any more, delete it (`clr-sweep delete {sweep.study_name}`)"
            )
            raise StudyChangedError([*error.problems[:-1], cure]) from None

    def _is_study(self, sweep: Sweep) -> bool:
        return sweep.study_name == self.sweep.study_name

    def _data_digest(self) -> str | None:
        """Of the data that the study was searched on, and so all its comparison has to be."""
        study = self._stored(self.sweep.study_name)
        return None if study is None else study.user_attrs[FACTS].get("data_digest")

    def _model(self) -> ModelIdentity | None:
        """That the study was searched with, and so all its comparison has to be."""
        study = self._stored(self.sweep.study_name)
        return None if study is None else kept_model(study)

    def _begins_with(self, sweep: Sweep) -> Settled | None:
        """What a search done again begins with: what the study does, however its source grows."""
        study = self._stored(self.sweep.study_name)
        if sweep.study.warm_start is None or study is None:
            return None
        stored: Settled = study.user_attrs[WARM_START]
        return stored

    def _stored(self, name: str) -> optuna.Study | None:
        if not storage.is_begun(self.store, name):
            return None
        return optuna.load_study(study_name=name, storage=self.store)
