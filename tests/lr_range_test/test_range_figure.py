"""The figure of a range test holds what the record holds."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from drawn_figures import drawn, marks, render, texts
from landscapes import classifier, seeds, stuck
from range_records import complete_test

from clr_sweep.common.errors import StoreError
from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.figure import range_figure
from clr_sweep.lr_range_test.report import markdown, ranges_yaml, summary
from clr_sweep.lr_range_test.settings import Ramp, RangeTestConfig
from clr_sweep.lr_range_test.suggestion import RangeTestError, suggest
from clr_sweep.training.records import RangeTestRecord


def measured_by(folder: Path, curve: Curve) -> RangeTestRecord:
    """A test of one seed with this curve, whose objective is its metric."""
    made = complete_test(folder, [classifier()])
    np.savez(made.files[0], identity="test", **curve.arrays())
    (name,) = curve.metrics
    direction = "maximize" if name == "val_r2_score" else "minimize"
    objective = made.config.objective.model_copy(update={"metric": name, "direction": direction})
    return replace(made, config=made.config.model_copy(update={"objective": objective}))


def test_it_shows_the_test(tmp_path: Path) -> None:
    """Every seed's losses, metric and edge; the pair; both ranges, in both panels."""
    made = complete_test(tmp_path, seeds(3))
    figure, found = range_figure(made), made.suggestion
    assert found is not None
    assert render(figure)
    for gid, count in (("batch loss", 3), ("smoothed loss", 3), ("validation", 3), ("pair", 4)):
        assert len(drawn(figure, gid)) == count
    assert {line.get_xdata()[0] for line in drawn(figure, "pair")} == {found.base, found.max}
    assert sorted(marks(figure, "edge")[:, 0]) == pytest.approx(sorted(found.edges))
    for key in ("init_lr", "max_lr"):
        spans = drawn(figure, key)
        assert len(spans) == 2
        for span in spans:
            ends = (span.get_x(), span.get_x() + span.get_width())
            assert ends == pytest.approx(getattr(found, key))
    written = texts(figure)
    assert "Range test of example: base 0.0" in written
    assert "stability edge at 0.9" in written
    assert figure.axes[0].get_xscale() == "log"


def test_its_warnings_are_on_it(tmp_path: Path) -> None:
    """Below the axes, every one of them, whole; and the title says of how many seeds it speaks."""
    made = complete_test(tmp_path, [*seeds(2, steps=240), stuck(steps=240)])
    figure, found = range_figure(made), made.suggestion
    assert found is not None
    assert render(figure)
    assert "from 2 of 3 seeds" in drawn(figure, "title")[0].get_text()
    assert "(2 of 3 seeds)" in drawn(figure, "subtitle")[0].get_text()
    (footer,) = drawn(figure, "footer")
    shown = " ".join(footer.get_text().split())
    assert len(found.warnings) >= 2
    for warning in found.warnings:
        assert f"Warning: {warning}" in shown
    # Within the picture, and below both axes.
    box = footer.get_window_extent()
    assert box.x1 < figure.bbox.x1
    assert box.y0 > 0
    assert box.y1 < min(ax.get_tightbbox().y0 for ax in figure.axes)
    # One whose test is clean has none.
    (tmp_path / "clean").mkdir()
    assert drawn(range_figure(complete_test(tmp_path / "clean", seeds(3))), "footer") == []


def test_bounds_that_are_refused(tmp_path: Path) -> None:
    """The curves and why there are no bounds: no pair, no range is drawn."""
    made = complete_test(tmp_path, [*seeds(2), stuck()])
    with pytest.raises(RangeTestError) as error:
        suggest(made.curves(), "smith", made.metric, made.sign, needed=3)
    failed = replace(made, state="failed", suggestion=None)
    figure = range_figure(failed, error.value.warnings)
    assert render(figure)
    assert drawn(figure, "title")[0].get_text() == "Range test of example: no bounds"
    assert "(2 of 3 seeds)" in drawn(figure, "subtitle")[0].get_text()
    assert "seed 3 is left out" in drawn(figure, "footer")[0].get_text()
    for gid, count in (("smoothed loss", 3), ("pair", 0), ("init_lr", 0), ("range", 0)):
        assert len(drawn(figure, gid)) == count
    assert "base and max" not in texts(figure)


