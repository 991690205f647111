"""Trials and studies as they are stored: plain, frozen records, read from storage and folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from clr_sweep.common.errors import StoreError
from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.dimensions import Scalar
from clr_sweep.definition.metrics import on_test_set, sign_of
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.lr_range_test.curve import Curve, read_curve
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.training.comparison_records import FINALS, ComparisonRecord, SeedRun
from clr_sweep.training.reports import ENDED, Divergence, EpochReport, State
from clr_sweep.training.requests import Kind, ModelIdentity


@dataclass(frozen=True)
class TrialRecord:
    """A trial as it is stored: read from the study's storage and the trial's folder.

    Attributes:
        number: None for the baseline.
        params: the sampled hyperparameters by their names in the search space.
        reports: the epochs, from the trial's folder.
        test_metrics: the same with `test_`, where the trial was finally compared.
        learning_rate_deviation: see `TrialResult`; None until the trial has ended.
        has_other_weights, skipped_steps, has_own_optimizer, model, defaults: see
            `TrialResult`.
        provenance: the code and the packages that trained it.
        retried: why earlier attempts ended that were not the trial's own failures.
        given: who gave which of its parameters, `by study.start_with, 1 of 2: max_lr`; empty where
            all of them were sampled.
        seed_run: what it is for, if it is a training of a comparison.
    """

    kind: Kind
    number: int | None
    state: State
    reason: str | None
    config: TrialConfig
    folder: Path
    value: float | None = None
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    test_metrics: Mapping[str, float] = field(default_factory=dict)
    reports: tuple[EpochReport, ...] = ()
    cpu_seconds: float = 0.0
    wall_seconds: float = 0.0
    divergence: Divergence | None = None
    learning_rate_deviation: float | None = None
    has_other_weights: bool = False
    skipped_steps: int = 0
    has_own_optimizer: bool = False
    model: ModelIdentity | None = None
    defaults: Mapping[str, Scalar] | None = None
    provenance: Mapping[str, object] = field(default_factory=dict)
    retried: tuple[str, ...] = ()
    given: str = ""
    seed_run: SeedRun | None = None

    @property
    def key(self) -> str:
        """What a trial is told apart by within its study."""
        return "baseline" if self.number is None else str(self.number)

    @property
    def has_ended(self) -> bool:
        """Whether its state no longer changes."""
        return self.state in ENDED

    @property
    def label(self) -> str:
        if self.seed_run is not None:
            return self.seed_run.label
        return "baseline" if self.number is None else f"trial {self.number}"

    @property
    def is_judged(self) -> bool:
        """Whether the test set has told a number of it; by a function, the objective's.

        A function that has left that out may have been mended since.
        """
        if self.config.training.evaluate is None:
            return bool(self.test_metrics)
        return on_test_set(self.config.objective.metric) in self.test_metrics

    def reported(self, name: str) -> ReportedMetric:
        """The metric behind a name that it reports, with or without `val_` or `test_`."""
        return self.config.training.reported(name)


@dataclass(frozen=True)
class RangeTestRecord:
    """A range test as it is stored: read from the study's storage and its folder.

    Attributes:
        config: what the first seed trained; the ramp takes the place of its schedule.
        files: the curves, one a seed, in the order of the seeds.
        suggestion: None unless complete.
    """

    study: str
    state: State
    reason: str | None
    config: TrialConfig
    test: RangeTestConfig
    files: tuple[Path, ...]
    suggestion: Suggestion | None = None

    @property
    def name(self) -> str:
        """The study's."""
        return self.study

    @property
    def on_test_set(self) -> bool:
        """Whether the validation examples are those of the test set."""
        return self.config.dataset.on_test_set

    @property
    def metric(self) -> str:
        """What the validation examples are judged by."""
        return self.judged_by.name

    @property
    def judged_by(self) -> ReportedMetric:
        """The same, with what is behind its name."""
        name = "val_" + self.config.objective.metric.removeprefix("val_")
        return self.config.training.reported(name)

    @property
    def sign(self) -> int:
        """+1 if a larger value of the metric is better, else -1."""
        return self.config.objective.sign

    def curves(self) -> tuple[Curve, ...]:
        """The curves of all seeds.

        Raises:
            StoreError: a file is gone or damaged.
        """
        found = tuple(read_curve(file) for file in self.files)
        gone = [str(file) for file, curve in zip(self.files, found, strict=True) if curve is None]
        if gone:
            raise StoreError(f"{', '.join(gone)}: gone, and with it a curve of the range test")
        return tuple(curve for curve in found if curve is not None)


