"""How far the comparisons of a study are, and what goes on with one that has not ended."""

from __future__ import annotations

from collections.abc import Iterator

from clr_sweep.common.counts import plural
from clr_sweep.training.comparison_records import FINALS
from clr_sweep.training.records import StudyRecord


def comparison_lines(study: StudyRecord) -> Iterator[str]:
    """A line for each comparison of a study that was begun, and one for what was not.

    A study whose own search is complete may have been stopped in its comparison: in a search of a
    rival, before there is a training with fresh seeds, or between finalists and finals.

    Args:
        study: as it is run, see `study_as_run`.
    """
    cure = f"`clr-sweep compare {study.name}`, with its options if it had any, goes on"
    # The first of the searches is that of the study, and its last comparison.
    begun = (*study.comparisons, *study.searches[1:])
    for one in begun:
        goes_on = "" if _has_ended(one) or one.state == "running" else f"; {cure}"
        yield f"comparison {one.name}: {_standing(one)}{goes_on}"
    if (asked := study.compared_by) is None:
        return
    if not study.comparisons:
        if study.state != "complete":
            yield "comparison: comes after the search"
        elif study.best is not None:  # without one nothing is compared
            yield f"comparison: the searches of its rivals have not ended; {cure}"
    elif (number := max(1, len(study.searches))) < asked.searches:
        # One that has not ended has said what goes on with it, and with all that follow.
        goes_on = f"; {cure}" if all(map(_has_ended, begun)) else ""
        yield (
            f"comparison: {number} of {asked.searches} independent searches of each arm so far"
            f"{goes_on}"
        )


def _has_ended(comparison: StudyRecord) -> bool:
    """Whether nothing is left to train: after the finalists alone the finals are to come.

    Args:
        comparison: the study that holds its trainings.
    """
    has_finals = any(one.seed_run and one.seed_run.stage == FINALS for one in comparison.trials)
    is_whole = comparison.ended >= comparison.planned
    return comparison.state == "complete" and has_finals and is_whole


def _standing(comparison: StudyRecord) -> str:
    if _has_ended(comparison):
        return f"complete, {plural(comparison.ended, 'training')}"
    if comparison.state == "complete" and comparison.ended >= comparison.planned:
        return f"{plural(comparison.ended, 'training')} of finalists, the finals are to come"
    # One that its time limit has stopped says that it is complete.
    state = "interrupted" if comparison.state == "complete" else comparison.state
    reason = f" ({comparison.reason})" if comparison.reason else ""
    of = plural(comparison.planned, "training")
    return f"{state}, {comparison.ended} of {of}{reason}"
