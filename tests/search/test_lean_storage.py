"""What is written in fewer statements is what Optuna writes, row by row, in each database."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from database_servers import Server
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb.models import BaseModel
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from statements import statements

from clr_sweep.search import lean_storage
from clr_sweep.search.lean_storage import LeanStorage
from clr_sweep.search.postgresql import with_driver

# Moments; and the rows' own numbers, of which a server gives one for an attempt to add a row too.
_UNLIKE = ("datetime", "trial_intermediate_value_id")

LOG = FloatDistribution(1e-4, 1.0, log=True)
DISTRIBUTIONS: dict[str, Any] = {
    "init_lr": LOG,
    "factor": IntDistribution(2, 8),
    "policy": CategoricalDistribution(["triangular", "exp_range"]),
}
TEMPLATES = [
    create_trial(
        state=TrialState.RUNNING,
        params={"init_lr": 1 / 3, "factor": 3, "policy": "exp_range"},
        distributions=DISTRIBUTIONS,
        user_attrs={"config": {"a": [1, None]}, "folder": "trials/x/0000"},
        system_attrs={"fixed_params": {"init_lr": 0.5}},
        intermediate_values={1: 0.1, 2: math.inf},
    ),
    create_trial(state=TrialState.WAITING),
    create_trial(state=TrialState.COMPLETE, value=0.5),
    None,
]


def written(storage: RDBStorage) -> dict[str, list[Any]]:
    """All rows that a few trials leave."""
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "mine")
    for template in TEMPLATES:
        storage.create_new_trial(study, template)
    trial = storage.create_new_trial(study, TEMPLATES[0])
    for step, value in ((3, 1 / 7), (3, -math.inf), (4, math.nan), (1, 0.2), (5, 1e-300)):
        storage.set_trial_intermediate_value(trial, step, value)
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [0.5])
    for act in (
        lambda: storage.set_trial_intermediate_value(trial, 6, 0.5),
        lambda: storage.set_trial_intermediate_value(trial, 1, 0.5),
    ):
        with pytest.raises(UpdateFinishedTrialError):
            act()
    with pytest.raises(KeyError):
        storage.set_trial_intermediate_value(trial + 1000, 1, 0.5)
    for state, values in ((TrialState.COMPLETE, [0.25]), (TrialState.PRUNED, None)):
        trial = storage.create_new_trial(study, TEMPLATES[0])
        for result in (None, {"value": 1 / 3, "reason": None}):
            storage.set_trial_user_attr(trial, "seen", result)
        end(storage, trial, state, values)
        with pytest.raises(UpdateFinishedTrialError):
            end(storage, trial, state, values)
    with pytest.raises(KeyError):
        end(storage, trial + 1000, TrialState.PRUNED, None)
    with storage.engine.connect() as connection:
        return {
            name: [
                {key: row._mapping[key] for key in row._mapping if not key.startswith(_UNLIKE)}
                for row in connection.execute(table.select().order_by(*table.primary_key))
            ]
            for name, table in BaseModel.metadata.tables.items()
        }


def end(storage: RDBStorage, trial: int, state: TrialState, values: list[float] | None) -> None:
    """As a driver ends a trial, with an attribute that it has and one that it has not."""
    attributes = {"seen": {"value": 0.5}, "config": {"b": [1, 2]}}
    if isinstance(storage, LeanStorage):
        storage.end_trial(trial, state, values, attributes)
        return
    for key, value in attributes.items():
        storage.set_trial_user_attr(trial, key, value)
    storage.set_trial_state_values(trial, state, values)


def assert_the_same(url: Callable[[str], str]) -> None:
    rows = []
    for kind in (RDBStorage, LeanStorage):
        storage = kind(with_driver(url(kind.__name__.lower())))
        rows.append(written(storage))
        storage.engine.dispose()
    assert rows[0] == rows[1]
    assert rows[0]["trial_intermediate_values"]


@pytest.mark.heavy
def test_the_rows_are_optunas(server: Server) -> None:
    """On the servers."""
    assert_the_same(server.url)


def test_the_rows_are_optunas_in_a_file(tmp_path: Path) -> None:
    """In SQLite."""
    assert_the_same(lambda name: f"sqlite:///{tmp_path / name}.db")


def test_there_are_fewer_statements(tmp_path: Path) -> None:
    """A third of Optuna's for a trial of ten epochs, as a driver has it from its start to its end.

    Optuna's cache is in front of each, and the study's trials are read when the trial has ended.
    """
    counts = []
    for kind in (RDBStorage, LeanStorage):
        storage = kind(f"sqlite:///{tmp_path / kind.__name__}.db")
        cached = optuna.storages.get_storage(storage)
        study = cached.create_new_study([StudyDirection.MAXIMIZE], "mine")
        for _ in range(3):
            cached.create_new_trial(study, TEMPLATES[0])
        cached.get_all_trials(study)
        with statements(storage.engine) as said:
            trial = cached.create_new_trial(study, TEMPLATES[0])
            cached.get_trial(trial)
            for epoch in range(1, 11):
                cached.set_trial_intermediate_value(trial, epoch, 0.5)
            end(storage, trial, TrialState.COMPLETE, [0.5])
            assert cached.get_all_trials(study)[-1].value == 0.5
        counts.append(len(said))
        storage.engine.dispose()
    assert counts == [76, 22]


def test_an_epoch_is_one_statement(server: Server) -> None:
    """On the servers, and the end three: which rows were written each of their drivers tells."""
    storage = LeanStorage(with_driver(server.url("counted")))
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "mine")
    trial = storage.create_new_trial(study, TEMPLATES[0])
    for step, value in ((3, 0.5), (3, 0.5), (3, math.inf)):
        with statements(storage.engine) as said:
            storage.set_trial_intermediate_value(trial, step, value)
        assert len(said) == 1
    with statements(storage.engine) as said:
        end(storage, trial, TrialState.COMPLETE, [0.5])
    assert len(said) == 3
    storage.engine.dispose()


@pytest.fixture
def two(tmp_path: Path) -> Iterator[tuple[Any, Any, int]]:
    """A driver's storage and another process's, each with Optuna's cache, and a study of theirs."""
    url = f"sqlite:///{tmp_path / 'optuna.db'}"
    own, other = (optuna.storages.get_storage(LeanStorage(url)) for _ in range(2))
    study = own.create_new_study([StudyDirection.MAXIMIZE], "mine")
    yield own, other, study
    for one in (own, other):
        one._backend.engine.dispose()


