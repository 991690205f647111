"""A saved view of MLflow's run list for a study: its trials side by side, with useful charts.

Left to itself the UI shows a list of runs by start time and a chart for each metric in the order
of the alphabet, the parent's among them, and no parallel coordinates. A saved view says what to
show; the UI lists it under "Views". It is a tag of the experiment, in the form in which MLflow
3.17 saves views itself; where another version does not know that form, the view is missing from
the list and nothing else changes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from mlflow.tracking import MlflowClient

from clr_sweep.metrics import base, is_error
from clr_sweep.tracking import tags

TAG = "mlflow.sharedViewState."
_KEY = "clr-sweep-"
_SECTION = "clr-sweep-charts"
# Axes of the parallel coordinates: beyond so many they cannot be read.
_MOST_AXES = 7
_COLUMNS = ("init_lr", "max_lr", "step_size_factor", "policy")
_OF_STEPS = ("learning_rate", "batch_loss")


def save_view(
    client: MlflowClient,
    experiment_id: str,
    study: str,
    metric: str,
    maximize: bool,
    sampled: Sequence[str],
    measured: Sequence[str] = ("accuracy",),
    *,
    loss_is_positive: bool = True,
) -> None:
    """Save the view of a study's trials, or write it anew.

    Args:
        metric: the objective; the best trials come first.
        maximize: whether greater is better.
        sampled: the hyperparameters that differ from trial to trial, as the children name them.
        measured: the metrics beside the loss, without `val_`.
        loss_is_positive: whether its charts may be logarithmic.
    """
    now = int(time.time() * 1000)
    content = {
        "name": f"{study}: all trials",
        "createdAt": now,
        "updatedAt": now,
        "state": json.dumps(_state(study, metric, maximize, sampled, measured, loss_is_positive)),
    }
    client.set_experiment_tag(experiment_id, TAG + _KEY + study, json.dumps(content))


def view_link(experiment_id: str, study: str, mode: str = "CHART") -> str:
    """The view's address within the UI, from its `#` on; it works as a link in descriptions.

    Args:
        mode: CHART for the charts, TABLE for the table.
    """
    return _link(experiment_id, _KEY + study, mode)


def _link(experiment_id: str, key: str, mode: str) -> str:
    query = {
        "viewStateShareKey": key,
        "compareRunsMode": mode,
        # The UI opens on its pages for language models otherwise.
        "workflowType": "machine_learning",
    }
    return f"#/experiments/{quote(experiment_id)}/runs?{urlencode(query)}"


def saved_views(client: MlflowClient, most: int = 10) -> list[tuple[str, str]]:
    """The views saved here, the newest first, each with its address within the UI."""
    found: list[tuple[int, str, str]] = []
    for experiment in client.search_experiments():
        for key, value in experiment.tags.items():
            if key.startswith(TAG + _KEY):
                content = json.loads(value)
                link = _link(experiment.experiment_id, key.removeprefix(TAG), "CHART")
                found.append((content["updatedAt"], content["name"], link))
    return [(name, link) for _, name, link in sorted(found, reverse=True)[:most]]


def _state(
    study: str,
    metric: str,
    maximize: bool,
    sampled: Sequence[str],
    named: Sequence[str],
    loss_is_positive: bool,
) -> dict[str, Any]:
    axes = [key for key in (*_COLUMNS, *sampled) if key in sampled]
    axes = list(dict.fromkeys(axes))
    both = [f"{where}{name}" for where in ("val_", "") for name in (*named, "loss")]
    measured = list(dict.fromkeys([metric, *both, *_OF_STEPS]))
    logarithmic = ["learning_rate", *(("loss", "batch_loss") if loss_is_positive else ())]
    columns = dict.fromkeys([*_COLUMNS, *sampled])
    return {
        # The range test's metrics are by step, on the axis where the trials' are by epoch.
        "searchFilter": f"tags.`{tags.STUDY}` = '{study}' AND tags.`{tags.KIND}` != 'sweep' "
        f"AND tags.`{tags.KIND}` != 'range_test'",
        "orderByKey": f"metrics.`{metric}`",
        "orderByAsc": not maximize,
        "startTime": "ALL",
        "lifecycleFilter": "Active",
        "datasetsFilter": [],
        "modelVersionFilter": "All Runs",
        "selectedColumns": [
            f"tags.`{tags.STATE}`",
            f"metrics.`{metric}`",
            *(f"params.`{key}`" for key in columns),
            "attributes.`Models`",
        ],
        "runsHiddenMode": "SHOW_ALL",
        "hideEmptyCharts": True,
        # Not sorted anew by the UI: the charts stand in this order.
        "isAccordionReordered": True,
        "compareRunCharts": [
            _parallel_coordinates(axes[:_MOST_AXES], metric),
            *(_lines(name, base(name) in logarithmic or is_error(name)) for name in measured),
        ],
        "compareRunSections": [
            {
                "uuid": _SECTION,
                "name": "Model metrics",
                "display": True,
                "isReordered": True,
                "deleted": False,
                "isGenerated": True,
            }
        ],
    }


def _parallel_coordinates(params: Sequence[str], metric: str) -> dict[str, Any]:
    return {
        **_card("parallel", "PARALLEL"),
        "displayName": "Hyperparameters",
        "selectedParams": list(params),
        "selectedMetrics": [metric],
        "showAllRuns": True,
    }


def _lines(metric: str, logarithmic: bool) -> dict[str, Any]:
    return {
        **_card(metric, "LINE"),
        "displayName": metric,
        "metricKey": metric,
        "lineSmoothness": 0,
        "xAxisScaleType": "linear",
        # One diverging trial would flatten all others otherwise.
        "scaleType": "log" if logarithmic else "linear",
        "range": {},
        "xAxisKey": "step",
        "selectedXAxisMetricKey": "",
        "yAxisKey": "metric",
        "yAxisExpressions": [],
        "ignoreOutliers": False,
        "useGlobalXaxisKey": True,
        "useGlobalLineSmoothing": True,
    }


def _card(name: str, kind: str) -> dict[str, Any]:
    return {
        "uuid": f"clr-sweep-{name}",
        "type": kind,
        "runsCountToCompare": 100,
        "metricSectionId": _SECTION,
        "deleted": False,
        "isGenerated": False,
    }