def test_a_linear_ramp_and_one_seed(tmp_path: Path) -> None:
    """Smith's own axis; without a divergence there is no mark, and the subtitle says so."""
    curve = classifier(kind="linear", low=1e-4, high=0.8)
    figure = range_figure(
        complete_test(tmp_path, [curve], test=RangeTestConfig(seeds=1, ramp="linear"))
    )
    assert render(figure)
    assert figure.axes[0].get_xscale() == "linear"
    assert drawn(figure, "edge") == []
    assert "no stability edge seen up to" in texts(figure)


def test_an_edge_whose_loss_is_above_the_axes(tmp_path: Path) -> None:
    """It stands at their top, at its rate: the legend has it too."""
    curve = classifier(dies=1.0)
    rises = 3.0 * np.clip(np.log10(curve.rates / 0.1), 0, 1)
    losses = np.where(curve.rates < 1.0, curve.losses + rises, 50.0)
    made = complete_test(tmp_path, [replace(curve, losses=losses)])
    figure = range_figure(made)
    assert render(figure)
    ((rate, height),) = marks(figure, "edge")
    assert made.suggestion is not None
    assert rate == pytest.approx(made.suggestion.edges[0])
    bottom, top = figure.axes[0].get_ylim()
    assert bottom + 0.9 * (top - bottom) < height < top
    assert drawn(figure, "smoothed loss")[0].get_ydata().max() > top


@pytest.mark.parametrize(
    ("ramp", "curve"),
    [
        ("linear", classifier(kind="linear", low=1e-4)),  # both ranges at the left end
        ("exponential", classifier(learns=0.000012, stops=0.02, dies=0.2)),
        ("exponential", classifier(learns=5, stops=7, dies=9)),
    ],
    ids=["linear", "left", "right"],
)
def test_the_names_of_the_ranges_lie_within_the_axes(
    tmp_path: Path, ramp: Ramp, curve: Curve
) -> None:
    """Neither over an axis nor over one another."""
    test = RangeTestConfig(seeds=1, ramp=ramp)
    figure = range_figure(complete_test(tmp_path, [curve], test=test))
    assert render(figure)
    first, second = (one.get_window_extent() for one in drawn(figure, "range"))
    axes = figure.axes[0].get_window_extent()
    assert axes.x0 < first.x0 < first.x1 < second.x0 < second.x1 < axes.x1


def test_batches_that_explode_do_not_flatten_the_rest(tmp_path: Path) -> None:
    """The axis of the losses keeps to what the smoothed ones need."""
    curve = classifier(dies=1.0)
    losses = np.where(curve.rates > 1.1, 1e20, curve.losses)
    losses[-1] = np.nan
    figure = range_figure(complete_test(tmp_path, [replace(curve, losses=losses)]))
    assert render(figure)
    assert figure.axes[0].get_ylim()[1] < 5


def test_a_first_value_that_is_far_off_does_not_flatten_the_rest(tmp_path: Path) -> None:
    """The validation loss before the first step, when batch normalisation knows no data."""
    made = complete_test(tmp_path, [classifier()])
    objective = made.config.objective.model_copy(
        update={"metric": "val_loss", "direction": "minimize"}
    )
    of_loss = replace(made, config=made.config.model_copy(update={"objective": objective}))
    tops = []
    for first in (2.3, 170.0):
        losses = 2.3 - 2 * (classifier().metrics["val_accuracy"] - 0.1)
        losses[0] = first
        curve = replace(classifier(), metrics={"val_loss": losses})
        np.savez(made.files[0], identity="test", **curve.arrays())
        figure = range_figure(of_loss)
        assert render(figure)
        tops.append(figure.axes[1].get_ylim()[1])
    assert tops[0] == pytest.approx(tops[1])
    assert 2.3 < tops[0] < 4


@pytest.mark.parametrize(("metric", "sign"), [("val_r2_score", 1), ("val_loss", -1)])
def test_peaks_of_a_metric_are_not_cut_off(tmp_path: Path, metric: str, sign: int) -> None:
    """What is drawn is not smoothed: its peaks stand out of what the rule judges by."""
    values = sign * (classifier().metrics["val_accuracy"] - 0.1)
    peak = int(np.argmax(sign * values))
    values[peak] += 0.5 * sign
    made = measured_by(tmp_path, replace(classifier(), metrics={metric: values}))
    figure = range_figure(made)
    assert render(figure)
    low, high = figure.axes[1].get_ylim()
    assert low < values[peak] < high
    assert "at first" not in texts(figure)


