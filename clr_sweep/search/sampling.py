"""The next trial: sampled in memory, stored whole, and only then begun.

The sampler is shown a study in memory that holds what it may know. So a driver that is killed
leaves no trial with half its parameters behind, and a deterministic sweep is one in which that
view does not depend on which trial happened to end first.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import BaseDistribution
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.config import Sweep
from clr_sweep.search.attributes import CONFIG, FOLDER, PHASES, PROVENANCE
from clr_sweep.search.pruners.curves import plan_phases
from clr_sweep.search.space import steps_per_epoch, suggest
from clr_sweep.trial_config import TrialConfig

# A point that has been tried is drawn anew, first as the sampler would have it, then at random. A
# space of few points may hold no other: then the point is tried again, with another seed.
_OWN_DRAWS = {"tpe": 5, "random": 50, "qmc": 1}
_DRAWS = 50

# TPE's random trials before its first own: with Optuna's ten it found good points later
# (docs/samplers.md).
STARTUP_TRIALS = 5

# A trial of a deterministic sweep is sampled and pruned from what the trials up to the one so
# many before it have found, even if later ones have ended too. It is at once the largest number
# of trials that can run together, so it must not depend on how many do.
WINDOW = 8


@dataclass(frozen=True)
class Asked:
    """A trial that is RUNNING now.

    Attributes:
        seen: what its pruner may know.
    """

    trial: optuna.Trial
    config: TrialConfig
    folder: Path
    seen: optuna.Study


def may_ask(study: optuna.Study, sweep: Sweep) -> bool:
    """Whether the next trial can be sampled now; without `deterministic` it always can."""
    if not sweep.study.deterministic:
        return True
    trials = study.get_trials(deepcopy=False)
    number = next((t.number for t in trials if t.state == TrialState.WAITING), len(trials))
    known = _known_until(sweep, number)
    return all(trial.state.is_finished() for trial in trials[:known])


def ask(
    study: optuna.Study,
    sweep: Sweep,
    examples: int,
    folder: Path,
    provenance: Mapping[str, Any],
) -> Asked:
    """The next trial: the first one that waits, else a new one.

    Args:
        examples: training examples in all, the validation part included.
        folder: of the study; the trial's is below it.
        provenance: stored with a new trial.
    """
    waiting = study.get_trials(deepcopy=False, states=(TrialState.WAITING,))
    if not waiting:
        _add(study, sweep, examples, folder, provenance)
    elif CONFIG not in waiting[0].user_attrs:
        # Enqueued by somebody else, perhaps with some of its parameters.
        study.sampler = _completing(study, sweep, waiting[0], examples)
    trial = study.ask()
    if CONFIG not in trial.user_attrs:
        config = suggest(trial, sweep, trial.number, examples)
        trial.set_user_attr(PROVENANCE, dict(provenance))
        for name, value in _attributes(sweep, config, trial.number, examples, folder).items():
            trial.set_user_attr(name, value)
    # The stored one: what may change between two starts must not change what a trial is.
    config = TrialConfig.model_validate_json(json.dumps(trial.user_attrs[CONFIG]))
    seen = seen_by(study, sweep, trial.number) if sweep.study.deterministic else study
    return Asked(trial, config, Path(trial.user_attrs[FOLDER]), seen)


def seen_by(study: optuna.Study, sweep: Sweep, number: int, draw: int = 0) -> optuna.Study:
    """A study in memory with what the trial of this number may know of those before it.

    The sampler is seeded from (seed, number), so that an interrupted study goes on as it would
    have without.

    Args:
        draw: how many points drawn for this trial were not taken.
    """
    sampler = make_sampler(sweep, number, draw)
    view = optuna.create_study(direction=study.direction, sampler=sampler, pruner=study.pruner)
    known = _known_until(sweep, number)
    before = study.get_trials(deepcopy=False)[:number]
    view.add_trials([_known(trial, trial.number < known) for trial in before])
    return view


def make_sampler(sweep: Sweep, number: int, draw: int = 0) -> optuna.samplers.BaseSampler:
    """The sampler of one trial, seeded from (seed, trial number, draw)."""
    seed = int(np.random.SeedSequence([sweep.study.seed, number, 1 + draw]).generate_state(1)[0])
    if sweep.study.sampler == "random" or draw >= _OWN_DRAWS[sweep.study.sampler]:
        return optuna.samplers.RandomSampler(seed=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        if sweep.study.sampler == "qmc":
            return _QMCSampler(number, sweep.study.seed, seed)
        # Parameters that only some policies have (gamma) are sampled in groups of their own.
        return optuna.samplers.TPESampler(
            n_startup_trials=STARTUP_TRIALS, seed=seed, multivariate=True, group=True
        )


class _QMCSampler(optuna.samplers.QMCSampler):
    """Optuna's, with the point of the sequence that belongs to the trial's number.

    Optuna counts the points in the study's storage, where a killed driver would leave a gap.
    """

    def __init__(self, number: int, seed: int, independent_seed: int) -> None:
        super().__init__(
            seed=seed,  # of the whole sequence
            scramble=True,
            independent_sampler=optuna.samplers.RandomSampler(seed=independent_seed),
            warn_independent_sampling=False,
        )
        self._number = number

    def _find_sample_id(
        self,
        study: optuna.Study,  # noqa: ARG002
        search_space: dict[str, BaseDistribution],  # noqa: ARG002
    ) -> int:
        return self._number


def _add(
    study: optuna.Study, sweep: Sweep, examples: int, folder: Path, provenance: Mapping[str, Any]
) -> None:
    """Sample a new trial and store it whole, waiting."""
    number = len(study.get_trials(deepcopy=False))
    draft, config = _draft(study, sweep, number, examples, {})
    study.add_trial(
        optuna.trial.create_trial(
            state=TrialState.WAITING,
            params=draft.params,
            distributions=draft.distributions,
            user_attrs={
                **_attributes(sweep, config, number, examples, folder),
                PROVENANCE: dict(provenance),
            },
        )
    )


def _draft(
    study: optuna.Study, sweep: Sweep, number: int, examples: int, given: Mapping[str, Any]
) -> tuple[optuna.Trial, TrialConfig]:
    """A trial sampled in memory, but for the values that are given, at a point not yet tried."""
    tried = [trial.params for trial in study.get_trials(deepcopy=False)[:number]]
    for draw in range(_DRAWS):
        view = seen_by(study, sweep, number, draw)
        if given:
            view.enqueue_trial(dict(given))
        draft = view.ask()
        config = suggest(draft, sweep, number, examples)
        if given or draft.params not in tried:
            break
    return draft, config


def _completing(
    study: optuna.Study, sweep: Sweep, trial: FrozenTrial, examples: int
) -> optuna.samplers.BaseSampler:
    """Gives an enqueued trial the values that a trial of its number would have been sampled."""
    given = {**trial.params, **trial.system_attrs.get("fixed_params", {})}
    draft, _ = _draft(study, sweep, trial.number, examples, given)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.PartialFixedSampler(draft.params, optuna.samplers.RandomSampler())


def _attributes(
    sweep: Sweep, config: TrialConfig, number: int, examples: int, folder: Path
) -> dict[str, Any]:
    per_epoch = steps_per_epoch(sweep, config.training.batch_size, examples)
    return {
        FOLDER: str(folder / f"{number:04d}"),
        PHASES: plan_phases(config.schedule, config.steps, per_epoch).stored(),
        # Last: a trial that has it has all.
        CONFIG: config.model_dump(mode="json"),
    }


def _known_until(sweep: Sweep, number: int) -> int:
    return max(0, number - WINDOW + 1) if sweep.study.deterministic else number


def _known(trial: FrozenTrial, ended: bool) -> FrozenTrial:
    """What is known of a trial: all of one that has ended, of others their parameters."""
    if ended and trial.state.is_finished():
        return optuna.trial.create_trial(
            state=trial.state,
            values=trial.values,
            params=trial.params,
            distributions=trial.distributions,
            user_attrs={k: v for k, v in trial.user_attrs.items() if k == PHASES},
            intermediate_values=trial.intermediate_values,
        )
    return optuna.trial.create_trial(
        state=TrialState.RUNNING, params=trial.params, distributions=trial.distributions
    )
