"""A trial's job leaves what MLflow shows of it: figures, and the model for inference."""

from __future__ import annotations

import matplotlib.image
import pytest
from small_trials import few_images, small_config

from clr_sweep.study.trial_job import draw_figures, finished
from clr_sweep.tracking.trial_contents import figures
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.trial import train


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> TrialRecord:
    """A trial that was trained, and nothing else."""
    folder = TrialFolder(tmp_path_factory.mktemp("job") / "trial")
    config = small_config("triangular", model="tutorial_cnn", epochs=2)
    begun = TrialRecord("trial", 3, "running", None, config, folder.path)
    return finished(begun, train(config, few_images(), folder))


def test_the_record_of_what_has_ended(record: TrialRecord) -> None:
    """What the result says, with the epochs of the folder."""
    assert (record.number, record.state) == (3, "complete")
    assert [report.epoch for report in record.reports] == [1, 2]
    assert record.value == record.metrics["val_accuracy"]
    assert record.test_metrics == {}
    assert record.learning_rate_deviation == 0


def test_figures_are_drawn_once(record: TrialRecord) -> None:
    """Those that the folder has are left alone; those that it lacks are drawn."""
    folder = TrialFolder(record.folder)
    draw_figures(record)
    made = {file.name: file.stat().st_mtime_ns for file in folder.figures.iterdir()}
    assert set(made) == set(figures(record))
    for name in made:
        height, width, _ = matplotlib.image.imread(folder.figures / name).shape
        assert height > 300
        assert width > 600
    (folder.figures / "loss.png").unlink()
    draw_figures(record)
    again = {file.name: file.stat().st_mtime_ns for file in folder.figures.iterdir()}
    assert {name for name in made if again[name] == made[name]} == set(made) - {"loss.png"}
    assert set(again) == set(made)
