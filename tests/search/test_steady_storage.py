"""Everything that Optuna writes, on real servers whose sessions end in the middle of it."""

from __future__ import annotations

import inspect
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import optuna
import pytest
from database_servers import Server
from lost_moments import MOMENTS, LostMoment
from optuna.distributions import FloatDistribution
from optuna.exceptions import DuplicatedStudyError, StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, RDBStorage, _CachedStorage
from optuna.storages._rdb.models import BaseModel
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial
from sqlalchemy import func, select

from clr_sweep.search import storage as storages
from clr_sweep.search.steady_storage import SteadyStorage

# PyMySQL leaves open the sockets of refused connections.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

RANGE = FloatDistribution(0.0, 1.0)
TEMPLATE = create_trial(
    state=TrialState.RUNNING,
    params={"x": 0.5},
    distributions={"x": RANGE},
    user_attrs={"config": {"a": 1}, "folder": "there"},
    system_attrs={"number": 1},
    intermediate_values={1: 0.25},
)
ENQUEUED = create_trial(state=TrialState.WAITING, system_attrs={"fixed_params": {"x": 0.1}})


def opened(url: str) -> Any:
    """As a driver has it, with Optuna's cache."""
    return optuna.storages.get_storage(storages.open_storage(url))  # type: ignore[arg-type]


@pytest.fixture(params=MOMENTS)
def moment(request: pytest.FixtureRequest, server: Server) -> LostMoment:
    return LostMoment(server, request.param)


@pytest.fixture
def store(server: Server, moment: LostMoment) -> Iterator[Any]:
    """A storage that is lost when the moment is armed, in a database of its own."""
    made = opened(server.url(f"lost_{uuid.uuid4().hex}"))
    engine = made._backend.engine
    with moment.of(engine):
        yield made
    engine.dispose()


def written(store: BaseStorage, arm: Callable[[], None]) -> Iterator[object]:
    """All that a driver writes, one after the other; what each gives back."""
    arm()
    study = store.create_new_study([StudyDirection.MAXIMIZE], "mine")
    yield store.get_study_name_from_id(study)
    for value in (1, 2):
        arm()
        store.set_study_user_attr(study, "user", value)
        arm()
        store.set_study_system_attr(study, "system", value)
    for template in (TEMPLATE, ENQUEUED, None, None, None):
        arm()
        trial = store.create_new_trial(study, template)
        yield store.get_trial_number_from_id(trial)
    first, waiting, other, pruned, failed = [one._trial_id for one in store.get_all_trials(study)]
    arm()
    store.set_trial_param(other, "x", 0.75, RANGE)
    for value in (0.25, 0.5):
        arm()
        store.set_trial_intermediate_value(first, 2, value)
        arm()
        store.set_trial_user_attr(first, "user", value)
        arm()
        store.set_trial_system_attr(first, "system", value)
    for trial, state, values in (
        (waiting, TrialState.RUNNING, None),
        (other, TrialState.WAITING, None),
        (other, TrialState.RUNNING, None),
        (pruned, TrialState.PRUNED, [1 / 3]),
        (failed, TrialState.FAIL, None),
    ):
        arm()
        yield store.set_trial_state_values(trial, state, values)
    arm()
    store._backend.end_trial(first, TrialState.COMPLETE, [0.5], {"result": {"a": 1}})


def content(store: BaseStorage) -> dict[str, Any]:
    """What is stored, and how many rows of it; but for times and the servers' numbers."""

    def shown(trial: FrozenTrial) -> tuple[Any, ...]:
        return (
            trial.number, trial.state, trial.values, trial.params, trial.distributions,
            trial.user_attrs, trial.system_attrs, trial.intermediate_values,
            trial.datetime_start is None, trial.datetime_complete is None,
        )  # fmt: skip

    with store._backend.engine.connect() as connection:  # type: ignore[attr-defined]
        rows = {
            name: connection.execute(select(func.count()).select_from(table)).scalar()
            for name, table in BaseModel.metadata.tables.items()
        }
    studies = store.get_all_studies()
    return {
        "rows": rows,
        "studies": [(s.study_name, s.directions, s.user_attrs, s.system_attrs) for s in studies],
        "trials": [shown(t) for s in studies for t in store.get_all_trials(s._study_id)],
    }


