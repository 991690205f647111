"""The trainings of a comparison as the trials of a study of their own.

They are enqueued, each with its configuration, and then run as any trial is: in processes,
retried, continued after an interruption, shown in MLflow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from optuna.distributions import IntDistribution
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.search import attributes as keys
from clr_sweep.search.arms import BASELINE, MEAN_RATE
from clr_sweep.search.configurations import acyclic, baseline_config, seed_of
from clr_sweep.search.places import Places
from clr_sweep.training.comparison_records import FINALISTS, FINALS, Arm, ComparisonRecord, SeedRun

_STAGES = {"finalists": 1, "finals": 2}
# More seeds of a stage than a comparison may have.
_MOST_SEEDS = 1000


@dataclass(frozen=True)
class SeedRuns:
    """Enqueues the trainings of one comparison.

    Args:
        study: that holds them.
        number: of the comparison.
        folder: of that study.
        seed: of the search.
        provenance: stored with each training.
    """

    study: optuna.Study
    number: int
    folder: Path
    seed: int
    provenance: Mapping[str, Any]

    def enqueue(self, runs: Mapping[SeedRun, TrialConfig]) -> None:
        """Let those wait for their training that are not there yet."""
        there = {seed_run_of(trial) for trial in self.study.get_trials(deepcopy=False)}
        for run, config in runs.items():
            if run in there:
                continue
            number = len(there)
            seeded = config.model_copy(update={"seed": self._seed(run)})
            self.study.add_trial(self._waiting(number, run, seeded))
            there.add(run)

    def _waiting(self, number: int, run: SeedRun, config: TrialConfig) -> FrozenTrial:
        folder = Places(self.study).stored(self.folder / f"{number:04d}")
        return optuna.trial.create_trial(
            state=TrialState.WAITING,
            params={"seed": run.seed},
            distributions={"seed": IntDistribution(0, _MOST_SEEDS)},
            user_attrs={
                keys.SEED_RUN: asdict(run),
                keys.FOLDER: folder,
                keys.PROVENANCE: dict(self.provenance),
                keys.CONFIG: config.model_dump(mode="json"),
            },
        )

    def _seed(self, run: SeedRun) -> int:
        """A seed that no trial of the search has, and no other comparison; one for all arms."""
        return seed_of(self.seed, run.seed, _STAGES[run.stage], self.number)


def open_comparison(study: optuna.Study, record: ComparisonRecord) -> None:
    """Store how a comparison is made, once and for ever."""
    if keys.COMPARISON not in study.user_attrs:
        study.set_user_attr(keys.COMPARISON, asdict(record))


def comparison_of(study: optuna.Study) -> ComparisonRecord | None:
    """How the comparison is made whose trainings a study holds; None where it holds none."""
    content = study.user_attrs.get(keys.COMPARISON)
    if content is None:
        return None
    arms = tuple(
        Arm(
            **{
                **arm,
                "candidates": tuple(arm["candidates"]),
                "edges": {number: tuple(found) for number, found in arm["edges"].items()},
            }
        )
        for arm in content["arms"]
    )
    pairs = tuple((clr, rival) for clr, rival in content["pairs"])
    return ComparisonRecord(**{**content, "arms": arms, "pairs": pairs})


def seed_run_of(trial: FrozenTrial) -> SeedRun | None:
    """What a trial is for, if it is a training of a comparison."""
    content = trial.user_attrs.get(keys.SEED_RUN)
    return SeedRun(**content) if content else None


def finalist_runs(
    record: ComparisonRecord, configs: Mapping[str, TrialConfig]
) -> dict[SeedRun, TrialConfig]:
    """The trainings that choose each arm's winner; where there is no choice, none.

    Args:
        configs: of all candidates, by entry.
    """
    return {
        SeedRun(FINALISTS, entry, seed): configs[entry]
        for seed in range(record.finalist_seeds)
        for arm in record.arms
        if len(arm.entries) > 1
        for entry in arm.entries
    }


def final_runs(
    record: ComparisonRecord,
    winners: Sequence[str | None],
    configs: Mapping[str, TrialConfig],
    sweep: Sweep,
    examples: int,
) -> dict[SeedRun, TrialConfig]:
    """The finals: every seed with every arm that has a winner, seed by seed.

    Args:
        winners: of the record's arms, by entry; None of one whose search found nothing.
        configs: of all candidates, by entry.
        sweep: by which CLR was searched.
        examples: training examples in all, the validation part included.
    """
    fixed = {BASELINE: baseline_config(sweep, examples)}
    if winners[0] is not None:
        fixed[MEAN_RATE] = mean_rate_config(configs[winners[0]])
    known = {**configs, **fixed}
    return {
        SeedRun(FINALS, entry, seed): known[entry]
        for seed in range(record.seeds)
        for entry in winners
        if entry in known
    }


def mean_rate_config(winner: TrialConfig) -> TrialConfig:
    """All as the winner, with its mean rate at every step."""
    rate = float(winner.schedule.learning_rate(np.arange(winner.steps)).mean())
    return winner.model_copy(update={"schedule": acyclic("constant", rate)})
