"""A stored study: its trials as a table, its best trial, its figures and its verdict."""

from __future__ import annotations

import os
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import optuna

from clr_sweep.commands.export import exports_of, numbered, trial_yaml
from clr_sweep.commands.output import write_output
from clr_sweep.commands.report import written_report
from clr_sweep.commands.stored_study import find_study
from clr_sweep.library.given import given_text
from clr_sweep.library.process import put_back
from clr_sweep.library.trial import Trial
from clr_sweep.results import report
from clr_sweep.results.export import best_trial
from clr_sweep.results.verdict import verdict
from clr_sweep.results.words import counts
from clr_sweep.search.attributes import FACTS
from clr_sweep.search.importances import importances
from clr_sweep.search.lost_files import warn_of_lost
from clr_sweep.search.places import Places, url_of
from clr_sweep.study.killed_driver import study_as_run
from clr_sweep.study.store_errors import plain_storage_errors
from clr_sweep.tracking.which_store import StoreChoice
from clr_sweep.training.records import StudyRecord
from clr_sweep.training.reports import State

if TYPE_CHECKING:
    import pandas as pd

    from clr_sweep.library.picture import Picture


class Study:
    """A study as it was stored when this was made; it may still be running.

    What a killed process left is not said to be running, as by `clr-sweep show`.

    Attributes:
        record: all that is stored of it.
        search_path: folders in which the modules and data that it names are looked for.
    """

    def __init__(self, stored: optuna.Study, choice: StoreChoice) -> None:
        self._stored = stored
        self._choice = choice
        self.record: StudyRecord = study_as_run(stored)
        facts, places = stored.user_attrs.get(FACTS, {}), Places(stored)
        self.search_path = tuple(places.whole(text) for text in facts.get("search_path", ()))

    @property
    def storage_url(self) -> str | None:
        """The URL of its storage, with the password that it may have; None where there is none."""
        return url_of(self._stored._storage)

    @property
    def name(self) -> str:
        """Its name in the storage."""
        return self.record.name

    @property
    def state(self) -> State:
        """running, complete, interrupted or failed."""
        return self.record.state

    @property
    def metric(self) -> str:
        """The objective: what a trial's `value` is."""
        return self.record.metric

    @cached_property
    def trials(self) -> pd.DataFrame:
        """The trials that have begun, a row each, by their numbers.

        `state` and `value` first; then the schedule and the other hyperparameters, NaN where a
        trial has none; the metrics where the value was read, or the last ones; epochs, steps and
        seconds; and `reason`, why it ended as it did.
        """
        from clr_sweep.library.tables import trials_table

        return trials_table(self.record)

    @property
    def best(self) -> Trial:
        """The complete trial with the best value; the earliest of equals.

        Raises:
            InputError: no trial is complete yet.
        """
        return Trial(best_trial(self.record), self.search_path)

    @property
    def baseline(self) -> Trial | None:
        """The training without cycles that stands beside the trials; None before it begins."""
        record = self.record.baseline
        return None if record is None else Trial(record, self.search_path)

    def trial(self, number: int) -> Trial:
        """The trial of this number.

        Raises:
            InputError: there is none.
        """
        return Trial(numbered(self.record, number), self.search_path)

    @property
    def summary(self) -> str:
        """What the command line says at the end of a sweep, in a few lines."""
        return report.summary(self.record)

    @property
    def verdict(self) -> str | None:
        """Whether cycles helped, by the last comparison with rivals; None where there is none."""
        found = verdict(self.record)
        if found is None:
            return None
        return "\n".join([found.headline, *found.answers, *found.notes])

    def figures(self) -> dict[str, Picture]:
        """The pictures of all that there is to show, by name (`history`, `bounds`, ...)."""
        from clr_sweep.library.picture import Picture
        from clr_sweep.results.figures import study_figures

        warn_of_lost(self.record)
        drawn = study_figures(self.record, importances(self.record))
        return {name.removesuffix(".png"): Picture(figure) for name, figure in drawn.items()}

    def export(self, file: str | os.PathLike[str], trial: int | None = None) -> Path:
        """Write a trial's configuration as YAML, for `load_best` and `clr-sweep train`.

        Args:
            trial: its number; None: the best.

        Raises:
            InputError: there is no such trial, none is complete, or the file cannot be written or
                holds something else than an export of this study.
        """
        path = Path(file)
        chosen = self.best if trial is None else self.trial(trial)
        with put_back():
            text = trial_yaml(self._stored, self.record, chosen.record, self._choice)
            write_output(path, text, exports_of(self.record))
        return path

    def report(self, file: str | os.PathLike[str] | None = None) -> Path:
        """Write the report as one HTML file, by default NAME.html in the current folder.

        Raises:
            InputError: the file cannot be written, or holds something else than a report.
        """
        return written_report(self.record, None if file is None else Path(file))

    def _repr_markdown_(self) -> str:
        return report.markdown(self.record, self.record.planned or None)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.state}; {counts(self.record)}>"


def load_study(study: str, *, storage: str | None = None, tracking_uri: str | None = None) -> Study:
    """A stored study, as it is now.

    Args:
        study: its name, or the id of its run in MLflow (of one of its trials' runs too).
        storage: the URL of the study's storage; None: `sqlite:///optuna.db`, or the one that the
            run names.
        tracking_uri: of MLflow's store, where a run is named; None: as the command line has it.

    Raises:
        InputError: there is no such study or run.
        StoreError: a store cannot be used.
    """
    name = given_text("study", study, "the name of a study, or the id of its run")
    if storage is not None:
        given_text("storage", storage, "the URL of a study's storage")
    with put_back():
        choice = StoreChoice.checked(tracking_uri)
        with plain_storage_errors(storage):
            return Study(find_study(name, storage, choice), choice)
