"""The figures hold what the records hold, in every state a study can be in."""

from __future__ import annotations

import dataclasses
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from drawn_figures import drawn, marks, render, shown, texts
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from clr_sweep.config import CycledMomentum, OptimizerConfig
from clr_sweep.records import StudyRecord
from clr_sweep.results import curves, figures, style
from clr_sweep.results.study_figures import best_so_far
from clr_sweep.results.value_scale import ValueScale
from clr_sweep.schedules import policies

STUDY_FIGURES = ("history", "space", "bounds", "comparison", "divergence", "importance")


def overlaps(figure: Figure) -> list[tuple[str, str]]:
    """Labels of lines that lie over one another once the figure is laid out."""
    render(figure)
    boxes = [(t.get_text(), t.get_window_extent()) for t in drawn(figure, "label")]
    return [
        (a, b)
        for i, (a, box) in enumerate(boxes)
        for b, other in boxes[i + 1 :]
        if box.overlaps(other) and box.shrunk(0.9, 0.8).overlaps(other.shrunk(0.9, 0.8))
    ]


def lr_figure(build: Any, record: Any, steps: int) -> Figure:
    """The rate figure of the first steps of a record."""
    t = np.arange(steps)
    rates = build.rates(record.config, t) if steps else np.zeros(0)
    losses = build.batch_losses(record.config, steps) if steps else np.zeros(0)
    return figures.learning_rate_figure(t, rates, losses, record)


def test_learning_rate_figure_draws_every_step_of_a_short_curve(build: Any) -> None:
    """A curve of a few thousand steps is drawn as it is."""
    record = build.trial(config=build.config(factor=2, epochs=4))
    t = np.arange(record.config.steps)
    rates = build.rates(record.config, t)
    losses = build.batch_losses(record.config, len(t))
    figure = figures.learning_rate_figure(range(len(t)), rates.astype(np.float32), losses, record)
    [line] = drawn(figure, "rate")
    assert np.array_equal(line.get_xdata(), t)
    assert np.allclose(line.get_ydata(), rates, rtol=1e-6)
    [loss] = drawn(figure, "batch loss")
    assert np.array_equal(loss.get_ydata(), losses)


def test_learning_rate_figure_shows_a_cycled_momentum(build: Any) -> None:
    """In a panel of its own, under the name that the optimizer has for it."""
    cycled = CycledMomentum()
    for optimizer, argument in (("sgd", "momentum"), ("adam", "beta_1")):
        config = build.config(
            factor=2, epochs=4, cycle_momentum=cycled, optimizer=OptimizerConfig(name=optimizer)
        )
        record = build.trial(config=config)
        t = np.arange(config.steps)
        momenta = config.schedule.momentum(t, cycled)
        losses = build.batch_losses(config, len(t))
        rates = build.rates(config, t)
        figure = figures.learning_rate_figure(t, rates, losses, record, momenta)
        [line] = drawn(figure, "momentum")
        assert np.array_equal(line.get_ydata(), momenta)
        assert [ax.get_ylabel() for ax in figure.axes[:3]] == [
            "learning rate",
            argument,
            "batch loss",
        ]
        assert render(figure)
    assert not drawn(lr_figure(build, build.trial(37), 100), "momentum")


def test_figures_of_policies_without_cycles(build: Any) -> None:
    """They have a place under max_lr and policy, and none where there is no lower bound."""
    trials = [
        build.trial(number, policy=policy, max_lr=0.1 + 0.05 * number)
        for number, policy in enumerate(policies.POLICIES)
    ]
    study = build.study(trials)
    space = figures.space_figure(study)
    assert all(policy in texts(space) for policy in policies.POLICIES)
    assert "8 trials" in texts(space)
    panels = {ax.get_xlabel(): ax for ax in space.axes}
    points = {
        name: sum(len(c.get_offsets()) for c in ax.collections if c.get_gid() == "complete")
        for name, ax in panels.items()
    }
    assert points["init_lr"] == points["step_size_factor (epochs)"] == 4
    assert points["max_lr"] == points["policy"] == 8
    assert render(space)
    assert "init_lr and max_lr of 4 ended trials with cycles" in texts(figures.bounds_figure(study))
    alone = build.study([trial for trial in trials if not trial.config.schedule.is_cyclical])
    assert "no trial with cycles has ended yet" in texts(figures.bounds_figure(alone))
    assert [ax.get_xlabel() for ax in figures.space_figure(alone).axes] == ["max_lr", "policy"]
    for trial in trials:
        assert render(lr_figure(build, trial, trial.config.steps))


