"""The next trial: sampled in memory, stored whole, and only then begun.

The sampler is shown a study in memory that holds what it may know. So a driver that is killed
leaves no trial with half its parameters behind, and a deterministic sweep is one in which that
view does not depend on which trial happened to end first.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.optuna_classes import OptunaSampler
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search.attributes import (
    CONFIG,
    FOLDER,
    GIVEN,
    PHASES,
    PROVENANCE,
    REASON,
    STATE,
    WARM_START,
)
from clr_sweep.search.configurations import seed_of, steps_per_epoch, suggest
from clr_sweep.search.enqueued_trials import EnqueuedTrialError, enqueued_problems
from clr_sweep.search.known_trials import FollowedStudy, KnownTrials
from clr_sweep.search.places import Places
from clr_sweep.search.pruners.phases import plan_phases
from clr_sweep.search.starting_trials import (
    BY_HAND,
    StartingTrial,
    begun,
    starting_trials,
    told,
)
from clr_sweep.search.stop_rule import why_stopped
from clr_sweep.search.window import known_until

# A point that has been tried is drawn anew, first as the sampler would have it, then at random. A
# space of few points may hold no other: then the point is tried again, with another seed.
_OWN_DRAWS = {
    "tpe": 5, "random": 50, "qmc": 1,
    "TPESampler": 5, "GPSampler": 5, "RandomSampler": 50, "QMCSampler": 1,
}  # fmt: skip
_DRAWS = 50

# TPE's random trials before its first own: with Optuna's ten it found good points later
# (docs/samplers.md).
STARTUP_TRIALS = 5


@dataclass(frozen=True)
class Asked:
    """A trial that is RUNNING now.

    Attributes:
        seen: all that its pruner may know, in a deterministic sweep; None where it may know all.
    """

    trial: optuna.Trial
    config: TrialConfig
    folder: Path
    seen: optuna.Study | None


@dataclass
class Sampling:
    """Gives a driver the trials of its study, one after the other.

    Args:
        examples: training examples in all, the validation part included.
        folder: of the study; the trials' are below it.
        provenance: stored with a new trial.

    Attributes:
        followed: what is to be told when a trial has ended, and what its pruner asks.
    """

    study: optuna.Study
    sweep: Sweep
    examples: int
    folder: Path
    provenance: Mapping[str, Any]

    def __post_init__(self) -> None:
        self._places = Places(self.study)
        self._starting = starting_trials(self.sweep, self.study.user_attrs.get(WARM_START))
        self.followed = FollowedStudy(self.study, self.sweep.study.deterministic)
        # A stored trial has all its parameters: nothing is left for the study's own sampler.
        self.study.sampler = optuna.samplers.RandomSampler()

    def may_ask(self) -> bool:
        """Whether the next trial can be sampled now; without `deterministic` it always can."""
        if not self.sweep.study.deterministic:
            return True
        trials = self.study.get_trials(deepcopy=False)
        number = next((t.number for t in trials if t.state == TrialState.WAITING), len(trials))
        known = known_until(self.sweep, number)
        return all(trial.state.is_finished() for trial in trials[:known])

    def why_stopped(self) -> str:
        """Why no further trial is to be begun by `study.stop_when`; empty where one is."""
        if self.sweep.study.stop_when is None:
            return ""
        return why_stopped(self.study, self.sweep, self.study.get_trials(deepcopy=False))

    def ask(self) -> Asked:
        """The next trial: the first one that waits, else a new one.

        Raises:
            EnqueuedTrialError: it was enqueued with what cannot be trained; it has FAILED.
        """
        study, there = self.study, self.followed.stored_trials()
        waiting = next((t for t in there if t.state == TrialState.WAITING), None)
        trial = self._new(there) if waiting is None else self._waiting(waiting, there)
        # The stored one: what may change between two starts must not change what a trial is.
        config = TrialConfig.from_json(trial.user_attrs[CONFIG])
        deterministic = self.sweep.study.deterministic
        seen = seen_by(study, self.sweep, trial.number) if deterministic else None
        return Asked(trial, config, self._places.found(trial.user_attrs[FOLDER]), seen)

    def _new(self, there: Sequence[FrozenTrial]) -> optuna.Trial:
        """Sample a new trial and store it, RUNNING, in one transaction."""
        study, storage, number = self.study, self.study._storage, len(there)
        place, start = begun(there), StartingTrial({})
        if place < len(self._starting):
            start = self._starting[place]
        draft, config = self._draft(there, start.parameters)
        given = {GIVEN: start.stored(place)} if start.parameters else {}
        own = {PROVENANCE: dict(self.provenance), **given, **self._attributes(config, number)}
        template = optuna.trial.create_trial(
            state=TrialState.RUNNING,
            params=draft.params,
            distributions=draft.distributions,
            user_attrs=own,
        )
        return optuna.Trial(study, storage.create_new_trial(study._study_id, template))

    def _waiting(self, first: FrozenTrial, there: Sequence[FrozenTrial]) -> optuna.Trial:
        """Take a trial that was put back, or that somebody else has enqueued."""
        study = self.study
        if CONFIG in first.user_attrs:
            return study.ask()
        # Enqueued, perhaps with some of its parameters: the others are those that a trial of its
        # number would have been sampled.
        given = {**first.params, **first.system_attrs.get("fixed_params", {})}
        if problems := enqueued_problems(self.sweep, given, self.examples):
            raise self._refused(first, "; ".join(problems))
        draft, _ = self._draft(there[: first.number], given)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            study.sampler = optuna.samplers.PartialFixedSampler(draft.params, study.sampler)
        trial = study.ask()
        try:
            with _without_warning_of_fixed():
                config = suggest(trial, self.sweep, trial.number, self.examples)
            trial.set_user_attr(PROVENANCE, dict(self.provenance))
            if given and GIVEN not in first.user_attrs:
                trial.set_user_attr(GIVEN, told(BY_HAND, given))
            for name, value in self._attributes(config, trial.number).items():
                trial.set_user_attr(name, value)
        finally:
            study.sampler = optuna.samplers.RandomSampler()
        return trial

    def _refused(self, trial: FrozenTrial, reason: str) -> EnqueuedTrialError:
        """Store that a trial cannot be trained. It has no configuration, so it is no record."""
        storage = self.study._storage
        storage.set_trial_user_attr(trial._trial_id, STATE, "failed")
        storage.set_trial_user_attr(trial._trial_id, REASON, reason)
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        return EnqueuedTrialError(trial.number, reason)

    def _draft(
        self, before: Sequence[FrozenTrial], given: Mapping[str, Any]
    ) -> tuple[optuna.Trial, TrialConfig]:
        """A trial sampled in memory, with the values that are given, at a point not yet tried.

        Args:
            before: the stored trials with smaller numbers.
        """
        number = len(before)
        if self.followed.known.count > number:
            self.followed.forget()
        known = self.followed.known
        known.follow(before, known_until(self.sweep, number))
        for draw in range(_DRAWS):
            if given:
                known.study.enqueue_trial(dict(given))
            draft = known.draft(make_sampler(self.sweep, number, draw))
            with _without_warning_of_fixed():
                config = suggest(draft, self.sweep, number, self.examples)
            if given or draw == _DRAWS - 1 or not known.is_tried(draft):
                break
            known.drop(draft)
        known.take(draft)
        return draft, config

    def _attributes(self, config: TrialConfig, number: int) -> dict[str, Any]:
        size = config.training.batch_size
        per_epoch = steps_per_epoch(self.sweep, size, self.examples)
        return {
            FOLDER: self._places.stored(self.folder / f"{number:04d}"),
            PHASES: plan_phases(config.schedule, config.steps, per_epoch).stored(),
            # Last: a trial that has it has all.
            CONFIG: config.model_dump(mode="json"),
        }


@contextlib.contextmanager
def _without_warning_of_fixed() -> Iterator[None]:
    """Optuna warns of each value out of its range, which somebody has chosen so."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Fixed parameter")
        yield