def test_first_losses_far_above_all_others_do_not_flatten_them(tmp_path: Path) -> None:
    """Of columns that nobody scaled: the axis is cut, and says so; of the metric too."""
    made = classifier()
    losses, values = made.losses.copy(), 2.3 - 2 * (made.metrics["val_accuracy"] - 0.1)
    losses[:10], values[:2] = 1e9, 1e9
    curve = replace(made, losses=losses, metrics={"val_loss": values})
    figure = range_figure(measured_by(tmp_path, curve))
    assert render(figure)
    for ax in figure.axes[:2]:
        assert 2.3 < ax.get_ylim()[1] < 5
        assert ax.get_ylabel().endswith("\n(higher at first)")


def test_a_metric_far_below_at_first(tmp_path: Path) -> None:
    """The same where more is better."""
    values = classifier().metrics["val_accuracy"].copy()
    values[:2] = -1e9
    curve = replace(classifier(), metrics={"val_r2_score": values})
    figure = range_figure(measured_by(tmp_path, curve))
    assert render(figure)
    assert -0.5 < figure.axes[1].get_ylim()[0] < 0.1
    assert figure.axes[1].get_ylabel().endswith("\n(lower at first)")


def test_a_long_name_of_a_metric_keeps_to_its_panel(tmp_path: Path) -> None:
    """In two lines."""
    values = 2.3 - 2 * (classifier().metrics["val_accuracy"] - 0.1)
    curve = replace(classifier(), metrics={"val_mean_absolute_percentage_error": values})
    figure = range_figure(measured_by(tmp_path, curve))
    figure.savefig(io.BytesIO(), dpi="figure")  # laid out as it is measured
    label, panel = (one.get_window_extent() for one in (figure.axes[1].yaxis.label, figure.axes[1]))
    assert panel.y0 <= label.y0 < label.y1 <= panel.y1


@pytest.mark.parametrize("loss", [np.nan, 0.0])
def test_a_loss_that_has_no_height(tmp_path: Path, loss: float) -> None:
    """Not finite from the first step on, or the same at all rates: drawn as it is."""
    made = complete_test(tmp_path, [classifier()])
    objective = made.config.objective.model_copy(
        update={"metric": "val_loss", "direction": "minimize"}
    )
    of_loss = replace(
        made, config=made.config.model_copy(update={"objective": objective}), suggestion=None
    )
    (curve,) = made.curves()
    flat = replace(
        curve,
        losses=np.full_like(curve.losses, loss),
        metrics={"val_loss": np.full(len(curve.evaluated), loss)},
    )
    np.savez(made.files[0], identity="test", **flat.arrays())
    figure = range_figure(replace(of_loss, state="failed"), ["nothing was learnt"])
    assert render(figure)
    for ax in figure.axes:
        assert np.isfinite(ax.get_ylim()).all()


def test_what_cannot_be_drawn(tmp_path: Path) -> None:
    """A test that is not complete, and one whose curves are gone."""
    made = complete_test(tmp_path, seeds(2))
    with pytest.raises(ValueError, match="interrupted: nothing to draw"):
        range_figure(replace(made, state="interrupted", suggestion=None))
    made.files[0].unlink()
    with pytest.raises(StoreError, match="a curve of the range test"):
        range_figure(made)


def test_it_is_told_in_words(tmp_path: Path) -> None:
    """The pair, its spread, every warning; before the end, how it stands."""
    made = complete_test(tmp_path, seeds(3, steps=240))
    found = made.suggestion
    assert found is not None
    text = summary(made)
    assert "rule smith: base 0.0" in text
    assert "over 3 seeds: base" in text
    assert found.warnings
    for warning in found.warnings:
        assert f"warning: {warning}" in text
    assert ranges_yaml(made) in markdown(made)
    waiting = replace(made, state="interrupted", reason="stopped", suggestion=None)
    assert ranges_yaml(waiting) == ""
    assert summary(waiting) == "range test of example: interrupted"
    assert "stopped" in markdown(waiting)


def test_a_range_test_that_was_validated_on_the_test_set(tmp_path: Path) -> None:
    """What is suggested says so, in the terminal and on the run's page."""
    held_out = complete_test(tmp_path, seeds(2))
    dataset = held_out.config.dataset.model_copy(update={"validation": "test"})
    on_test = replace(held_out, config=held_out.config.model_copy(update={"dataset": dataset}))
    assert ON_TEST_SET in summary(on_test)
    assert ON_TEST_SET in markdown(on_test)
    assert ON_TEST_SET not in summary(held_out)