def test_learning_rate_figure_thins_a_long_curve_and_keeps_its_extremes(build: Any) -> None:
    """A hundred thousand steps: few points, every peak, every trough and both ends in place."""
    record = build.trial(config=build.config(policy="triangular", factor=2.5, epochs=115))
    steps = record.config.steps
    assert steps > 97_000
    figure = lr_figure(build, record, steps)
    [line] = drawn(figure, "rate")
    x = line.get_xdata()
    size = record.config.schedule.step_size
    assert len(x) < 5000
    assert (x[0], x[-1]) == (0, steps - 1)
    assert set(range(size, steps, 2 * size)) <= set(x.astype(int))
    assert len(drawn(figure, "trough")) == 2 * 23  # in both panels
    assert render(figure)


def test_learning_rate_figure_marks_troughs_and_the_end(build: Any) -> None:
    """Each whole cycle is marked where it ends, and the last rate is written."""
    record = build.trial(37)
    figure = lr_figure(build, record, record.config.steps)
    assert [line.get_xdata()[0] for line in drawn(figure, "trough")] == 2 * [6752, 13504]
    assert drawn(figure, "end")[0].get_xdata()[0] == 13503
    assert "half cycle 4 epochs = 3,376 steps" in texts(figure).lower()


def test_learning_rate_figure_shows_the_plan_beneath(build: Any) -> None:
    """The plan goes from the first step to the last one, past the step reached."""
    record = build.trial(5, "pruned", 6, policy="triangular", factor=5)
    done = record.reports[-1].step
    figure = lr_figure(build, record, done)
    [plan] = drawn(figure, "planned")
    assert (plan.get_xdata()[0], plan.get_xdata()[-1]) == (0, record.config.steps - 1)
    assert done < record.config.steps - 1
    assert np.array_equal(plan.get_ydata(), build.rates(record.config, plan.get_xdata()))
    assert "pruned after 6 epochs" in texts(figure)


def test_learning_rate_figure_without_losses_has_one_panel(build: Any) -> None:
    """Losses that are all unknown leave their panel out; NaN among others does not."""
    record = build.trial()
    t = np.arange(2000)
    rates = build.rates(record.config, t)
    without = figures.learning_rate_figure(t, rates, np.full(2000, np.nan), record)
    assert not drawn(without, "batch loss")
    some = np.where(t < 1500, 0.5, np.nan)
    figure = figures.learning_rate_figure(t, rates, some, record)
    [mean] = drawn(figure, "mean batch loss")
    assert set(mean.get_ydata()) == {0.5}
    assert 1480 < mean.get_xdata()[-1] < 1500 + 14


def test_learning_rate_figure_refuses_arrays_of_different_lengths(build: Any) -> None:
    """The message names the shapes found."""
    with pytest.raises(ValueError, match=r"equally long, got shapes \(3,\), \(2,\) and \(3,\)"):
        figures.learning_rate_figure([0, 1, 2], [0.1, 0.1], [1, 1, 1], build.trial())


@pytest.mark.parametrize("steps", [0, 1, 2])
def test_learning_rate_figure_of_almost_nothing_renders(build: Any, steps: int) -> None:
    """A trial that ended before, at or just after its first step."""
    assert render(lr_figure(build, build.trial(3, "failed", 0), steps))


def test_loss_figure_draws_the_metrics_of_the_reports(build: Any) -> None:
    """Loss above accuracy, training and validation, by epoch, with the ends of cycles."""
    record = build.trial(37)
    figure = figures.loss_figure(record)
    for what, names in {
        "training": ("loss", "accuracy"), "validation": ("val_loss", "val_accuracy")
    }.items():  # fmt: skip
        for line, name in zip(drawn(figure, what), names, strict=True):
            assert line.get_xdata().tolist() == list(range(1, 17))
            assert line.get_ydata().tolist() == [r.metrics[name] for r in record.reports]
    assert [line.get_xdata()[0] for line in drawn(figure, "trough")] == [8, 16, 8, 16]
    assert overlaps(figure) == []


