"""The figures of a study hold what its record holds, in every state it can be in."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from drawn_figures import assert_inside, drawn, lr_figure, marks, overlaps, render, texts
from matplotlib.figure import Figure

from clr_sweep.results import figures, style
from clr_sweep.results.study_figures import best_so_far
from clr_sweep.schedules import policies
from clr_sweep.training.records import StudyRecord

STUDY_FIGURES = ("history", "space", "bounds", "comparison", "divergence")


@pytest.mark.heavy
def test_figures_of_policies_without_cycles(build: Any) -> None:
    """They have a place under max_lr and policy, and none where there is no lower bound."""
    trials = [
        build.trial(
            number,
            policy=policy,
            init_lr=0.001 * (number + 1),
            max_lr=0.1 + 0.05 * number,
            factor=2 + number % 3,
        )
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


def test_history_shows_every_ended_trial_by_state(big_study: StudyRecord) -> None:
    """As many marks of each state as the study has trials in it, at their numbers and values."""
    figure = figures.history_figure(big_study)
    for state in style.STATES:
        assert len(marks(figure, state)) == big_study.count(state)  # type: ignore[arg-type]
    at = {int(x): y for x, y in marks(figure, "complete")}
    low, high = to_scale(figure)
    for trial in big_study.trials:
        if trial.state == "complete" and trial.value is not None:
            inside = low <= trial.value <= high
            assert at[trial.number or 0] == trial.value if inside else at[trial.number or 0] < low
    [line] = drawn(figure, "best so far")
    assert line.get_ydata()[-1] == big_study.best.value  # type: ignore[union-attr]
    [baseline] = drawn(figure, "baseline")
    assert set(baseline.get_ydata()) == {big_study.baseline.value}  # type: ignore[union-attr]
    assert overlaps(figure) == []


def to_scale(figure: Figure) -> tuple[float, float]:
    """From where to where a history's y axis is drawn to scale: above its shaded lane."""
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


# Studies with hardly anything in them.
FEW_TRIALS: dict[str, Callable[[Any], StudyRecord]] = {
    "empty": lambda build: build.study(),
    "one": lambda build: build.study([build.trial(0)]),
    "two": lambda build: build.study(
        [build.trial(0), build.trial(1, "pruned", 3)], build.baseline()
    ),
    "all diverged": lambda build: build.study(
        [build.trial(i, "diverged", i % 3, max_lr=0.5 + i / 9) for i in range(4)], build.baseline()
    ),
    "only running": lambda build: build.study([build.trial(0, "running", 2)]),
    "baseline diverged": lambda build: build.study(
        [build.trial(0)], build.baseline(state="diverged", stop=1, init_lr=0.9)
    ),
}


@pytest.mark.parametrize("kind", STUDY_FIGURES)
@pytest.mark.parametrize("case", FEW_TRIALS)
def test_figures_of_hardly_anything_render(build: Any, kind: str, case: str) -> None:
    """No number of trials and no state of them stops a figure; it says what is missing."""
    study = FEW_TRIALS[case](build)
    figure = getattr(figures, f"{kind}_figure")(study)
    assert render(figure)
    if study.best is None and kind != "divergence":
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
    ]  # fmt: skip
    assert figures.study_figures(build.study()) == {}
    assert list(figures.study_figures(build.study((), build.baseline()))) == ["comparison.png"]


def test_figures_stay_inside_their_frame(big_study: StudyRecord) -> None:
    """No text is cut off at the figure's edge."""
    for figure in figures.study_figures(big_study).values():
        assert_inside(figure)
