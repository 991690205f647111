"""Saved views of the run list; that the UI shows them is tested in tests/ui."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from mlflow.tracking import MlflowClient

from clr_sweep.definition.training_config import TrainingConfig
from clr_sweep.tracking.store import connect
from clr_sweep.tracking.views import TAG, save_view, shown_studies, view_link

SAMPLED = ["init_lr", "max_lr", "policy", "momentum"]


@pytest.fixture
def client(tmp_path: Path) -> MlflowClient:
    """A store of its own."""
    return connect(f"sqlite:///{tmp_path}/mlflow.db")


def saved(client: MlflowClient, experiment: str) -> dict[str, dict[str, object]]:
    """The states of an experiment's views, by the key in their address."""
    found = client.get_experiment(experiment).tags
    views = {key.removeprefix(TAG): json.loads(found[key]) for key in found if TAG in key}
    return {key: json.loads(view["state"]) for key, view in views.items()}


def test_a_view_selects_the_studys_children_and_shows_what_differs(client: MlflowClient) -> None:
    """A filter that finds them, the best first, and axes for the sampled hyperparameters alone."""
    experiment = client.create_experiment("e")
    best, *_ = (
        client.create_run(experiment, tags={"clr_sweep.study": study, "clr_sweep.kind": kind})
        for study, kind in (
            ("study", "trial"), ("other", "trial"), ("study", "sweep"), ("study", "range_test"),
            ("study", "train"),
        )
    )  # fmt: skip
    save_view(client, experiment, "study", "val_loss", False, SAMPLED)
    (state,) = saved(client, experiment).values()
    found = client.search_runs([experiment], str(state["searchFilter"]))
    assert [run.info.run_id for run in found] == [best.info.run_id]
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`val_loss`", True)
    parallel, first, *_ = state["compareRunCharts"]  # type: ignore[misc]
    # By their logarithms: on the UI's linear axes most rates would lie on the lowest pixels.
    assert parallel["selectedParams"] == ["log10_init_lr", "log10_max_lr", "policy", "momentum"]
    assert parallel["selectedMetrics"] == ["val_loss"] == [first["metricKey"]]
    assert "params.`momentum`" in state["selectedColumns"]  # type: ignore[operator]


@pytest.mark.parametrize("loss_is_positive", [True, False])
def test_errors_are_shown_on_a_logarithm(client: MlflowClient, loss_is_positive: bool) -> None:
    """Keras' and the losses, those of outputs too; of a metric of one's own it is not known."""
    training = TrainingConfig.model_validate(
        {
            "epochs": 1,
            "loss": {"outputs": {"age": "mse", "mean": "mse"}},
            "metrics": {"age": ["mae", "mine:mae_of_mine"], "mean": ["mine:squared_error"]},
        }
    )
    experiment = client.create_experiment("e")
    save_view(
        client, experiment, "study", "val_age_mae", False, SAMPLED,
        [training.reported(name) for name in training.measured],
        loss_is_positive=loss_is_positive,
    )  # fmt: skip
    (state,) = saved(client, experiment).values()
    _, *lines = state["compareRunCharts"]  # type: ignore[misc]
    scales = {line["metricKey"]: line["scaleType"] for line in lines}
    of_losses = "log" if loss_is_positive else "linear"
    assert scales == {
        "learning_rate": "log", "batch_loss": of_losses,
        **{
            f"{where}{name}": scale
            for where in ("val_", "")
            for name, scale in {
                "age_mae": "log", "loss": of_losses, "age_loss": of_losses, "mean_loss": of_losses,
                "age_mae_of_mine": "linear", "mean_squared_error": "linear",
            }.items()
        },
    }  # fmt: skip


def test_a_study_has_one_view_and_its_address(client: MlflowClient) -> None:
    """Saved again it takes the place of the one before; the newest stands first in the list."""
    experiment = client.create_experiment("e")
    for study in ("a", "b_1.c-d", "a"):
        save_view(client, experiment, study, "val_accuracy", True, SAMPLED)
    assert len(saved(client, experiment)) == 2
    own = {"clr_sweep.study": "a", "clr_sweep.kind": "sweep"}
    parent = client.create_run(experiment, tags=own).info.run_id
    client.create_run(experiment, tags={**own, "clr_sweep.kind": "trial"})
    first, second = shown_studies(client)
    assert (first.name, second.name) == ("a", "b_1.c-d")
    for study in (first, second):
        assert study.trials == view_link(experiment, study.name)
        route, _, query = study.trials.partition("?")
        assert route == f"#/experiments/{experiment}/runs"
        assert parse_qs(query)["viewStateShareKey"][0] in saved(client, experiment)
    # Both say which kind of page: by itself the UI opens on those for language models.
    assert first.parent == f"#/experiments/{experiment}/runs/{parent}?workflowType=machine_learning"
    assert second.parent is None
