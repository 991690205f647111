"""The study as it is stored, read into plain records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.study_config import StopRule
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.tracking_config import TrackingConfig
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import from_json
from clr_sweep.search import attributes as keys
from clr_sweep.search.arms import comparison_name, search_name
from clr_sweep.search.configurations import with_ranges
from clr_sweep.search.places import Places
from clr_sweep.search.seed_runs import comparison_of
from clr_sweep.search.starting_trials import given_by
from clr_sweep.search.study_folder import RANGE_TEST_FOLDER
from clr_sweep.training.comparison_records import SeedRun
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import RangeTestRecord, StudyRecord, StudySource, TrialRecord
from clr_sweep.training.reports import Divergence
from clr_sweep.training.requests import Kind, ModelIdentity


def read_study(study: optuna.Study, last: int | None = None) -> StudyRecord:
    """The study as it is stored, with the epochs from the trials' folders.

    With the comparisons of it with its rivals, which are studies of their own beside it.

    Args:
        last: the number of the comparison that counts as the last; None: it is the last.
    """
    record = StudyReader(study).read()
    if record.comparison is not None:
        return record
    comparisons = _comparisons(study, study.study_name)[:last]
    searches = list(comparisons[-1:])
    for number in count(2):
        found = _comparisons(study, search_name(study.study_name, number))
        if not comparisons or not found:
            break
        # Only those made as the last comparison of the study can be counted with it.
        alike = [one for one in found if _design(one) == _design(comparisons[-1])]
        searches += alike[-1:]
    many = tuple(searches) if len(searches) > 1 else ()
    return replace(record, comparisons=comparisons, searches=many)


def _design(study: StudyRecord) -> tuple[object, ...]:
    assert study.comparison is not None
    return study.comparison.design


def _comparisons(study: optuna.Study, name: str) -> tuple[StudyRecord, ...]:
    """The comparisons of a search, of the study's own or of another one of it."""
    found: list[StudyRecord] = []
    for number in count(1):
        try:
            other = optuna.load_study(
                study_name=comparison_name(name, number), storage=study._storage
            )
        except KeyError:
            break
        record = comparison_of(other)
        if record is None or record.of != name:
            break
        found.append(StudyReader(other).read())
    return tuple(found)


class StudyReader:
    """Reads a study again and again: what a trial has left when it ended is read once."""

    def __init__(self, study: optuna.Study) -> None:
        self._study = study
        self._places = Places(study)
        self._ended: dict[int, TrialRecord] = {}

    def read(self) -> StudyRecord:
        """The study as it is stored now."""
        study = self._study
        sweep = stored_sweep(study)
        stored = study.get_trials(deepcopy=False)
        progress = study.user_attrs.get(keys.PROGRESS, {})
        facts = study.user_attrs.get(keys.FACTS, {})
        planned = progress.get("planned", sweep.study.trials)
        return StudyRecord(
            name=study.study_name,
            metric=sweep.objective.metric,
            direction=sweep.objective.direction,
            trials=tuple(self.trial(trial) for trial in stored if has_begun(trial)),
            baseline=read_baseline(study),
            planned=planned,
            state=progress.get(keys.STATE, "running"),
            reason=progress.get(keys.REASON, ""),
            range_test=range_test_record(study),
            test_examples=(facts.get("data") or {}).get("test"),
            is_tested=facts.get("is_tested", True),
            comparison=comparison_of(study),
            compared_by=_compared_by(facts),
            source=StudySource(
                sweep=sweep,
                text=study.user_attrs.get(keys.SWEEP_TEXT, ""),
                file=_sweep_file(facts),
                data={"digest": facts.get("data_digest"), **(facts.get("data") or {})},
            ),
        )

    def trial(self, stored: FrozenTrial) -> TrialRecord:
        """A trial as it is stored."""
        number = stored.number
        if number in self._ended:
            return self._ended[number]
        record = _trial_record(stored, self._places)
        if stored.state.is_finished():
            self._ended[number] = record
        return record


def read_baseline(study: optuna.Study) -> TrialRecord | None:
    """The baseline as it is stored; None before it begins."""
    stored = study.user_attrs.get(keys.BASELINE)
    return _record("baseline", None, stored, {}, Places(study)) if stored else None


def stored_sweep(study: optuna.Study) -> Sweep:
    """The definition that the study was made from, with the ranges that its range test gave."""
    sweep = _definition(study)
    record = range_test_record(study)
    if record is None or record.suggestion is None:
        return sweep
    return with_ranges(sweep, record.suggestion)


def stored_definition(study: optuna.Study, url: str | None) -> Sweep:
    """The definition by which a study is continued: as the last start had it.

    Args:
        url: of its storage, which it does not tell itself.
    """
    sweep = _definition(study)
    planned = study.user_attrs.get(keys.PROGRESS, {}).get("planned", sweep.study.trials)
    now = sweep.study.model_copy(
        update={"name": study.study_name, "trials": planned, "storage": url}
    )
    comparison = _compared_by(study.user_attrs.get(keys.FACTS, {}))
    if comparison is None:
        return sweep.model_copy(update={"study": now})
    return sweep.model_copy(update={"study": now, "comparison": comparison})