def test_loss_figure_puts_a_cut_last_epoch_where_it_ended(build: Any) -> None:
    """A cycle that ends within an epoch: the last point lies at that part of it."""
    record = build.trial(1, factor=2.25)
    figure = figures.loss_figure(record)
    assert drawn(figure, "validation")[0].get_xdata()[-1] == pytest.approx(13.5, abs=1e-3)


def test_loss_figure_marks_divergence(build: Any) -> None:
    """The step and the rate at which the loss stopped being a number."""
    record = build.trial(9, "diverged", 3, factor=2, max_lr=0.95)
    figure = figures.loss_figure(record)
    assert [line.get_xdata()[0] for line in drawn(figure, "divergence")] == [2652 / 844] * 2
    rate = f"{record.divergence.learning_rate:.3g}"
    assert f"diverged at step 2,652,\nrate {rate}" in texts(figure)


@pytest.mark.parametrize(
    ("state", "stop", "lines"),
    [("running", 1, 2), ("pruned", 3, 2), ("failed", 0, 0), ("diverged", 0, 0), ("running", 0, 0)],
)
def test_loss_figure_of_a_short_trial(build: Any, state: Any, stop: int, lines: int) -> None:
    """One epoch, some, or none: the figure is drawn, and says when there is nothing."""
    figure = figures.loss_figure(build.trial(3, state, stop))
    assert render(figure)
    assert len(drawn(figure, "validation")) == lines
    assert len(drawn(figure, "message")) == (0 if stop else 1)


def test_loss_figure_without_accuracies_shows_the_losses_alone(build: Any) -> None:
    """A model without an accuracy metric has one panel."""
    record = build.trial()
    reports = tuple(
        dataclasses.replace(r, metrics={"loss": 1.0 / r.epoch, "val_loss": 2.0 / r.epoch})
        for r in record.reports
    )
    figure = figures.loss_figure(dataclasses.replace(record, reports=reports))
    assert len(figure.axes) == 1
    assert len(drawn(figure, "validation")) == 1


def test_history_shows_every_ended_trial_by_state(big_study: StudyRecord) -> None:
    """As many marks of each state as the study has trials in it, at their numbers and values."""
    figure = figures.history_figure(big_study)
    for state in style.STATES:
        assert len(marks(figure, state)) == big_study.count(state)  # type: ignore[arg-type]
    at = {int(x): y for x, y in marks(figure, "complete")}
    low, high = ValueScaleLimits.of(figure)
    for trial in big_study.trials:
        if trial.state == "complete" and trial.value is not None:
            inside = low <= trial.value <= high
            assert at[trial.number or 0] == trial.value if inside else at[trial.number or 0] < low
    [line] = drawn(figure, "best so far")
    assert line.get_ydata()[-1] == big_study.best.value  # type: ignore[union-attr]
    [baseline] = drawn(figure, "baseline")
    assert set(baseline.get_ydata()) == {big_study.baseline.value}  # type: ignore[union-attr]
    assert overlaps(figure) == []


class ValueScaleLimits:
    """What of a history's y axis is drawn to scale: above its shaded lane."""

    @staticmethod
    def of(figure: Figure) -> tuple[float, float]:
        """Lower and upper limit."""
        ax = figure.axes[0]
        lanes = [p for p in ax.patches if p.get_facecolor()[:3] != (1, 1, 1)]
        low = lanes[0].get_y() + lanes[0].get_height() if lanes else ax.get_ylim()[0]
        return low, ax.get_ylim()[1]


def test_best_so_far_never_gets_worse(big_study: StudyRecord) -> None:
    """The running best of complete trials, in the study's direction."""
    numbers, values = best_so_far(big_study)
    assert values == sorted(values)
    assert numbers == [t.number for t in big_study.trials if t.state == "complete"]
    smaller = best_so_far(dataclasses.replace(big_study, direction="minimize"))[1]
    assert smaller == sorted(smaller, reverse=True)


