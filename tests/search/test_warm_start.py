"""A study that begins with another one's best trials: settled once, and kept with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from small_studies import FACTS, begin, result, sweep
from written_sweeps import FROM_RANGE_TEST

from clr_sweep.common.errors import InputError, StoreError
from clr_sweep.definition.dimensions import Range
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import WARM_START
from clr_sweep.search.reading import read_study
from clr_sweep.search.starting_trials import (
    starting_trials,
    starting_trials_left,
    warm_start_lines,
)
from clr_sweep.search.warm_start import looked_up, settled, settled_lines

WARM: dict[str, Any] = {"study.warm_start": {"study": "before", "trials": 2}}
POINTS = [
    {"init_lr": 0.001, "max_lr": 0.1, "step_size_factor": 2, "policy": "triangular"},
    {"init_lr": 0.002, "max_lr": 0.2, "step_size_factor": 3, "policy": "triangular2"},
    {"init_lr": 0.002, "max_lr": 0.2, "step_size_factor": 3, "policy": "triangular2"},
    {"init_lr": 0.003, "max_lr": 0.7, "step_size_factor": 4, "policy": "exp_range"},
]


def searched(store: optuna.storages.BaseStorage, folder: Path, **changes: Any) -> optuna.Study:
    """A study of four trials, the better the greater their max_lr; a fifth was pruned."""
    made = sweep({"name": "before", **changes})
    study = storage.open_study(store, made, "", FACTS)
    sign = 1 if made.objective.direction == "maximize" else -1
    for point in POINTS:
        study.enqueue_trial(point)
        value = sign * point["max_lr"]
        trials.record_result(study, begin(study, made, folder).trial, result(value=value))
    study.enqueue_trial({**POINTS[0], "max_lr": 1.0})
    pruned = begin(study, made, folder).trial
    trials.record_result(study, pruned, result("pruned", value=None))
    return study


@pytest.fixture(scope="module")
def before(tmp_path_factory: pytest.TempPathFactory) -> optuna.storages.BaseStorage:
    """A storage in memory with the study `before`, and `ours`, which has no trial."""
    store = storage.open_storage("sqlite:///:memory:")
    searched(store, tmp_path_factory.mktemp("before"))
    storage.open_study(store, sweep({"name": "ours"}), "", FACTS)
    return store


def made_study(store: optuna.storages.BaseStorage, made: Sweep) -> optuna.Study:
    return storage.open_study(store, made, "", FACTS, settled(made, store))


def lines(made: Sweep, study: optuna.Study) -> list[str]:
    kept = study.user_attrs.get(WARM_START)
    return list(starting_trials_left(made, kept, study.get_trials(deepcopy=False)))


@pytest.mark.heavy
@pytest.mark.parametrize("deterministic", [True, False])
def test_its_best_come_first(
    opened: optuna.storages.BaseStorage, url: str, tmp_path: Path, deterministic: bool
) -> None:
    """After the given ones, each configuration once; the other study may grow, or be deleted."""
    searched(opened, tmp_path)
    given = {"study.start_with": [{"max_lr": 0.5}], "study.deterministic": deterministic}
    made = sweep({**WARM, **given})
    study, twin = (made_study(opened, one) for one in (made, made.model_copy(
        update={"study": made.study.model_copy(update={"name": "twin"})})))  # fmt: skip
    assert lines(made, study) == [
        "study.start_with gives the parameters of the next trials: 1",
        "begins with the best trials of study before",
        "  trial 3 (val_accuracy 0.7) gives init_lr 0.003, max_lr 0.7, step_size_factor 4, "
        "policy exp_range",
        "  trial 1 (val_accuracy 0.2) gives init_lr 0.002, max_lr 0.2, step_size_factor 3, "
        "policy triangular2",
    ]
    for asked in [begin(twin, made, tmp_path) for _ in range(5)]:
        trials.record_result(twin, asked.trial, result())
    for _ in range(2):
        trials.record_result(study, begin(study, made, tmp_path).trial, result())
    optuna.delete_study(study_name="before", storage=opened)
    assert lines(made, study) == [
        "study.warm_start gives the parameters of the next trials: 1 of 2"
    ]
    again = storage.open_study(storage.open_storage(url), made, "", FACTS)
    for _ in range(3):
        trials.record_result(again, begin(again, made, tmp_path).trial, result())
    if deterministic:
        assert [trial.params for trial in again.trials] == [trial.params for trial in twin.trials]
    assert [trial.params for trial in again.trials[1:3]] == [POINTS[3], POINTS[1]]
    assert [trial.given for trial in read_study(again).trials] == [
        "by study.start_with, 1 of 1: max_lr",
        "by study.warm_start, trial 3 of study before, 1 of 2: "
        "init_lr, max_lr, step_size_factor, policy",
        "by study.warm_start, trial 1 of study before, 2 of 2: "
        "init_lr, max_lr, step_size_factor, policy",
        "",
        "",
    ]
    assert lines(made, again) == []


def test_what_does_not_fit_is_said(before: optuna.storages.BaseStorage, tmp_path: Path) -> None:
    """A trial of which nothing fits is left out; fewer than asked for are taken, and said."""
    narrow = {
        "name": "narrow",
        "study.warm_start": {"study": "before", "trials": 9},
        "search_space.max_lr": {"low": 0.15, "high": 0.3},
        "search_space.init_lr": {"low": 1e-4, "high": 2.5e-3},
        "search_space.step_size_factor": 3,
        "search_space.policy": "triangular2",
        "objective.metric": "val_loss",
    }
    made = sweep(narrow)
    study = made_study(before, made)
    fixed = "policy {} is triangular2 here, step_size_factor {} is 3 here"
    assert lines(made, study) == [
        "begins with the best trials of study before; it has no more than 3 complete of different "
        "configurations; the best by its own objective, maximize val_accuracy",
        "  trial 3 (val_accuracy 0.7) is left out, nothing of it fits: init_lr (0.003 is not "
        "within 0.0001 to 0.0025), max_lr (0.7 is not within 0.15 to 0.3), "
        + fixed.format("exp_range", 4),
        "  trial 1 (val_accuracy 0.2) gives init_lr 0.002, max_lr 0.2",
        "  trial 0 (val_accuracy 0.1) gives init_lr 0.001; sampled: max_lr (0.1 is not within "
        "0.15 to 0.3); " + fixed.format("triangular", 2),
    ]
    params = [begin(study, made, tmp_path).trial.params for _ in range(2)]
    assert params[0] == {"init_lr": 0.002, "max_lr": 0.2}
    assert params[1]["init_lr"] == 0.001
    assert 0.15 <= params[1]["max_lr"] <= 0.3


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"study.warm_start": {"study": "befor"}},
            r"study\.warm_start\.study: there is no study 'befor' in the storage - did you mean "
            r"'before'\? \(there: before, .*ours\); it was looked for in sqlite:///.*optuna\.db",
        ),
        (
            {"study.warm_start": {"study": "before", "storage": "sqlite:///optun.db"}},
            r"study\.warm_start\.storage: there is no study storage .*optun\.db - did you mean "
            r"'optuna\.db'\?",
        ),
        (
            {"study.warm_start": {"study": "before", "storage": "oracle://host/name"}},
            r"study\.warm_start\.storage: .*oracle://host/name .* is not installed",
        ),
        (
            {"study.warm_start": {"study": "example"}},
            r"study\.warm_start\.study: must be another study than the one .*, got 'example'",
        ),
        (
            {"study.warm_start": {"study": "ours"}},
            r"study\.warm_start\.study: study 'ours' has no complete trial yet",
        ),
        (
            {
                **WARM,
                "search_space.init_lr": {"low": 1e-6, "high": 1e-5},
                "search_space.max_lr": {"low": 2.0, "high": 3.0},
                "search_space.step_size_factor": 5,
                "search_space.policy": "triangular",
            },
            r"nothing of the best trials of study 'before' lies in the search space \(trial 3: "
            r"init_lr \(0\.003 is not within 1e-06 to 1e-05\).*: widen the space",
        ),
    ],
    ids=["no-study", "no-storage", "no-package", "itself", "no-trial", "no-fit"],
)
def test_what_cannot_be_begun_with(
    changes: dict[str, Any],
    problem: str,
    before: optuna.storages.BaseStorage,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With its place, what was found, and what to do."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "optuna.db").touch()
    with pytest.raises((InputError, StoreError), match=problem):
        settled(sweep({"study.storage": url, **changes}), before)


def test_ranges_of_a_range_test(before: optuna.storages.BaseStorage) -> None:
    """They are held against when they are known, and nothing is refused before."""
    made = sweep({**FROM_RANGE_TEST, **WARM, "name": "tested"})
    study = made_study(before, made)
    kept = study.user_attrs[WARM_START]
    assert list(settled_lines(made, kept))[1:] == [
        "  trials 3, 1, as far as they lie in the ranges that the range test gives"
    ]
    ranges = {"init_lr": Range(low=0.001, high=0.01), "max_lr": Range(low=0.1, high=0.5)}
    space = made.search_space.model_copy(update={"origin": None, **ranges})
    first, second = starting_trials(made.model_copy(update={"search_space": space}), kept)
    assert first.parameters == {key: POINTS[3][key] for key in POINTS[3] if key != "max_lr"}
    assert second.parameters == POINTS[1]


@pytest.mark.parametrize(
    ("changes", "warned"),
    [
        ({"study.trials": 3}, []),
        ({"study.trials": 2}, ["study.warm_start gives 1 more than study.trials"]),
        ({"study.trials": 3, "study.start_with": [{"max_lr": 0.5}]}, ["warm_start gives 1 more"]),
        # The best of them stands in both, and is trained once.
        ({"study.trials": 3, "study.start_with": [POINTS[3]]}, []),
        (
            {"study.trials": 1, "study.start_with": [{"max_lr": 0.5}, {"max_lr": 0.6}]},
            ["study.start_with gives 1 more than", "study.warm_start gives 3 more than"],
        ),
    ],
)
def test_more_than_are_trained(
    before: optuna.storages.BaseStorage, changes: dict[str, Any], warned: list[str]
) -> None:
    """It is said how many of them wait for a later start, when the search begins."""
    made = sweep({"study.warm_start": {"study": "before", "trials": 3}, **changes})
    said = [
        line for line in starting_trials_left(made, settled(made, before), []) if "warning" in line
    ]
    assert len(said) == len(warned), said
    for line, part in zip(said, warned, strict=True):
        assert part in line


def test_more_than_are_trained_of_an_open_space(before: optuna.storages.BaseStorage) -> None:
    """Before the range test `check` knows how many there are at most."""
    made = sweep({**FROM_RANGE_TEST, **WARM, "study.trials": 1})
    *_, last = warm_start_lines(made, settled(made, before))
    assert last == (
        "warning: study.warm_start gives at most 1 more than study.trials: they are trained when a "
        "later start has more trials"
    )


def test_what_is_no_search(before: optuna.storages.BaseStorage) -> None:
    """The trainings of a comparison differ by seeds: none is the best."""
    study = storage.open_study(before, sweep({"name": "x.comparison"}), "", FACTS)
    study.set_user_attr("comparison", {"of": "x"})
    made = sweep({"study.warm_start": {"study": "x.comparison"}})
    with pytest.raises(InputError, match=r"holds the trainings of a comparison.*such as 'x'"):
        settled(made, before)


def test_another_storage_and_the_test_set(tmp_path: Path, url: str) -> None:
    """A study in another database, which was validated on its test set: that is said."""
    other = storage.open_storage(f"sqlite:///{tmp_path / 'other.db'}")
    searched(other, tmp_path, **{"dataset.validation": "test", "objective.metric": "val_loss"})
    start = {"study": "before", "trials": 1, "storage": f"sqlite:///{tmp_path / 'other.db'}"}
    made = sweep({"study.warm_start": start, "study.storage": url})
    found = list(settled_lines(made, looked_up(made)))
    assert found[0].endswith("the best by its own objective, minimize val_loss")
    assert "trial 3 (val_loss -0.7)" in found[1]
    assert found[2].startswith("  warning: study before was validated on its test set")
    assert not (tmp_path / "optuna.db").exists()
    made_study(storage.open_storage(url), made)
    (tmp_path / "other.db").unlink()
    assert list(settled_lines(made, looked_up(made))) == found
    moved = sweep({"study.warm_start": {**start, "storage": None}})
    storage.open_study(storage.open_storage(url), moved, "", FACTS)
    assert "other.db" not in (tmp_path / "optuna.db").read_bytes().decode("latin-1")