@pytest.mark.heavy
def test_what_is_stored_is_as_without(server: Server, moment: LostMoment, store: Any) -> None:
    """Each write is done once, whenever its connection was lost, and says what it did."""
    calm = opened(server.url("calm"))
    for study in calm.get_all_studies():
        calm.delete_study(study._study_id)
    expected = list(written(calm, lambda: None))
    assert list(written(store, moment.arm)) == expected
    assert moment.times == 23
    assert content(store) == content(calm)
    moment.arm()
    store.delete_study(store.get_study_id_from_name("mine"))
    assert moment.times == 24
    assert store.get_all_studies() == []
    assert sum(content(store)["rows"].values()) == 1  # Optuna's version
    calm._backend.engine.dispose()


@pytest.mark.heavy
def test_somebody_enqueues_meanwhile(server: Server, moment: LostMoment, store: Any) -> None:
    """A trial that looks the same is another: neither is lost, and none is there twice."""
    study = store.create_new_study([StudyDirection.MAXIMIZE], "mine")
    other = opened(store._backend.engine.url.render_as_string(hide_password=False))
    end_sessions, there = server.end_sessions, list[int]()

    def and_enqueue() -> None:
        end_sessions()
        there.append(other.create_new_trial(study, ENQUEUED))

    server.end_sessions = and_enqueue  # type: ignore[method-assign]
    try:
        moment.arm()
        mine = store.create_new_trial(study, ENQUEUED)
    finally:
        server.end_sessions = end_sessions  # type: ignore[method-assign]
    trials = other.get_all_trials(study)
    assert sorted(trial._trial_id for trial in trials) == sorted([mine, *there])
    assert sorted(trial.number for trial in trials) == [0, 1]
    other._backend.engine.dispose()


@pytest.mark.parametrize("moment", ["after COMMIT"], indirect=True)
def test_what_was_refused_is_refused(moment: LostMoment, store: Any) -> None:
    """It is the second time alone that a thing may be there, and only if it is the same."""
    study = store.create_new_study([StudyDirection.MAXIMIZE], "mine")
    with pytest.raises(DuplicatedStudyError):
        store.create_new_study([StudyDirection.MAXIMIZE], "mine")
    trial = store.create_new_trial(study)
    assert not store.set_trial_state_values(trial, TrialState.RUNNING)
    store.set_trial_state_values(trial, TrialState.COMPLETE, [0.5])
    for state, values in ((TrialState.COMPLETE, [0.5]), (TrialState.FAIL, None)):
        with pytest.raises(UpdateFinishedTrialError):
            store.set_trial_state_values(trial, state, values)
    store.delete_study(study)
    with pytest.raises(KeyError):
        store.delete_study(study)
    assert moment.times == 0


@pytest.mark.parametrize("moment", ["before COMMIT"], indirect=True)
def test_what_cannot_be_stored_is_said_at_once(moment: LostMoment, store: Any) -> None:
    """It is the value's fault, and no later attempt would mend it."""
    study = store.create_new_study([StudyDirection.MAXIMIZE], "mine")
    moment.arm()
    with pytest.raises(StorageInternalError):
        store.set_study_user_attr(study, "x" * 1000, 1)
    assert moment.times == 0


def test_every_operation_is_steady() -> None:
    """All that Optuna's cache asks of a storage, and all that a storage has to do by itself."""
    asked = set(inspect.getsource(_CachedStorage).split("self._backend.")[1:])
    names = {text.split("(")[0] for text in asked} | BaseStorage.__abstractmethods__
    # Made of others.
    names -= {"create_new_trial", "set_trial_param", "get_all_trials"}
    # Of trials that Optuna runs itself.
    names = {name for name in names if "heartbeat" not in name and "stale" not in name}
    same = {name for name in names if getattr(SteadyStorage, name) is getattr(RDBStorage, name)}
    assert same == set()
