"""The figures of the documentation that show kept or recorded runs."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from benchmarks.documented.compared import last_comparison
from benchmarks.documented.kept import COMPARED, DRAWN, GALLERY, KeptRun, read
from benchmarks.documented.reproduction_figures import rate_curve_figure, tutorial_figure
from clr_sweep.lr_range_test.curve import from_arrays
from clr_sweep.lr_range_test.figure import range_figure
from clr_sweep.results import style
from clr_sweep.results.figures import (
    bounds_figure,
    comparison_figure,
    history_figure,
    learning_rate_figure,
    loss_by_rate_figure,
    space_figure,
)
from clr_sweep.results.verdict_figure import verdict_figure

IMAGES = Path(__file__).parents[2] / "docs" / "images"


def draw() -> list[Path]:
    """Draw them into `docs/images`."""
    study = read(COMPARED).study
    drawn_run = read(DRAWN)
    looked, steps = drawn_run.study.best, range(len(drawn_run.rates))
    assert looked is not None
    curve = steps, drawn_run.rates, drawn_run.losses, looked
    figures = {
        "history.png": history_figure(study),
        "comparison.png": comparison_figure(study),
        "bounds.png": bounds_figure(study),
        "search-space.png": space_figure(study),
        "learning-rate.png": learning_rate_figure(*curve),
        "loss-by-rate.png": loss_by_rate_figure(*curve),
        "verdict.png": verdict_figure(last_comparison(COMPARED)),
        "tutorial.png": tutorial_figure(),
        "rate-curve.png": rate_curve_figure(),
        "range-test.png": _range_test(read("fashion_mnist_range_test")),
    }
    for sweep in GALLERY:
        name = sweep.replace("/", "-").replace("_", "-")
        figures[f"{name}-range-test.png"] = _range_test(read(sweep))
        figures[f"{name}-verdict.png"] = verdict_figure(last_comparison(sweep))
    drawn = []
    for name, figure in figures.items():
        style.save(figure, IMAGES / name)
        drawn.append(IMAGES / name)
    return drawn


def _range_test(run: KeptRun) -> Figure:
    record = run.study.range_test
    assert record is not None
    with tempfile.TemporaryDirectory() as folder:
        files = []
        for number, arrays in enumerate(run.range_curves):
            files.append(Path(folder) / f"{number}.npz")
            np.savez(files[-1], **from_arrays(arrays).arrays())
        return range_figure(replace(record, files=tuple(files)))
