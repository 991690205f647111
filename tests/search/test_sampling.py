"""Trials sampled in memory and stored whole: the same ones however often a study is opened."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState
from small_studies import FACTS, begin, result, sampling, sweep, value_of

from clr_sweep.definition.sweep import Sweep
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.attributes import CONFIG, FOLDER, PHASES, PROVENANCE
from clr_sweep.search.reading import read_study
from clr_sweep.search.sampling import STARTUP_TRIALS, Asked, make_sampler

Ask = Callable[[], Asked]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_an_interrupted_trial_keeps_its_number_and_its_values(
    opened: optuna.storages.BaseStorage, tmp_path: Path, sampler: str
) -> None:
    """A trial left running by a driver that died waits, and is asked for again as it was."""
    made = sweep({"study.sampler": sampler})
    study = storage.open_study(opened, made, "", FACTS)
    trials.record_result(study, begin(study, made, tmp_path).trial, result())
    left = begin(study, made, tmp_path).trial
    left.report(0.5, 1)
    before = study.trials[left.number]

    again = storage.open_study(opened, made, "", FACTS)
    assert trials.waiting_again(again) == [1]
    assert [trial.state for trial in again.trials] == [TrialState.COMPLETE, TrialState.WAITING]
    trial = begin(again, made, tmp_path).trial
    assert trial.number == 1
    assert trial.params == before.params
    stored = again.trials[1]
    assert stored.state == TrialState.RUNNING
    assert stored.user_attrs == before.user_attrs
    trials.record_result(again, trial, result(value=0.8))
    assert [trial.value for trial in again.trials] == [0.9, 0.8]
    assert trials.waiting_again(again) == []
    assert begin(again, made, tmp_path).trial.number == 2


def test_samplers_are_seeded_by_the_number() -> None:
    """Two sweeps of one seed sample alike, and two trials of a sweep differ."""

    def first(made: Sweep, number: int) -> float:
        study = optuna.create_study(sampler=make_sampler(made, number))
        return float(study.ask().suggest_float("x", 0, 1))

    for name in ("tpe", "random"):
        made = sweep({"study.sampler": name})
        assert first(made, 3) == first(sweep({"study.sampler": name}), 3)
        assert first(made, 3) != first(made, 4)
        assert first(made, 3) != first(sweep({"study": {"sampler": name, "seed": 1}}), 3)


# ---- a study that is opened again and again


def sampled(url: str, made: Sweep, folder: Path, count: int, how: str) -> list[dict[str, Any]]:
    """The parameters of the trials of a study.

    Args:
        how: "straight", by one driver, or what happens before each trial: the study is "reopened",
            or a driver is "killed" while the trial was running.
    """

    def opened_anew() -> optuna.Study:
        return storage.open_study(storage.open_storage(url), made, "", FACTS)

    study = opened_anew()
    driver = sampling(study, made, folder)
    for number in range(count):
        if how == "killed":
            begin(study, made, folder)
        if how != "straight":
            study = opened_anew()
            assert trials.waiting_again(study) == ([] if how == "reopened" else [number])
            driver = sampling(study, made, folder)
        asked = driver.ask()
        assert asked.trial.number == number
        if number % 5 == 3:
            trials.record_failure(study, asked.trial, "it broke")
        elif number % 5 == 4:
            trials.record_epoch(study, asked.trial, 1, value_of(asked))
            trials.record_result(study, asked.trial, result("pruned", None))
        else:
            trials.record_result(study, asked.trial, result(value=value_of(asked)))
        driver.followed.follow()
    return [trial.params for trial in study.trials]


@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
def test_an_interrupted_study_samples_as_one_that_was_not(tmp_path: Path, sampler: str) -> None:
    """What is sampled hangs on the seed, the number and what was found before; TPE learns too."""
    policies = ["triangular", "exp_range"]
    gamma = {"low": 0.999, "high": 0.9999}  # which exp_range alone has
    made = sweep(
        {"study.sampler": sampler, "search_space.policy": policies, "search_space.gamma": gamma}
    )
    count = 14 if sampler == "tpe" else 6
    straight = sampled(f"sqlite:///{tmp_path / 'a.db'}", made, tmp_path, count, "straight")
    for how in ("reopened", "killed"):
        assert sampled(f"sqlite:///{tmp_path / how}.db", made, tmp_path, count, how) == straight
    assert len({str(params) for params in straight}) == count


def test_tpe_learns(tmp_path: Path) -> None:
    """Other values, other trials: what the test above compares does follow from the values."""
    made = sweep()
    found = []
    for sign in (1, -1):
        study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
        for _ in range(14):
            asked = begin(study, made, tmp_path)
            trials.record_result(study, asked.trial, result(value=sign * value_of(asked)))
        found.append([trial.params for trial in study.trials])
    assert found[0][:STARTUP_TRIALS] == found[1][:STARTUP_TRIALS]
    assert found[0] != found[1]


def test_a_trial_is_stored_whole(
    study: optuna.Study, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that dies as soon as its trial is there leaves all that it is, no half of one."""
    create = study._storage.create_new_trial

    def dies(*details: Any) -> Any:
        create(*details)
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(study._storage, "create_new_trial", dies)
        with pytest.raises(KeyboardInterrupt):
            ask()
    (stored,) = study.trials
    assert stored.state == TrialState.RUNNING
    assert stored.user_attrs.keys() == {CONFIG, FOLDER, PHASES, PROVENANCE}
    assert stored.params.keys() == {"init_lr", "max_lr", "step_size_factor", "policy"}
    assert trials.waiting_again(study) == [0]
    (record,) = read_study(study).trials
    assert record.state == "interrupted"
    asked = ask()
    assert (asked.config, asked.folder) == (record.config, record.folder)
    assert asked.trial.params == stored.params
    assert study.trials[0].state == TrialState.RUNNING


