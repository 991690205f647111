"""Recorded trials under a pruner: what the replay counts, and what the docs claim of it."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import optuna
import pytest

from benchmarks.pruning.__main__ import CANDIDATES, DEFAULT, part_of
from benchmarks.pruning.replay import Candidate, orders, replay, score
from benchmarks.recorded.curves import RecordedTrial, read, write
from clr_sweep.definition.trial_config import ScheduleConfig
from clr_sweep.search.pruners.forecast import ForecastPruner

SCHEDULE = ScheduleConfig(
    policy="triangular", init_lr=0.0, max_lr=1.0, step_size_factor=2, step_size=20
)


def recorded(number: int, accuracies: list[float], diverged: bool = False) -> RecordedTrial:
    return RecordedTrial(
        number=number,
        params={},
        schedule=SCHEDULE,
        ends=[10 * epoch for epoch in range(1, len(accuracies) + 1)],
        curves={"val_accuracy": accuracies, "val_loss": [1 - value for value in accuracies]},
        value=None if diverged else accuracies[-1],
    )


class CutAt(optuna.pruners.BasePruner):
    """Cuts every trial at the end of one epoch, but the first."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def prune(
        self,
        study: optuna.Study,  # noqa: ARG002
        trial: optuna.trial.FrozenTrial,
    ) -> bool:
        return trial.number > 0 and trial.last_step == self._epoch


FOUR = [
    recorded(0, [0.1, 0.2, 0.3, 0.4]),
    recorded(1, [0.2, 0.3, 0.5, 0.9]),
    recorded(2, [0.2, float("nan")], diverged=True),
    recorded(3, [0.1, 0.1, 0.1, 0.5]),
]


def test_without_a_pruner_nothing_is_saved_or_lost() -> None:
    """All epochs are trained; a diverged trial ends where it did."""
    outcome = replay(FOUR, optuna.pruners.NopPruner)
    assert (outcome.trained, outcome.whole) == (14, 14)
    assert (outcome.regret, outcome.best_cut) == (0.0, False)


@pytest.mark.parametrize(("epoch", "trained"), [(1, 7), (2, 10), (3, 12)])
def test_what_a_pruner_saves_and_misses(epoch: int, trained: int) -> None:
    """Epochs up to the cut are counted, and the best that is left is held against the best."""
    outcome = replay(FOUR, partial(CutAt, epoch))
    assert outcome.trained == trained
    assert outcome.regret == pytest.approx(50)
    assert outcome.best_cut
    assert not replay([FOUR[1], *FOUR[2:], FOUR[0]], partial(CutAt, epoch)).best_cut


def test_the_last_epoch_is_not_pruned() -> None:
    """It has been trained by then."""
    assert not replay(FOUR, partial(CutAt, 4)).best_cut


def test_orders_are_the_same_for_all() -> None:
    """Each holds every trial once, and follows from the seed."""
    shuffled = orders(FOUR, 5, seed=0)
    assert shuffled == orders(FOUR, 5, seed=0)
    assert all(sorted(t.number for t in one) == [0, 1, 2, 3] for one in shuffled)
    assert len({tuple(t.number for t in one) for one in shuffled}) > 1


def test_recorded_trials_are_read_as_they_were_written(tmp_path: Path) -> None:
    """NaN among them, and the same bytes each time."""
    write(FOUR, tmp_path / "a")
    write(read(tmp_path / "a"), tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert [(t.number, t.value, t.schedule) for t in read(tmp_path / "a")] == [
        (t.number, t.value, t.schedule) for t in FOUR
    ]


def test_the_recorded_trials_are_whole() -> None:
    """At least 60 of the default sweep, each to its last trough, with all its values."""
    trials = read()
    assert len(trials) >= 60
    for trial in trials:
        assert trial.phases["positions"][-1] == 0.0
        assert trial.epochs == len(trial.phases["positions"])
        if trial.value is not None:
            assert trial.value == pytest.approx(trial.curves["val_accuracy"][-1], abs=1e-6)


@pytest.mark.heavy
@pytest.mark.parametrize(("part", "count"), [("test", 40), ("all", 20)])
def test_the_default_pruner_keeps_its_promises(part: str, count: int) -> None:
    """On trials it was not tuned on, and on all: 60 % saved, the best cut in 3 % at most."""
    shuffled = orders(part_of(read(), part), count, seed=1)
    candidate = Candidate("default", "", ForecastPruner)
    found = score(candidate, [replay(one, ForecastPruner) for one in shuffled])
    assert found.saved >= 0.6
    assert found.best_cut <= 0.03
    assert found.regret < 0.03


NAMED = {candidate.name: candidate for candidate in CANDIDATES}


def documented() -> dict[str, str]:
    """The rows of the first table in docs/pruning.md, by the pruner's name."""
    text = (Path(__file__).parents[2] / "docs" / "pruning.md").read_text(encoding="utf-8")
    table = text.partition("--part test")[2].partition("```")[0].splitlines()[3:]
    return {line[15:41].strip(): line[41:].strip() for line in table}


def test_every_pruner_stands_in_the_docs() -> None:
    assert list(documented()) == [candidate.name for candidate in CANDIDATES] == list(NAMED)


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["median", "Hyperband", "phase_halving", DEFAULT])
def test_the_table_of_the_docs_comes_out_again(name: str) -> None:
    """To the last digit: nothing in a replay depends on what Optuna makes up."""
    trials = part_of(read(), "test")
    one = NAMED[name]
    replayed = [replay(some, one.make_pruner, one.metric) for some in orders(trials, 200, 0)]
    found = score(one, replayed)
    shown = f"{found.saved:6.1%} {found.regret:7.3f} {found.best_cut:9.1%}"
    assert shown.split() == documented()[name].split()


def test_hyperband_is_replayed_the_same() -> None:
    """Its brackets follow from the study's name, which Optuna would make up."""
    trials, make = part_of(read(), "test"), NAMED["Hyperband"].make_pruner
    assert replay(trials, make) == replay(trials, make)
