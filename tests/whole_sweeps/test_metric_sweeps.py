"""Whole sweeps of what is no classification of images, by the command line, in a process each.

A regression, a binary classification and an objective of the user's own: what is printed, what
MLflow holds and what a stored study is read as speak of the objective and of what was named.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
import warm_starts
from metric_sweeps import binary, by_own_metric, refused, regression
from mlflow.tracking import MlflowClient
from real_runs import Place

from clr_sweep.search import storage
from clr_sweep.search.reading import read_study

# A process for each command, on a machine that may be busy.
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]


@dataclass
class Done:
    """A command that has ended."""

    stdout: str
    stderr: str


def command(folder: Path, *arguments: str, status: int = 0) -> Done:
    """`clr-sweep` in a process of its own, which must end with this exit status."""
    files = [folder / "stdout.txt", folder / "stderr.txt"]
    for file in files:
        file.write_bytes(b"")
    environment = Place(folder).environment
    assert warm_starts.suits(environment)
    started = warm_starts.start(
        ("clr_sweep", *arguments), folder, environment, *(str(file) for file in files)
    )
    ended, done = started.wait(1200), Done(*(file.read_text(encoding="utf-8") for file in files))
    assert ended == status, done.stderr
    return done


def metrics_of(folder: Path, kind: str) -> list[dict[str, float]]:
    """The metrics of the runs of a kind, as MLflow has them."""
    client = MlflowClient(f"sqlite:///{folder / 'mlflow.db'}")
    experiments = [one.experiment_id for one in client.search_experiments()]
    runs = client.search_runs(experiments, f"tags.`clr_sweep.kind` = '{kind}'")
    return [dict(run.data.metrics) for run in runs]


def test_a_regression(tmp_path: Path) -> None:
    """Its loss decides; nothing anywhere speaks of an accuracy or of points."""
    done = command(tmp_path, "run", str(regression(tmp_path)))
    for text in (done.stdout, done.stderr):
        assert "accuracy" not in text
        assert "points" not in text
    assert "reached validation loss " in done.stdout
    assert "clr-sweep compare regression" in done.stdout
    wanted = {"loss", "mean_absolute_error", "largest_gap"}
    for kind in ("trial", "baseline"):
        for found in metrics_of(tmp_path, kind):
            assert wanted | {f"val_{name}" for name in wanted} <= set(found)
            assert not [name for name in found if "accuracy" in name]
    [parent] = metrics_of(tmp_path, "sweep")
    assert {"best_val_loss", "best_test_largest_gap", "baseline_val_loss"} <= set(parent)
    study = read_study(storage.load_study(
        storage.open_storage(f"sqlite:///{tmp_path / 'optuna.db'}"), "regression"
    ))  # fmt: skip
    assert study.best is not None
    assert study.best.value == min(trial.value for trial in study.trials)  # type: ignore[type-var]
    assert study.best.metrics["val_mean_absolute_error"] == pytest.approx(
        study.best.metrics["val_largest_gap"], rel=1e-4
    )
    assert set(study.best.test_metrics) == {f"test_{name}" for name in wanted}
    command(tmp_path, "export", "regression", "-o", "best.yaml")
    again = command(tmp_path, "train", "best.yaml")
    assert "recorded metrics, to the bit" in again.stdout
    assert "all is well" in command(tmp_path, "doctor").stdout


def test_a_metric_of_the_users_own_is_the_objective(tmp_path: Path) -> None:
    """In the direction that the file gives; the last line of a trial names it.

    Its loss and its optimizer are the user's too, and so they are when the best is trained again.
    """
    done = command(tmp_path, "run", str(by_own_metric(tmp_path)))
    assert "reached validation largest_gap " in done.stdout
    assert done.stdout.count("better") + done.stdout.count("worse") == 2
    assert "complete" in done.stderr
    assert "val_largest_gap " in done.stderr
    trials = metrics_of(tmp_path, "trial")
    [parent] = metrics_of(tmp_path, "sweep")
    assert parent["best_val_largest_gap"] == min(trial["val_largest_gap"] for trial in trials)
    command(tmp_path, "export", "gap", "-o", "best.yaml")
    again = command(tmp_path, "train", "best.yaml")
    assert "recorded metrics, to the bit" in again.stdout


def test_a_binary_classification(tmp_path: Path) -> None:
    """Points of its binary accuracy, and on 119 examples what their binomial error explains."""
    done = command(tmp_path, "run", str(binary(tmp_path)))
    assert "reached validation binary accuracy " in done.stdout
    seen = done.stdout.split("on the test set ")[1]
    ours, theirs = float(seen.split()[0]), float(seen.split()[2].rstrip(":"))
    spread = 1.96 * ((ours * (1 - ours) + theirs * (1 - theirs)) / 119) ** 0.5
    explained = "which the binomial error of 119 test examples alone explains" in seen
    assert explained == (0 < abs(ours - theirs) <= spread)
    assert ("the same" in seen) == (ours == theirs)
    for found in metrics_of(tmp_path, "trial"):
        assert {"val_binary_accuracy", "val_auc", "auc"} <= set(found)
        assert "val_accuracy" not in found


@pytest.mark.parametrize(
    ("training", "arguments", "message"),
    [
        ("{epochs: 2, loss: mse, metrics: ['own_metrics_of_a_user:PerClass']}", {},
         "training.metrics: PerClass gives 3 numbers, of the shape (3,), where one is needed"),
        ("{epochs: 2, loss: mse, metrics: [accuracy]}", {},
         "leave accuracy out of training.metrics, or name one that takes such labels, as "
         "mean_absolute_error does"),
        ("{epochs: 2, loss: mse}", {"model": "two_outputs"}, "the model has 2 outputs"),
    ],
)  # fmt: skip
def test_what_is_refused_before_the_search(
    tmp_path: Path, training: str, arguments: dict[str, str], message: str
) -> None:
    """In words, without a traceback, and with the status of wrong input."""
    done = command(tmp_path, "run", str(refused(tmp_path, training, **arguments)), status=2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "complete" not in done.stderr