def stored_tracking(study: optuna.Study) -> TrackingConfig:
    """Where MLflow shows the study, as its last start was told; without secrets."""
    facts = study.user_attrs.get(keys.FACTS, {})
    return TrackingConfig.from_json(facts.get("tracking") or {})


def range_test_record(study: optuna.Study) -> RangeTestRecord | None:
    """The study's range test, or None where it has none or that has not begun."""
    content = study.user_attrs.get(keys.RANGE_TEST)
    if content is None:
        return None
    suggestion, places = content["suggestion"], Places(study)
    return RangeTestRecord(
        study=study.study_name,
        state=content[keys.STATE],
        reason=content[keys.REASON],
        config=TrialConfig.from_json(content[keys.CONFIG]),
        test=RangeTestConfig.from_json(content["test"]),
        files=tuple(places.found(file, RANGE_TEST_FOLDER) for file in content["files"]),
        suggestion=from_json(suggestion) if suggestion else None,
    )


def _definition(study: optuna.Study) -> Sweep:
    sweep = Sweep.from_json(study.user_attrs[keys.SWEEP])
    facts = study.user_attrs.get(keys.FACTS, {})
    if "stop_when" in facts:
        rule = facts["stop_when"]
        now = {"stop_when": None if rule is None else StopRule.from_json(rule)}
        sweep = sweep.model_copy(update={"study": sweep.study.model_copy(update=now)})
    return sweep.model_copy(update={"tracking": stored_tracking(study)})


def baseline_waits(study: optuna.Study) -> bool:
    """Whether the baseline has not ended, of a study that has one."""
    state = study.user_attrs.get(keys.BASELINE, {}).get(keys.STATE)
    return state in (None, "running", "interrupted")


def has_begun(trial: FrozenTrial) -> bool:
    """Whether a trial has been in training; one that is enqueued has not."""
    return keys.CONFIG in trial.user_attrs and trial.datetime_start is not None


def is_told(study: optuna.Study) -> bool:
    """Whether MLflow was told all of a study, when it last ended."""
    return bool(study.user_attrs.get(keys.PROGRESS, {}).get("is_told"))


def trials_left(study: optuna.Study, planned: int) -> int:
    """Trials that have not ended yet, of those planned."""
    ended = sum(t.state.is_finished() for t in study.get_trials(deepcopy=False))
    return max(0, planned - ended)


def _trial_record(trial: FrozenTrial, places: Places) -> TrialRecord:
    attributes = dict(trial.user_attrs)
    if not trial.state.is_finished():
        waiting = trial.state == TrialState.WAITING
        attributes[keys.STATE] = "interrupted" if waiting else "running"
    # A trial that its driver did not end, such as one that somebody told to Optuna by hand.
    attributes.setdefault(keys.STATE, (attributes.get(keys.RESULT) or {}).get("state", "failed"))
    return _record("trial", trial.number, attributes, trial.params, places)


def _record(
    kind: Kind,
    number: int | None,
    content: Mapping[str, Any],
    params: Mapping[str, Any],
    places: Places,
) -> TrialRecord:
    folder = TrialFolder(places.found(content[keys.FOLDER]))
    result: Mapping[str, Any] = content.get(keys.RESULT) or {}
    where, model = result.get("divergence"), result.get("model")
    return TrialRecord(
        kind=kind,
        number=number,
        state=content[keys.STATE],
        reason=content.get(keys.REASON, result.get("reason")),
        config=TrialConfig.from_json(content[keys.CONFIG]),
        folder=folder.path,
        value=result.get("value"),
        params=dict(params),
        metrics=result.get("metrics", {}),
        test_metrics=folder.test_metrics(),
        reports=folder.reports(),
        cpu_seconds=result.get("cpu_seconds", 0.0),
        wall_seconds=result.get("wall_seconds", 0.0),
        divergence=Divergence(**where) if where else None,
        learning_rate_deviation=result.get("learning_rate_deviation"),
        has_other_weights=result.get("has_other_weights", False),
        skipped_steps=result.get("skipped_steps", 0),
        has_own_optimizer=result.get("has_own_optimizer", False),
        model=ModelIdentity(**model) if model else None,
        defaults=result.get("defaults"),
        provenance=content.get(keys.PROVENANCE) or {},
        retried=tuple(content.get(keys.RETRIED, ())),
        given=given_by(content),
        seed_run=SeedRun(**content[keys.SEED_RUN]) if keys.SEED_RUN in content else None,
    )


def _compared_by(facts: Mapping[str, Any]) -> ComparisonConfig | None:
    stored = facts.get("comparison")
    return None if stored is None else ComparisonConfig.from_json(stored)


def _sweep_file(facts: Mapping[str, Any]) -> str:
    # Studies of earlier versions know the file's name alone; of a sweep that a comparison made
    # there is no file.
    return str(facts.get("sweep_argument", facts.get("sweep_file", "")))
