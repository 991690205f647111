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
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from mlflow.tracking import MlflowClient

from clr_sweep.definition.metrics import base
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.tracking import tags

# The UI opens on its pages for language models otherwise.
WORKFLOW = {"workflowType": "machine_learning"}
START = f"#/experiments?{urlencode(WORKFLOW)}"
TAG = "mlflow.sharedViewState."
_KEY = "clr-sweep-"
_SECTION, _WIDE = "clr-sweep-charts", "clr-sweep-hyperparameters"
# Axes of the parallel coordinates: beyond so many they cannot be read.
_MOST_AXES = 7
_BY_LOGARITHM = {"init_lr": "log10_init_lr", "max_lr": "log10_max_lr"}
_COLUMNS = ("init_lr", "max_lr", "step_size_factor", "policy")
_OF_STEPS = ("learning_rate", "batch_loss")


def save_view(
    client: MlflowClient,
    experiment_id: str,
    study: str,
    metric: str,
    maximize: bool,
    sampled: Sequence[str],
    measured: Sequence[ReportedMetric] = (),
    *,
    loss_is_positive: bool = True,
) -> None:
    """Save the view of a study's trials, or write it anew.

    Args:
        metric: the objective; the best trials come first.
        maximize: whether greater is better.
        sampled: the hyperparameters that differ from trial to trial, as the children name them.
        measured: the metrics beside the loss, without `val_`.
        loss_is_positive: whether its charts may be logarithmic, and those of outputs' losses.
    """
    now = int(time.time() * 1000)
    content = {
        "name": f"{study}: all trials",
        "createdAt": now,
        "updatedAt": now,
        "state": json.dumps(_state(study, metric, maximize, sampled, measured, loss_is_positive)),
    }
    client.set_experiment_tag(experiment_id, TAG + _KEY + study, json.dumps(content))


def delete_view(client: MlflowClient, experiment_id: str, study: str) -> None:
    """Delete the view of a study's trials, if there is one."""
    key = TAG + _KEY + study
    if key in client.get_experiment(experiment_id).tags:
        client.delete_experiment_tag(experiment_id, key)


def view_link(experiment_id: str, study: str, mode: str = "CHART") -> str:
    """The view's address within the UI, from its `#` on; it works as a link in descriptions.

    Args:
        mode: CHART for the charts, TABLE for the table.
    """
    query = {"viewStateShareKey": _KEY + study, "compareRunsMode": mode, **WORKFLOW}
    return f"#/experiments/{quote(experiment_id)}/runs?{urlencode(query)}"


def run_link(experiment_id: str, run_id: str, rest: str = "") -> str:
    """The address of a run's page within the UI, from its `#` on."""
    return f"#/experiments/{quote(experiment_id)}/runs/{quote(run_id)}{rest}?{urlencode(WORKFLOW)}"


def artifact_link(experiment_id: str, run_id: str, path: str) -> str:
    """The address within the UI at which an artifact of a run is shown, from its `#` on."""
    return run_link(experiment_id, run_id, f"/artifacts/{quote(path)}")


class ShownStudy(NamedTuple):
    """Where the UI shows a study: addresses within it, from their `#` on.

    Attributes:
        parent: the page of the sweep's own run; None where that was deleted.
        trials: the charts of all trials.
    """

    name: str
    parent: str | None
    trials: str


def shown_studies(client: MlflowClient) -> list[ShownStudy]:
    """The studies that have a view here, the newest first, ten at most."""
    saved: list[tuple[int, str, str]] = []
    for experiment in client.search_experiments():
        for key, value in experiment.tags.items():
            if key.startswith(TAG + _KEY):
                study, changed = key.removeprefix(TAG + _KEY), json.loads(value)["updatedAt"]
                saved.append((changed, experiment.experiment_id, study))
    return [
        ShownStudy(study, _parent_link(client, of, study), view_link(of, study))
        for _, of, study in sorted(saved, reverse=True)[:10]
    ]


def _parent_link(client: MlflowClient, experiment_id: str, study: str) -> str | None:
    wanted = f"tags.`{tags.STUDY}` = '{study}' AND tags.`{tags.KIND}` = 'sweep'"
    found = client.search_runs([experiment_id], wanted, max_results=1)
    return run_link(experiment_id, found[0].info.run_id) if found else None


def _state(
    study: str,
    metric: str,
    maximize: bool,
    sampled: Sequence[str],
    named: Sequence[ReportedMetric],
    loss_is_positive: bool,
) -> dict[str, Any]:
    axes = [key for key in (*_COLUMNS, *sampled) if key in sampled]
    # The UI's axes are linear, and most of a range of rates would lie on the lowest pixels.
    axes = [_BY_LOGARITHM.get(key, key) for key in dict.fromkeys(axes)]
    beside = [one.name for one in named]
    both = [f"{where}{name}" for where in ("val_", "") for name in (*beside, "loss")]
    measured = list(dict.fromkeys([metric, *both, *_OF_STEPS]))
    losses = ["loss", "batch_loss", *(one.name for one in named if one.is_loss)]
    logarithmic = [
        "learning_rate",
        *(losses if loss_is_positive else ()),
        *(one.name for one in named if one.is_error),
    ]
    columns = dict.fromkeys([*_COLUMNS, *sampled])
    return {
        # The range test's metrics are by step, on the axis where the trials' are by epoch.
        # A training by `clr-sweep train` is none of the study's.
        "searchFilter": " AND ".join(
            [
                f"tags.`{tags.STUDY}` = '{study}'",
                *(f"tags.`{tags.KIND}` != '{kind}'" for kind in ("sweep", "range_test", "train")),
            ]
        ),
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
            *(_lines(name, base(name) in logarithmic) for name in measured),
        ],
        "compareRunSections": [
            # As wide as the page: the names of the axes lie over one another otherwise.
            _section(_WIDE, "Hyperparameters", columns=1),
            _section(_SECTION, "Model metrics", columns=3),
        ],
    }


def _parallel_coordinates(params: Sequence[str], metric: str) -> dict[str, Any]:
    return {
        **_card("parallel", "PARALLEL", _WIDE),
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


def _section(uuid: str, name: str, columns: int) -> dict[str, Any]:
    return {
        "uuid": uuid,
        "name": name,
        "display": True,
        "isReordered": True,
        "deleted": False,
        "isGenerated": True,
        "columns": columns,
    }


def _card(name: str, kind: str, section: str = _SECTION) -> dict[str, Any]:
    return {
        "uuid": f"clr-sweep-{name}",
        "type": kind,
        "runsCountToCompare": 100,
        "metricSectionId": section,
        "deleted": False,
        "isGenerated": False,
    }