@dataclass(frozen=True)
class Importance:
    """How much one hyperparameter decided of a study's values.

    Attributes:
        value: part of 1.
        low, high: eight of ten studies made of the same trials, drawn anew, lie between.
    """

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class StudySource:
    """What a study was made from.

    Attributes:
        sweep: the definition, with the ranges that its range test gave.
        text: the sweep file as it was written.
        file: the sweep file as a command names it; empty where not known.
        data: of the data set: name, source, digest, examples, shape and type of an input.
    """

    sweep: Sweep
    text: str = ""
    file: str = ""
    data: Mapping[str, object] = field(default_factory=dict)

    @property
    def examples(self) -> int:
        """Training examples in all, the validation part included."""
        train = self.data["train"]
        assert isinstance(train, int)
        return train


@dataclass(frozen=True)
class StudyRecord:
    """A whole study as it is stored.

    Attributes:
        planned: trials in all, as the last start had it.
        state: of the sweep: running, complete, interrupted or failed; `reason` says why.
        range_test: the sweep's first stage, where it has one and that has begun.
        test_examples: of the data set; None in studies of versions that did not store it.
        is_tested: whether its best trial and the baseline are evaluated on the test set; the
            searches of a comparison are not: what they found is trained again, and tested then.
        comparison: what the study's trainings are for, if they are those of a comparison.
        compared_by: how its last start has it compared, when it is searched; None: it has not.
        comparisons: of this study with its rivals, one for each time that one was begun.
        searches: the last comparison of each independent search, where there are several.
        source: what it was made from; None in records that were not read from a storage.
    """

    name: str
    metric: str
    direction: str
    trials: tuple[TrialRecord, ...]
    baseline: TrialRecord | None
    planned: int = 0
    state: State = "running"
    reason: str = ""
    range_test: RangeTestRecord | None = None
    test_examples: int | None = None
    is_tested: bool = True
    comparison: ComparisonRecord | None = None
    compared_by: ComparisonConfig | None = None
    comparisons: tuple[StudyRecord, ...] = ()
    searches: tuple[StudyRecord, ...] = ()
    source: StudySource | None = None

    @property
    def on_test_set(self) -> bool:
        """Whether validation was on the test set, which is then no fair measure of anything."""
        return any(trial.config.dataset.on_test_set for trial in self.all)

    @property
    def objective(self) -> ReportedMetric:
        """The metric that it is searched by, with what is behind its name."""
        return self.reported(self.metric)

    def reported(self, name: str) -> ReportedMetric:
        """The metric behind a name that its trials report, with or without `val_` or `test_`."""
        if self.source is None:
            return ReportedMetric.by_name(name)
        return self.source.sweep.training.reported(name)

    def trial(self, number: int) -> TrialRecord:
        """The trial of this number."""
        return next(trial for trial in self.trials if trial.number == number)

    @property
    def all(self) -> tuple[TrialRecord, ...]:
        """The baseline and the trials."""
        return self.trials if self.baseline is None else (self.baseline, *self.trials)

    @property
    def ended(self) -> int:
        """Trials that have ended, in whatever way."""
        return sum(trial.has_ended for trial in self.trials)

    @property
    def complete(self) -> list[TrialRecord]:
        """The complete trials that have a value."""
        return [t for t in self.trials if t.state == "complete" and t.value is not None]

    @property
    def ranked(self) -> list[TrialRecord]:
        """The complete trials, the best value first; of equals the earliest."""
        return sorted(self.complete, key=self._rank)

    @property
    def best(self) -> TrialRecord | None:
        """The complete trial with the best value; the earliest of equals.

        None of a comparison's trainings: they differ by seeds, of which none is better.
        """
        if self.comparison is not None:
            return None
        return min(self.complete, key=self._rank, default=None)

    @property
    def to_be_tested(self) -> list[TrialRecord]:
        """What is evaluated on the test set once complete; nothing that was validated on it."""
        if self.on_test_set:
            return []
        if self.comparison is not None:
            return [t for t in self.trials if t.seed_run and t.seed_run.stage == FINALS]
        both = (self.best, self.baseline) if self.is_tested else ()
        return [
            record for record in both if record is not None and record.config.training.is_tested
        ]

    @property
    def untested(self) -> list[TrialRecord]:
        """Those of them that are complete, and of which the test set has not told enough yet."""
        return [t for t in self.to_be_tested if t.state == "complete" and not t.is_judged]

    def _rank(self, trial: TrialRecord) -> tuple[float, int]:
        return -sign_of(self.direction) * (trial.value or 0.0), trial.number or 0

    def best_values(self) -> dict[int, float]:
        """The best value of the first trials, by how many they are, as far as all have ended.

        In the order of their numbers, so that it is the same whichever ended first.
        """
        found: dict[int, float] = {}
        done: list[TrialRecord] = []
        for trial in sorted(self.trials, key=lambda trial: trial.number or 0):
            if not trial.has_ended:
                break
            done.append(trial)
            best = replace(self, trials=tuple(done)).best
            if best is not None and best.value is not None:
                found[(trial.number or 0) + 1] = best.value
                done = [best]
        return found

    def count(self, state: State) -> int:
        return sum(trial.state == state for trial in self.trials)
