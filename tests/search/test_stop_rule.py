"""When a search ends early, and when it goes on again."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState
from small_studies import FACTS, begin, result, sampling, sweep

from clr_sweep.definition.study_config import StopRule
from clr_sweep.search import storage
from clr_sweep.search import writing as trials
from clr_sweep.search.reading import read_study, stored_definition
from clr_sweep.search.stop_rule import count_anew, is_searched, stop_reason
from clr_sweep.search.window import WINDOW


def ended(values: Sequence[float | str]) -> list[FrozenTrial]:
    """Trials by their values; one that has none by its state."""
    made = []
    for number, value in enumerate(values):
        is_value = isinstance(value, float)
        state = TrialState.COMPLETE if is_value else TrialState[str(value)]
        trial = optuna.trial.create_trial(state=state, value=value if is_value else None)
        trial.number = number
        made.append(trial)
    return made


@pytest.mark.parametrize(
    ("rule", "values", "reason"),
    [
        ({"no_better_in": 2}, [0.5, 0.6, 0.4], ""),
        ({"no_better_in": 2}, [0.5, 0.6, 0.4, 0.6], "trial 1 is the best (0.6), and none of the 2"),
        ({"no_better_in": 2}, [0.6, "PRUNED", "PRUNED"], "trial 0 is the best (0.6), and none of"),
        ({"no_better_in": 2}, [0.6, "FAIL", "RUNNING", "PRUNED"], ""),
        ({"no_better_in": 1}, ["PRUNED", "PRUNED"], ""),
        ({"no_better_in": 1}, [0.5, 0.4], "and the one after it was not better"),
        ({"target": 0.6}, [0.5, 0.59], ""),
        ({"target": 0.6}, [0.5, 0.6, 0.7], "trial 1 reached 0.6, the target is 0.6"),
        ({"target": 0.9, "no_better_in": 1}, [0.5, 0.4], "trial 0 is the best"),
    ],
)
def test_what_holds(rule: dict[str, Any], values: list[float | str], reason: str) -> None:
    """A failed trial is not counted, a pruned one is no better, and an equal one neither."""
    found = stop_reason(StopRule(**rule), ended(values), StudyDirection.MAXIMIZE)
    assert reason in found
    assert bool(found) == bool(reason)


def test_less_may_be_better() -> None:
    """Of a loss the best is the lowest, and a target is reached from above."""
    losses = ended([0.5, 0.3, 0.4, 0.4])
    rule, minimize = StopRule(no_better_in=2), StudyDirection.MINIMIZE
    assert "trial 1 is the best (0.3)" in stop_reason(rule, losses, minimize)
    assert "trial 1 reached 0.3" in stop_reason(StopRule(target=0.35), losses, minimize)


def test_counted_from_a_later_trial() -> None:
    """Neither an earlier target nor what had been counted ends it again at once."""
    values, maximize = ended([0.9, 0.5, 0.5, 0.5]), StudyDirection.MAXIMIZE
    target, many = StopRule(target=0.9), StopRule(no_better_in=2)
    assert stop_reason(target, values, maximize, 3) == ""
    assert stop_reason(many, values, maximize, 3) == ""
    assert "none of the 2 trials from trial 2 on" in stop_reason(many, values, maximize, 2)


def run(study: optuna.Study, made: Any, folder: Path, jobs: int, value: float) -> int:
    """Train what may be begun, so many at a time; how many trials there are then."""
    driver = sampling(study, made, folder)
    while len(study.trials) < made.study.trials and not driver.why_stopped():
        asked = []
        while (
            len(asked) < jobs
            and len(study.trials) < made.study.trials
            and driver.may_ask()
            and not driver.why_stopped()
        ):
            asked.append(driver.ask())
        for one in reversed(asked):
            own = value if one.trial.number == 1 else value / 2
            trials.record_result(study, one.trial, result(value=own))
    return len(study.trials)


def test_a_deterministic_sweep_has_the_same_trials_with_any_number_of_jobs(tmp_path: Path) -> None:
    """A trial is begun by what it may know, so the rule ends the search a window late."""
    rule = {"study.stop_when": {"no_better_in": 3}, "study.trials": 40}
    made = sweep({**rule, "study.deterministic": True})
    for jobs in (1, 3, WINDOW):
        study = storage.open_study(storage.open_storage("sqlite:///:memory:"), made, "", FACTS)
        assert run(study, made, tmp_path, jobs, 0.9) == 5 + WINDOW - 1
        assert is_searched(study, made)


def test_it_goes_on_where_more_is_asked_for(
    opened: optuna.storages.BaseStorage, tmp_path: Path, url: str
) -> None:
    """A larger `trials` counts anew, once; another rule counts all; the same does nothing."""
    made = sweep({"study.stop_when": {"no_better_in": 2}, "study.trials": 20})
    study = storage.open_study(opened, made, "", FACTS)
    assert run(study, made, tmp_path, 1, 0.9) == 4
    trials.record_progress(study, "complete", 20, "stopped")
    assert is_searched(study, made)
    assert count_anew(study, made) is None

    patient = sweep({"study.stop_when": {"no_better_in": 4}, "study.trials": 20})
    storage.open_study(opened, patient, "", {**FACTS, "stop_when": {"no_better_in": 4}})
    assert stored_definition(study, url).study.stop_when == StopRule(no_better_in=4)
    assert not is_searched(study, patient)
    assert run(study, patient, tmp_path, 1, 0.9) == 6

    longer = sweep({"study.stop_when": {"no_better_in": 4}, "study.trials": 30})
    assert not is_searched(study, longer)
    assert count_anew(study, longer) == 6
    assert count_anew(study, longer) is None  # a start that was killed here
    trials.record_progress(study, "running", 30)
    assert run(study, longer, tmp_path, 1, 0.9) == 10
    assert is_searched(study, longer)


def test_what_has_begun_is_trained_to_its_end(
    opened: optuna.storages.BaseStorage, tmp_path: Path
) -> None:
    """A trial that waits for its next start is begun, though the rule holds."""
    made = sweep({"study.stop_when": {"target": 0.9}})
    study = storage.open_study(opened, made, "", FACTS)
    first, second = begin(study, made, tmp_path), begin(study, made, tmp_path)
    trials.record_result(study, first.trial, result(value=0.95))
    driver = sampling(study, made, tmp_path)
    assert driver.why_stopped().startswith("stopped by study.stop_when: trial 0 reached 0.95")
    trials.put_back(study, second.trial)
    assert driver.why_stopped() == ""
    assert driver.ask().trial.number == 1
    assert [trial.state for trial in read_study(study).trials] == ["complete", "running"]
