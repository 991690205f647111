"""A sweep under way: what it works with, what is in training, and what is left to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna

from clr_sweep.common.counts import have, plural
from clr_sweep.common.stopping import StopRequest
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Engine
from clr_sweep.search.reading import StudyReader, baseline_waits, trials_left
from clr_sweep.study.background import Background
from clr_sweep.study.flights import Flight
from clr_sweep.study.progress import Display
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.requests import Inspection, PreparedData


@dataclass
class UnderWay:
    """What `Driver`, `Departures` and `Arrivals` share.

    Args:
        definition: of the sweep, with no range left open.
        background: it is started when a trial has shown that the user's model works: before,
            no run is made for anything.
        folder: of the study; each trial has a folder below it.
        search_path: folders in which a module of the user's is looked for.
        provenance: stored with every trial.
        inspected: told what the first steps of a trial have shown, once.
        has_baseline: whether a baseline is trained beside the trials.

    Attributes:
        flights: what is in training, by the key of its job.
        ended: trials whose end is stored and that nobody else has been told of yet.
        left: trials that have not ended.
        baseline_waits: whether the baseline has not ended.
    """

    definition: Sweep
    study: optuna.Study
    engine: Engine
    background: Background
    display: Display
    stop: StopRequest
    facts: PreparedData
    folder: Path
    search_path: tuple[Path, ...]
    provenance: Mapping[str, Any]
    inspected: Callable[[Inspection], None] = lambda _: None
    has_baseline: bool = True
    flights: dict[str, Flight] = field(default_factory=dict)
    ended: list[TrialRecord] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.reader = StudyReader(self.study)
        self.left = trials_left(self.study, self.definition.study.trials)
        self.baseline_waits = self.has_baseline and baseline_waits(self.study)

    def landed(self, record: TrialRecord) -> None:
        """A trial has ended, and that is stored; others are told when its successor has started."""
        if record.number is None:
            self.baseline_waits = False
        else:
            self.left -= 1
        self.ended.append(record)

    @property
    def _is_tested(self) -> bool:
        definition = self.definition
        return definition.training.is_tested and not definition.dataset.on_test_set

    def standing(self, in_flight: int) -> str:
        """What is done and what waits, of a sweep that was asked to stop.

        Args:
            in_flight: trainings that were stopped, the baseline's among them.
        """
        trials = self.definition.study.trials
        of = f"{trials - self.left} of " if self.left else "all " if trials > 1 else ""
        parts = [f"{of}{plural(trials, 'trial')} {have(trials)} ended"]
        if in_flight:
            if self.definition.training.is_continued:
                parts.append(f"{in_flight} in training wait after their last whole epoch")
            else:  # what a function has in hand nobody else can save
                over = "starts" if in_flight == 1 else "start"
                parts.append(f"{in_flight} in training {over} over")
        elif not self.left and not self.baseline_waits and self._is_tested:
            parts.append("the evaluation on the test set is left")
        return f"{', '.join(parts)}; the same command goes on"