def stored(trial: optuna.Trial) -> FrozenTrial:
    """A trial of this driver's as it is stored, without asking the storage."""
    return trial._cached_frozen_trial


def seen_by(study: optuna.Study, sweep: Sweep, number: int) -> optuna.Study:
    """A study in memory with what the trial of this number may know of those before it.

    Its sampler is the trial's.
    """
    known = KnownTrials(study.direction)
    known.follow(study.get_trials(deepcopy=False)[:number], known_until(sweep, number))
    known.study.sampler = make_sampler(sweep, number)
    return known.study


def make_sampler(sweep: Sweep, number: int, draw: int = 0) -> optuna.samplers.BaseSampler:
    """The sampler of one trial, seeded from (seed, trial number, draw).

    So an interrupted study goes on as it would have without.

    Args:
        draw: how many points drawn for this trial were not taken.
    """
    seed = seed_of(sweep.study.seed, number, 1 + draw)
    asked, name = sweep.study.sampler, sweep.study.sampler_name
    if name in ("random", "RandomSampler") or draw >= _OWN_DRAWS[name]:
        return optuna.samplers.RandomSampler(seed=seed)
    arguments: dict[str, Any] = dict(asked.arguments) if isinstance(asked, OptunaSampler) else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if name in ("qmc", "QMCSampler"):
            arguments = {"scramble": True} if name == "qmc" else arguments
            return _QMCSampler(number, sweep.study.seed, seed, arguments)
        if isinstance(asked, OptunaSampler):
            make: Callable[..., optuna.samplers.BaseSampler] = getattr(optuna.samplers, name)
            if name == "GPSampler":
                # What only some trials have is drawn by itself, as it has to be.
                arguments["warn_independent_sampling"] = False
            return make(seed=seed, **arguments)
        # Parameters that only some policies have (gamma) are sampled in groups of their own.
        return optuna.samplers.TPESampler(
            n_startup_trials=STARTUP_TRIALS, seed=seed, multivariate=True, group=True
        )


class _QMCSampler(optuna.samplers.QMCSampler):
    """Optuna's, with the point of the sequence that belongs to the trial's number.

    Optuna counts the points in the study's storage, where a killed driver would leave a gap.
    """

    def __init__(
        self, number: int, seed: int, independent_seed: int, arguments: Mapping[str, Any]
    ) -> None:
        super().__init__(
            seed=seed,  # of the whole sequence
            independent_sampler=optuna.samplers.RandomSampler(seed=independent_seed),
            warn_independent_sampling=False,
            **arguments,
        )
        self._number = number

    def _find_sample_id(
        self,
        study: optuna.Study,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> int:
        return self._number
