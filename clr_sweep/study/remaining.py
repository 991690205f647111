"""What is left of a study to do, said before a start goes on with it."""

from __future__ import annotations

from collections.abc import Callable

import optuna

from clr_sweep.definition.sweep import Sweep
from clr_sweep.search.attributes import WARM_START
from clr_sweep.search.reading import trials_left
from clr_sweep.search.starting_trials import starting_trials_left
from clr_sweep.search.stop_rule import count_anew, goes_on_by_another_rule
from clr_sweep.search.writing import waiting_again


def announce_left(study: optuna.Study, sweep: Sweep, say: Callable[[str], None]) -> None:
    """Let trials that were interrupted wait for this start, and say what it has to do.

    To be called before this start stores how many trials it plans.

    Args:
        say: shows a line.
    """
    if (number := count_anew(study, sweep)) is not None:
        say(
            "study.stop_when had ended the search; more trials are asked for, so it goes on, and "
            f"what is counted is counted from trial {number} on"
        )
    elif goes_on_by_another_rule(study, sweep):
        say("study.stop_when had ended the search; by what it says now the search goes on")
    if again := waiting_again(study):
        doing = "continuing" if sweep.training.is_continued else "starting over"
        noun = "trial" if len(again) == 1 else "trials"
        say(f"{doing} the interrupted {noun} {', '.join(map(str, again))}")
    if not trials_left(study, trials := sweep.study.trials):
        all_of = "the trial has" if trials == 1 else f"all {trials} trials have"
        say(f"{all_of} ended: nothing left to train")


def announce_start(study: optuna.Study, sweep: Sweep, say: Callable[[str], None]) -> None:
    """Say which of the next trials are given, once the ranges are known that they lie in.

    Args:
        sweep: with the ranges of its range test, if it has one.
        say: shows a line.
    """
    begins_with = study.user_attrs.get(WARM_START)
    for line in starting_trials_left(sweep, begins_with, study.get_trials(deepcopy=False)):
        say(line)