def test_space_figure_has_a_panel_for_each_hyperparameter(
    build: Any, big_study: StudyRecord
) -> None:
    """The schedule's four, gamma where it varies, and the further ones, texts among them."""
    trials = tuple(
        dataclasses.replace(t, params={**t.params, "momentum": 0.8 + 0.003 * i, "optimizer": "sgd"})
        for i, t in enumerate(big_study.trials)
    )
    figure = figures.space_figure(dataclasses.replace(big_study, trials=trials))
    shown = [ax.get_xlabel() for ax in figure.axes if ax.get_visible()]
    assert shown == [
        "init_lr", "max_lr", "step_size_factor (epochs)", "policy", "momentum", "optimizer"
    ]  # fmt: skip
    assert figure.axes[0].get_xscale() == figure.axes[1].get_xscale() == "log"
    for state in style.STATES:
        count = big_study.count(state)  # type: ignore[arg-type]
        assert len(marks(figure, state)) == 6 * count
    drawn_rates = sorted(x for c in figure.axes[1].collections if c.get_gid() in style.STATES
                         for x, _ in np.asarray(c.get_offsets()))  # fmt: skip
    assert drawn_rates == sorted(t.config.schedule.max_lr for t in trials)
    varied = build.study([
        build.trial(i, policy="exp_range", gamma=g) for i, g in enumerate((0.999, 0.9999))
    ])  # fmt: skip
    assert "gamma (exp_ranges)" in texts(figures.space_figure(varied))


def test_bounds_figure_colours_by_value_and_marks_the_rest(big_study: StudyRecord) -> None:
    """Each complete trial at its bounds with its value; pruned and diverged ones beside them."""
    figure = figures.bounds_figure(big_study)
    found = {}
    for policy in style.POLICY_MARKERS:
        for collection in drawn(figure, f"complete {policy}"):
            values = np.asarray(collection.get_array())
            for (x, y), value in zip(np.asarray(collection.get_offsets()), values, strict=True):
                found[(x, y)] = (policy, value)
    expected = {
        (t.config.schedule.init_lr, t.config.schedule.max_lr): (t.config.schedule.policy, t.value)
        for t in big_study.trials
        if t.state == "complete"
    }
    assert found == expected
    for state in ("pruned", "diverged", "failed"):
        marked = sum(len(marks(figure, f"{state} {p}")) for p in style.POLICY_MARKERS)
        assert marked == big_study.count(state)


def test_bounds_figure_of_a_rate_of_zero_renders(build: Any) -> None:
    """A lower bound of 0 is allowed, and has no logarithm."""
    trials = [build.trial(i, init_lr=low) for i, low in enumerate((0, 0.001, 0.004))]
    for figure in (
        figures.bounds_figure(build.study(trials)), figures.space_figure(build.study(trials))
    ):  # fmt: skip
        assert render(figure)
        assert figure.axes[0].get_xscale() == "symlog"


def test_comparison_figure_draws_both_runs_on_one_axis(big_study: StudyRecord) -> None:
    """Accuracy, loss and rate of the best trial and of the baseline."""
    figure = figures.comparison_figure(big_study)
    best, baseline = big_study.best, big_study.baseline
    assert best is not None
    assert baseline is not None
    for record, name in ((best, best.label), (baseline, "baseline")):
        accuracy, loss, rate = drawn(figure, name)
        assert accuracy.get_ydata().tolist() == [r.metrics["val_accuracy"] for r in record.reports]
        assert loss.get_ydata().tolist() == [r.metrics["val_loss"] for r in record.reports]
        points = [p for r in record.reports for p in r.points]
        assert rate.get_xdata().tolist() == [p.step / 844 for p in points]
        assert rate.get_ydata().tolist() == [p.learning_rate for p in points]
    assert f"{best.value:.4f}" in drawn(figure, "title")[0].get_text()
    assert overlaps(figure) == []


def test_importance_figure_has_a_bar_for_each(big_study: StudyRecord) -> None:
    """Bars of the importances as they are stored, under the evaluator's name."""
    figure = figures.importance_figure(big_study)
    widths = [bar.get_width() for bar in drawn(figure, "importance")]
    assert widths == sorted(big_study.importances.values())
    assert "PED-ANOVA importance" in drawn(figure, "title")[0].get_text()


def few_trials(build: Any) -> dict[str, StudyRecord]:
    """Studies with hardly anything in them."""
    baseline = build.baseline()
    return {
        "empty": build.study(),
        "one": build.study([build.trial(0)]),
        "two": build.study([build.trial(0), build.trial(1, "pruned", 3)], baseline),
        "all diverged": build.study(
            [build.trial(i, "diverged", i % 3, max_lr=0.5 + i / 9) for i in range(4)], baseline
        ),
        "only running": build.study([build.trial(0, "running", 2)]),
        "baseline diverged": build.study(
            [build.trial(0)], build.baseline(state="diverged", stop=1, init_lr=0.9)
        ),
    }