def test_what_is_not_read_is_as_if_it_were(two: tuple[Any, Any, int]) -> None:
    """After each write a driver's trials are, to the last value, those that are stored."""
    own, _, study = two

    def assert_as_stored() -> None:
        fresh = LeanStorage(own._backend.url)
        assert own.get_all_trials(study) == fresh.get_all_trials(study)
        for trial in fresh.get_all_trials(study):
            assert own.get_trial(trial._trial_id) == trial
        fresh.engine.dispose()

    first, second, third = (own.create_new_trial(study, TEMPLATES[0]) for _ in range(3))
    assert_as_stored()
    for step, value in ((3, 1 / 7), (3, math.inf), (4, 1e-300), (1, 1)):
        own.set_trial_intermediate_value(first, step, value)
        assert_as_stored()
    own.set_trial_user_attr(second, "user", {"a": (1, 2)})
    own.set_trial_system_attr(second, "system", [1])
    assert_as_stored()
    own._backend.end_trial(first, TrialState.PRUNED, [0.2], {"result": {"b": (1, None)}})
    assert_as_stored()
    own.set_trial_state_values(third, TrialState.WAITING)
    own.create_new_trial(study, TEMPLATES[1])
    assert_as_stored()
    own.set_trial_state_values(third, TrialState.RUNNING)
    own._backend.end_trial(second, TrialState.COMPLETE, [1 / 3], {})
    assert_as_stored()


def test_what_is_given_out_is_not_what_is_kept(two: tuple[Any, Any, int]) -> None:
    """Whoever changes a trial that was read changes nothing for the next."""
    own, _, study = two
    trial = own.create_new_trial(study, TEMPLATES[0])
    for read in (own.get_trial(trial), *own.get_all_trials(study, deepcopy=False)):
        read.intermediate_values[9] = 0.5
        read.user_attrs["mine"] = 1
    assert own.get_trial(trial).intermediate_values == {1: 0.1, 2: math.inf}
    assert "mine" not in own.get_trial(trial).user_attrs


def test_what_others_do_is_seen(two: tuple[Any, Any, int]) -> None:
    """A trial that somebody enqueues, and one of the driver's that somebody ends by hand."""
    own, other, study = two
    first, second = (own.create_new_trial(study, TEMPLATES[0]) for _ in range(2))
    own.get_all_trials(study)
    other.create_new_trial(study, TEMPLATES[1])
    states = [trial.state for trial in own.get_all_trials(study)]
    assert states == [TrialState.RUNNING, TrialState.RUNNING, TrialState.WAITING]
    other.set_trial_state_values(first, TrialState.FAIL)
    assert own.get_all_trials(study)[0].state is TrialState.FAIL
    assert own.get_trial(first).state is TrialState.FAIL
    with pytest.raises(UpdateFinishedTrialError):
        own.set_trial_intermediate_value(first, 1, 0.5)
    own._backend.end_trial(second, TrialState.COMPLETE, [0.5], {})
    assert [trial.value for trial in own.get_all_trials(study)] == [None, 0.5, None]


def test_many_that_wait(two: tuple[Any, Any, int]) -> None:
    """More than a statement takes in a list."""
    own, _, study = two
    for _ in range(3):
        own.create_new_trial(study, TEMPLATES[1])
    first = own.create_new_trial(study, TEMPLATES[0])
    own._backend.end_trial(first, TrialState.COMPLETE, [0.5], {})
    own.get_all_trials(study)
    own.create_new_trial(study, TEMPLATES[0])
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(lean_storage, "_MOST_IN_A_LIST", 2)
        few = own.get_all_trials(study)
    assert few == own.get_all_trials(study)
    assert len(few) == 5
