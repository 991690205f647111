"""Whether the run of a trial says what the study and the trial's folder say."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from clr_sweep.tracking import tags
from clr_sweep.tracking.logged_models import only_model_of_run
from clr_sweep.tracking.trial_contents import (
    TIMES,
    Point,
    artifacts,
    has_model,
    is_whole,
    parameters,
    points,
)
from clr_sweep.training.records import TrialRecord


@dataclass(frozen=True)
class Audit:
    """What was found.

    Attributes:
        wrong: what contradicts the study; such a run cannot be mended, since MLflow takes no
            value back.
        missing: what can be added.
        points: the values among that.
    """

    wrong: tuple[str, ...]
    missing: tuple[str, ...]
    points: tuple[Point, ...]


def audit(
    client: MlflowClient, run: Run, record: TrialRecord, parent_id: str, *, with_gamma: bool = True
) -> Audit:
    """Compare a run with the trial it stands for, to every value of every metric.

    What others have added to the run is left alone. Of a trial whose folder is not
    whole only the state is compared: the run is then the only place that has the rest.
    """
    expected = parameters(record, with_gamma=with_gamma)
    wrong = list(other_parameters(run, expected))
    missing = list(_missing_tags(run, record, parent_id))
    lacking: list[Point] = []
    if is_whole(record):
        there = run.data.params
        if unknown := [key for key in expected if key not in there]:
            missing.append(f"no parameter {', '.join(unknown)}")
        lacking, contradictions = compare_points(client, run, points(record))
        wrong += contradictions
        if lacking:
            names = dict.fromkeys(point.key for point in lacking)
            noun = "value" if len(lacking) == 1 else "values"
            missing.append(f"{len(lacking)} {noun} not logged ({', '.join(names)})")
        missing += _missing_files(client, run, record)
    return Audit(tuple(wrong), tuple(missing), tuple(lacking))


def model_is_whole(client: MlflowClient, run_id: str) -> bool:
    """Whether a run has one model, that was logged to its end and is still there."""
    output = only_model_of_run(client, run_id)
    if output is None:
        return False
    try:
        files = client.list_logged_model_artifacts(output.model_id)
    except (MlflowException, OSError):
        return False
    return any(posixpath.basename(file.path) == "MLmodel" for file in files)


def other_parameters(run: Run, parameters: Mapping[str, object]) -> Iterator[str]:
    """The parameters that a run has with other values than these."""
    there = run.data.params
    for key, value in parameters.items():
        expected = str(value)[: tags.PARAM_LIMIT]
        if key in there and there[key] != expected:
            yield f"parameter {key} is {there[key]}, not {expected}"


def _missing_tags(run: Run, record: TrialRecord, parent_id: str) -> Iterator[str]:
    there, state = run.data.tags, record.state
    if there.get(tags.STATE) != state:
        yield f"its state is {there.get(tags.STATE)}, not {state}"
    if run.info.status != tags.STATUS_OF_STATE[state]:
        yield f"its status is {run.info.status}, not {tags.STATUS_OF_STATE[state]}"
    if there.get(tags.PARENT, "") != parent_id:
        yield "it is not below the sweep's run"
    reason = record.reason and record.reason[: tags.TAG_LIMIT]
    if there.get(tags.REASON) != reason and (reason or record.has_ended):
        yield "its reason is not the trial's"
    if there.get(tags.RETRIES, "0") != str(len(record.retried)):
        yield "the number of its retries is not the trial's"
    if there.get(tags.GIVEN, "") != record.given[: tags.TAG_LIMIT]:
        yield "it does not say which of its parameters were given"
    if tags.NOTE not in there and record.has_ended:
        yield "no description"


def compare_points(
    client: MlflowClient, run: Run, wanted: Iterable[Point]
) -> tuple[list[Point], list[str]]:
    """The values that a run lacks, and what in it contradicts."""
    expected: dict[str, dict[int, float]] = {}
    for point in wanted:
        expected.setdefault(point.key, {})[point.step] = point.value
    lacking: list[Point] = []
    contradictions: list[str] = []
    for key, values in expected.items():
        history = client.get_metric_history(run.info.run_id, key)
        if twice := [s for s, n in Counter(item.step for item in history).items() if n > 1]:
            contradictions.append(f"{key} is logged twice at step {twice[0]}")
        for item in history:
            if item.step not in values:
                contradictions.append(f"{key} has a value at step {item.step}")
            elif item.value != values[item.step] and key not in TIMES:
                contradictions.append(
                    f"{key} is {item.value!r} at step {item.step}, not {values[item.step]!r}"
                )
        there = {item.step for item in history}
        lacking += [Point(key, v, step) for step, v in values.items() if step not in there]
    return lacking, contradictions


def _missing_files(client: MlflowClient, run: Run, record: TrialRecord) -> Iterator[str]:
    names = artifacts(record)
    folders = {posixpath.dirname(name) for name in names}
    there = {
        file.path
        for folder in folders
        for file in client.list_artifacts(run.info.run_id, folder or None)
    }
    yield from (f"no artifact {name}" for name in names if name not in there)
    if has_model(record) and not model_is_whole(client, run.info.run_id):
        yield "it has not one whole model"
