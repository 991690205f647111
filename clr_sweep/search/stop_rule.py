"""When a search ends before all its trials have: `study.stop_when`, held against stored trials."""

from __future__ import annotations

from collections.abc import Sequence

import optuna
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from clr_sweep.definition.study_config import StopRule
from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import CONFIG, COUNTED_FROM, PROGRESS, REASON
from clr_sweep.search.window import known_until

_ENDED = "stopped by study.stop_when: "


def why_stopped(study: optuna.Study, sweep: Sweep, trials: Sequence[FrozenTrial]) -> str:
    """Why no further trial is begun, or an empty text where one is, as far as the rule says.

    What has begun is trained to its end. In a deterministic sweep the rule is asked what the next
    trial may know, so that the trials are the same whatever the number of jobs.

    Args:
        trials: all that are stored.
    """
    rule = sweep.study.stop_when
    if rule is None:
        return ""
    waiting = next((trial for trial in trials if trial.state == TrialState.WAITING), None)
    if waiting is not None and CONFIG in waiting.user_attrs:
        return ""
    number = len(trials) if waiting is None else waiting.number
    counted_from = study.user_attrs.get(COUNTED_FROM, 0)
    return stop_reason(rule, trials[: known_until(sweep, number)], study.direction, counted_from)


def is_searched(study: optuna.Study, sweep: Sweep) -> bool:
    """Whether no trial of a study is left to be trained: all have ended, or the rule says so."""
    trials = study.get_trials(deepcopy=False)
    if sum(trial.state.is_finished() for trial in trials) >= sweep.study.trials:
        return True
    return not _asks_for_more(study, sweep) and bool(why_stopped(study, sweep, trials))


def count_anew(study: optuna.Study, sweep: Sweep) -> int | None:
    """Let the rule count anew where it has ended the search and a start asks for more trials.

    To be called before this start stores how many it plans.

    Returns:
        The number of the trial that it counts from; None where it goes on as before.
    """
    trials = study.get_trials(deepcopy=False)
    if not _asks_for_more(study, sweep) or not why_stopped(study, sweep, trials):
        return None
    study.set_user_attr(COUNTED_FROM, len(trials))
    return len(trials)


def goes_on_by_another_rule(study: optuna.Study, sweep: Sweep) -> bool:
    """Whether a rule has ended the search that does not hold now: it is another one, or none."""
    ended = str(study.user_attrs.get(PROGRESS, {}).get(REASON, "")).startswith(_ENDED)
    return ended and not is_searched(study, sweep)


def stop_reason(
    rule: StopRule, trials: Sequence[FrozenTrial], direction: StudyDirection, counted_from: int = 0
) -> str:
    """What of a rule holds, in words, or an empty text.

    A trial that failed says nothing of its parameters and is not counted; one that was pruned or
    diverged is no better. Before any trial is complete there is nothing to be better than.

    Args:
        trials: those that may be known, by number; of those that have not ended nothing is.
        counted_from: the number of the first trial that counts.
    """
    sign = 1 if direction == StudyDirection.MAXIMIZE else -1
    complete = {
        trial.number: sign * trial.value
        for trial in trials
        if trial.state == TrialState.COMPLETE and trial.value is not None
    }
    if rule.target is not None:
        for number, value in complete.items():
            if number >= counted_from and value >= sign * rule.target:
                return (
                    f"{_ENDED}trial {number} reached {sign * value:.6g}, the "
                    f"target is {rule.target:g}"
                )
    if rule.no_better_in is None or not complete:
        return ""
    best = max(complete, key=lambda number: (complete[number], -number))
    ended = (TrialState.COMPLETE, TrialState.PRUNED)
    since = sum(
        trial.state in ended and trial.number > best and trial.number >= counted_from
        for trial in trials
    )
    if since < rule.no_better_in:
        return ""
    after = "after it" if counted_from <= best else f"from trial {counted_from} on"
    many = f"none of the {since} trials {after} was" if since > 1 else f"the one {after} was not"
    return f"{_ENDED}trial {best} is the best ({sign * complete[best]:.6g}), and {many} better"


def _asks_for_more(study: optuna.Study, sweep: Sweep) -> bool:
    planned = study.user_attrs.get(PROGRESS, {}).get("planned")
    return planned is not None and planned < sweep.study.trials
