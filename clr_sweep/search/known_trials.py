"""What a sampler or a pruner may know of a study's trials: a study in memory that follows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.search.attributes import PHASES


class KnownTrials:
    """Follows a stored study: what has ended is taken over once, however long the study gets.

    A trial that has not ended, or may not be known yet, is RUNNING here, with its parameters alone.

    Attributes:
        study: the study in memory. A draft that was not taken is a FAILED trial in it, which
            neither samplers nor pruners look at; so its numbers are not the stored study's.
    """

    def __init__(self, direction: StudyDirection) -> None:
        self.study = optuna.create_study(direction=direction)
        self._ids: list[int] = []  # in memory, by the stored trial's number
        self._open: set[int] = set()
        self._tried: set[frozenset[tuple[str, object]]] = set()

    @property
    def count(self) -> int:
        """Stored trials that are followed."""
        return len(self._ids)

    def follow(self, trials: Sequence[FrozenTrial], known: int) -> None:
        """Take over what is new.

        Args:
            trials: all stored trials in the order of their numbers, from 0.
            known: of those with smaller numbers the ends may be known.
        """
        for number in sorted(self._open):
            if number < known and trials[number].state.is_finished():
                self._end(trials[number])
        for trial in trials[self.count :]:
            self._tried.add(_point(trial))
            self._ids.append(self._add(trial, trial.number < known))

    def draft(self, sampler: optuna.samplers.BaseSampler) -> optuna.Trial:
        """A trial to sample, here alone; then it is taken or dropped."""
        self.study.sampler = sampler
        return self.study.ask()

    def is_tried(self, draft: optuna.Trial) -> bool:
        """Whether a followed trial has the very parameters of a draft."""
        return _point(draft) in self._tried

    def take(self, draft: optuna.Trial) -> None:
        """Let a draft stand for the next stored trial."""
        storage = self.study._storage
        for key in storage.get_trial_system_attrs(draft._trial_id):
            # What a sampler keeps with it (TPE all that it drew, even what the trial has not) is
            # not stored: a driver that goes on later would not know it.
            storage.set_trial_system_attr(draft._trial_id, key, "")
        self._tried.add(_point(draft))
        self._open.add(self.count)
        self._ids.append(draft._trial_id)

    def drop(self, draft: optuna.Trial) -> None:
        """Forget a draft."""
        self.study.tell(draft, state=TrialState.FAIL)

    def _add(self, trial: FrozenTrial, known: bool) -> int:
        ended = known and trial.state.is_finished()
        if not ended:
            self._open.add(trial.number)
        # Not create_trial, which refuses the values out of a range that Optuna lets be enqueued.
        template = FrozenTrial(
            number=-1,
            trial_id=-1,
            state=trial.state if ended else TrialState.RUNNING,
            value=None,
            values=trial.values if ended else None,
            datetime_start=datetime.now(),
            datetime_complete=datetime.now() if ended else None,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs=_phases(trial) if ended else {},
            system_attrs={},
            intermediate_values=trial.intermediate_values if ended else {},
        )
        return self.study._storage.create_new_trial(self.study._study_id, template)

    def _end(self, trial: FrozenTrial) -> None:
        storage, known = self.study._storage, self._ids[trial.number]
        for name, value in _phases(trial).items():
            storage.set_trial_user_attr(known, name, value)
        for step, reported in trial.intermediate_values.items():
            storage.set_trial_intermediate_value(known, step, reported)
        storage.set_trial_state_values(known, trial.state, trial.values)
        self._open.remove(trial.number)


class FollowedStudy:
    """A driver's study as its sampler and its pruner see it, read once for both.

    Attributes:
        known: of a deterministic sweep for the sampler alone: there each trial's pruner sees what
            it may know (`Asked.seen`).
    """

    def __init__(self, study: optuna.Study, is_deterministic: bool) -> None:
        self.known = KnownTrials(study.direction)
        self._study = study
        self._is_deterministic = is_deterministic
        # All stored trials, where nothing has changed since they were read.
        self._there: Sequence[FrozenTrial] | None = None

    def stored_trials(self) -> Sequence[FrozenTrial]:
        """All stored trials, before one is added to them."""
        there = self._there or self._study.get_trials(deepcopy=False)
        self._there = None
        return there

    def forget(self) -> None:
        """Know of no trial any more."""
        self.known = KnownTrials(self._study.direction)

    def follow(self) -> Sequence[FrozenTrial]:
        """Take note of what has changed: a trial has ended, or waits again.

        Returns:
            All stored trials. The next `stored_trials` does not read them again, which takes the
            longer the more there are.
        """
        self._there = self._study.get_trials(deepcopy=False)
        if not self._is_deterministic:
            self.known.follow(self._there, len(self._there))
        return self._there

    def is_to_be_pruned(self, trial: FrozenTrial, seen: optuna.Study | None) -> bool:
        """What the pruner says of a trial, after the value that it has reported last.

        Args:
            seen: all that its pruner may know; None where it may know all.
        """
        # Some of Optuna's give NumPy's own true and false.
        return bool(self._study.pruner.prune(self.known.study if seen is None else seen, trial))


def _phases(trial: FrozenTrial) -> dict[str, object]:
    """What pruners look at, of all that is stored with a trial."""
    return {key: value for key, value in trial.user_attrs.items() if key == PHASES}


def _point(trial: FrozenTrial | optuna.Trial) -> frozenset[tuple[str, object]]:
    return frozenset(trial.params.items())
