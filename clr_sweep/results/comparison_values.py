"""A comparison in numbers, by names that MLflow takes for metrics."""

from __future__ import annotations

import re

from clr_sweep.definition import metrics
from clr_sweep.results.arms import shown_arms
from clr_sweep.results.contests import contests
from clr_sweep.training.records import StudyRecord


def comparison_values(study: StudyRecord) -> dict[str, float]:
    """Each arm's mean on the test set, and against each rival the difference and its p value.

    Those that are known: an arm may have no value, and a contest no test.
    """
    metric, found = metrics.on_test_set(study.metric), {}
    for arm in shown_arms(study):
        if len(arm.known):
            found[f"{metric}/{_key(arm.arm.name)}"] = float(arm.known.mean())
    for contest in contests(study):
        if contest.why or contest.test.mean is None:
            continue
        name = _key(contest.theirs.arm.name)
        if not contest.ours.arm.is_study:
            name += f"_and_{_key(contest.ours.arm.name)}"
        found[f"better_by/{name}"] = contest.test.mean
        if contest.p is not None:
            found[f"holm_p/{name}"] = contest.p
    return found


def _key(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_]+", "_", name)