def test_a_trial_keeps_the_configuration_it_was_stored_with(
    opened: optuna.storages.BaseStorage, study: optuna.Study, ask: Ask, tmp_path: Path
) -> None:
    """What may change between two starts, as the folder of the data, does not change a trial."""
    first = ask()
    assert trials.waiting_again(study) == [0]
    dataset = {"name": "fashion_mnist", "validation": 6000, "folder": "elsewhere"}
    changed = sweep({"dataset": dataset})
    again = begin(storage.open_study(opened, changed, "", FACTS), changed, tmp_path / "moved")
    assert again.config == first.config
    assert again.config.dataset.folder is None
    assert again.folder == first.folder == tmp_path / "0000"


# ---- trials that somebody enqueued


@pytest.mark.heavy
@pytest.mark.parametrize("sampler", ["tpe", "random", "qmc"])
@pytest.mark.parametrize("deterministic", [False, True])
def test_an_enqueued_trial_is_honoured(tmp_path: Path, sampler: str, deterministic: bool) -> None:
    """The values that were given are taken; the others are sampled, the same at every start."""
    made = sweep({"study.sampler": sampler, "study.deterministic": deterministic})
    last = 12 if sampler == "tpe" else 4  # TPE learns from ten trials on
    enqueued = (0, 2, last)
    found = []
    for name in ("a.db", "b.db"):
        url = f"sqlite:///{tmp_path / name}"
        study = storage.open_study(storage.open_storage(url), made, "", FACTS)
        for number in range(last + 1):
            if number in enqueued:
                study.enqueue_trial({"max_lr": 0.25, "policy": "triangular2"})
            if name == "b.db":
                study = storage.open_study(storage.open_storage(url), made, "", FACTS)
            asked = begin(study, made, tmp_path)
            assert asked.trial.number == number
            trials.record_result(study, asked.trial, result(value=value_of(asked)))
        found.append([trial.params for trial in study.trials])
        for number in enqueued:
            record = read_study(study).trials[number]
            assert record.config.schedule.max_lr == record.params["max_lr"] == 0.25
            assert record.config.schedule.policy == "triangular2"
            assert record.provenance == {"python": "3", **FACTS}
            assert study.trials[number].user_attrs[PHASES]
    assert found[0] == found[1]
    assert found[0][1]["max_lr"] != 0.25


def test_a_kill_while_an_enqueued_trial_is_sampled(
    study: optuna.Study, ask: Ask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was stored of it, the next start gives it what is missing."""
    set_attribute = optuna.Trial.set_user_attr
    for stored in range(6):
        study.enqueue_trial({"max_lr": 0.25})
        left = stored

        def killed(trial: optuna.Trial, key: str, value: Any) -> None:
            nonlocal left
            if not left:
                raise KeyboardInterrupt
            left -= 1
            set_attribute(trial, key, value)

        with monkeypatch.context() as patched:
            patched.setattr(optuna.Trial, "set_user_attr", killed)
            with pytest.raises(KeyboardInterrupt) if stored < 5 else contextlib.nullcontext():
                ask()
        # Only one that has its configuration had begun: the others are as they were enqueued.
        assert trials.waiting_again(study) == ([stored] if stored == 5 else [])
        assert study.trials[stored].state == TrialState.WAITING
        read_study(study)
        asked = ask()
        assert asked.trial.number == stored
        assert asked.trial.params["max_lr"] == 0.25
        (*_, record) = read_study(study).trials
        assert (record.number, record.folder) == (stored, tmp_path / f"{stored:04d}")
        trials.record_result(study, asked.trial, result())


def test_no_warning_of_the_samplers() -> None:
    """Optuna calls what it lacks experimental; a user of a sweep need not be told."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in ("tpe", "random", "qmc"):
            make_sampler(sweep({"study.sampler": name}), 1)