@pytest.mark.parametrize("kind", STUDY_FIGURES)
@pytest.mark.parametrize(
    "case", ["empty", "one", "two", "all diverged", "only running", "baseline diverged"]
)
def test_figures_of_hardly_anything_render(build: Any, kind: str, case: str) -> None:
    """No number of trials and no state of them stops a figure; it says what is missing."""
    study = few_trials(build)[case]
    figure = getattr(figures, f"{kind}_figure")(study)
    assert render(figure)
    if study.best is None and kind not in ("importance", "divergence"):
        assert "no complete trial yet" in texts(figure) or "no trial has ended yet" in texts(figure)


def test_a_study_to_minimize_puts_outliers_above(build: Any) -> None:
    """The lane for far-off values lies at the worse end, and the best is the smallest."""
    trials = [build.trial(i, metric="val_loss", level=0.86 + i / 400) for i in range(8)]
    trials.append(build.trial(8, "diverged", 0, max_lr=0.9))
    study = build.study(trials, metric="val_loss", direction="minimize")
    figure = figures.history_figure(study)
    assert marks(figure, "diverged")[0, 1] > max(t.value for t in trials[:8])
    assert drawn(figure, "best so far")[0].get_ydata()[-1] == min(t.value for t in trials[:8])


def test_study_figures_leaves_out_what_has_no_content(build: Any, big_study: StudyRecord) -> None:
    """File names of what there is to see, and nothing else."""
    assert list(figures.study_figures(big_study)) == [
        "history.png", "search-space.png", "bounds.png", "divergence.png", "comparison.png",
        "importances.png",
    ]  # fmt: skip
    assert figures.study_figures(build.study()) == {}
    assert list(figures.study_figures(build.study((), build.baseline()))) == ["comparison.png"]


def test_figures_stay_inside_their_frame(big_study: StudyRecord) -> None:
    """No text is cut off at the figure's edge."""
    for name, figure in figures.study_figures(big_study).items():
        render(figure)
        frame = figure.bbox
        for artist in figure.findobj(lambda a: hasattr(a, "get_text") and bool(a.get_text())):
            if not shown(artist):
                continue
            box = artist.get_window_extent()
            assert box.x0 >= frame.x0 - 1, (name, artist)
            assert box.x1 <= frame.x1 + 1, (name, artist)
            assert box.y1 <= frame.y1 + 1, (name, artist)


@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=12),
    st.floats(0.01, 0.2),
)
def test_spread_keeps_order_and_distance(positions: list[float], gap: float) -> None:
    """Labels stay in order, at least a gap apart, and those apart enough stay where they are."""
    positions = sorted(positions)
    moved = style.spread(positions, gap)
    assert len(moved) == len(positions)
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(moved))
    if all(b - a >= gap for a, b in pairwise(positions)):
        assert moved == pytest.approx(positions)


@given(st.integers(1, 20000), st.integers(1, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_thin_keeps_ends_and_extremes(n: int, bins: int, seed: int) -> None:
    """Points are among those given, few, ascending, with both ends and the extremes."""
    y = np.random.default_rng(seed).normal(size=n)
    x = np.arange(n, dtype=np.float64)
    thin_x, thin_y = curves.thin(x, y, bins)
    assert len(thin_x) <= max(4 * bins, 1)
    assert np.array_equal(thin_y, y[thin_x.astype(int)])
    assert (np.diff(thin_x) > 0).all()
    assert (thin_x[0], thin_x[-1]) == (0, n - 1)
    assert (thin_y.min(), thin_y.max()) == (y.min(), y.max())


@given(
    st.lists(st.floats(-5, 5), max_size=10),
    st.lists(st.floats(-5, 5), max_size=5),
    st.sampled_from(["maximize", "minimize"]),
)
def test_value_scale_always_shows_the_best(
    good: list[float], others: list[float], direction: str
) -> None:
    """The best value is drawn to scale; what is not lies in the lane, outside the limits."""
    scale = ValueScale.of(good, others, direction, [])
    assert scale.low < scale.high
    assert not scale.low <= scale.lane <= scale.high
    values = good if len(good) > 3 else [*good, *others]
    if values:
        best = max(values) if direction == "maximize" else min(values)
        assert scale.place(best) == best
    assert scale.place(None) == scale.lane
