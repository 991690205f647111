"""The map of divergence says of every rate what the trials say, and no more."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from drawn_figures import drawn, marks, render, texts

from clr_sweep.results.divergence_figure import divergence_figure, fate, highest_rate, region
from clr_sweep.training.records import StudyRecord, TrialRecord
from clr_sweep.training.reports import Divergence

POLICY = {"policy": "triangular"}


def diverged(build: Any, number: int, rate: float, **arguments: Any) -> TrialRecord:
    """A trial that diverged on its way up, at this rate."""
    made = build.trial(number, "diverged", 1, **{**POLICY, **arguments})
    rates = build.rates(made.config, np.arange(made.config.schedule.step_size))
    step = int(np.searchsorted(rates, rate))
    return dataclasses.replace(made, divergence=Divergence(step, 1, float(rates[step]), 0.2))


def spans(figure: Any, gid: str) -> list[tuple[float, float]]:
    """From where to where a region is shaded."""
    return [(a.get_x(), a.get_x() + a.get_width()) for a in drawn(figure, gid)]


def test_a_gap_between_what_was_stood_and_what_was_not(build: Any) -> None:
    """Shaded from the lowest rate that diverged on; what lies below it and was not tried is not."""
    trials = [
        build.trial(i, max_lr=rate, factor=2 + i, **POLICY) for i, rate in enumerate((0.1, 0.4))
    ]
    study = build.study([*trials, diverged(build, 7, 0.6, max_lr=0.9)])
    found = region(study)
    assert found.stood == pytest.approx(0.4)
    assert found.diverged == pytest.approx(0.6, rel=1e-3)
    figure = divergence_figure(study)
    [(start, end)] = spans(figure, "all diverged")
    assert start == found.diverged
    assert end >= 0.9
    assert not drawn(figure, "some diverged")
    assert "1 diverged of 3 trials, at a rate of 0.6" in texts(figure)
    assert "between the two nothing is known" in texts(figure)
    assert render(figure)


def test_an_overlap_is_shaded_lightly(build: Any) -> None:
    """Between the lowest rate that diverged and the highest that was stood it depends."""
    study = build.study([
        build.trial(0, max_lr=0.7, factor=3, **POLICY),
        diverged(build, 1, 0.5, max_lr=0.6, factor=2),
        diverged(build, 2, 0.8, max_lr=0.9, factor=2),
    ])  # fmt: skip
    figure = divergence_figure(study)
    [(start, middle)] = spans(figure, "some diverged")
    assert start == pytest.approx(0.5, rel=1e-3)
    assert middle == pytest.approx(0.7)
    assert spans(figure, "all diverged")[0][0] == pytest.approx(0.7)
    assert "at rates from 0.5 up" in texts(figure)
    assert len(marks(figure, "diverged")) == 2
    assert render(figure)


def test_nothing_diverged(build: Any) -> None:
    """It says so, and up to which rate: that is all that is known."""
    study = build.study([build.trial(i, max_lr=0.1 + i / 5, **POLICY) for i in range(3)])
    figure = divergence_figure(study)
    assert "none of 3 trials diverged, up to a rate of 0.5" in texts(figure)
    assert not drawn(figure, "all diverged")
    assert not drawn(figure, "some diverged")
    assert drawn(figure, "stood")[0].get_xdata()[0] == pytest.approx(0.5)


def test_a_trial_stopped_before_its_peak_has_stood_what_it_used(build: Any) -> None:
    """Pruned after one of eight epochs up to 0.8, it says nothing of rates above 0.1."""
    made = build.trial(0, "pruned", 1, init_lr=0.0, max_lr=0.8, factor=8, **POLICY)
    assert highest_rate(made) == pytest.approx(0.1, rel=2e-3)
    study = build.study([made])
    assert region(study).stood == highest_rate(made)
    figure = divergence_figure(study)
    assert marks(figure, "pruned")[0, 0] == highest_rate(made)
    [tail] = drawn(figure, "tail pruned")
    assert list(tail.get_xdata()) == [highest_rate(made), 0.8]


def test_marks_stand_where_they_belong(big_study: StudyRecord) -> None:
    """Diverged trials at the rate where they did, in the shade; all others at what they used."""
    figure = divergence_figure(big_study)
    lost = {t.divergence.learning_rate for t in big_study.trials if t.divergence}
    assert lost
    assert set(marks(figure, "diverged")[:, 0]) == lost
    shade = min(
        start for gid in ("some diverged", "all diverged") for start, _ in spans(figure, gid)
    )
    assert min(lost) == shade
    for state in ("complete", "pruned"):
        expected = sorted(highest_rate(t) for t in big_study.trials if t.state == state)
        assert sorted(marks(figure, state)[:, 0]) == expected
    # A failed trial says nothing of rates.
    assert big_study.count("failed")
    assert not len(marks(figure, "failed"))


def test_factors_stand_at_their_values(build: Any) -> None:
    """Marks and ticks: a number on an axis is not spread as the names in a strip are."""
    trials = [build.trial(i, factor=2 + i % 2, max_lr=0.1 + i / 9, **POLICY) for i in range(6)]
    figure = divergence_figure(build.study(trials))
    assert sorted(marks(figure, "complete")[:, 1]) == [2, 2, 2, 3, 3, 3]
    assert [one.get_text() for one in figure.axes[0].get_yticklabels()] == ["2", "3"]


def test_a_study_of_one_factor_is_spread_by_init_lr(build: Any) -> None:
    """The other axis has what differs."""
    trials = [build.trial(i, init_lr=0.001 * (i + 1), max_lr=0.3, **POLICY) for i in range(3)]
    figure = divergence_figure(build.study(trials))
    assert figure.axes[0].get_ylabel() == "init_lr"
    assert sorted(marks(figure, "complete")[:, 1]) == pytest.approx([0.001, 0.002, 0.003])


@pytest.mark.parametrize("step", [0, 3])
def test_trials_that_hardly_began(build: Any, step: int) -> None:
    """One that diverged at once is on the map; one without an epoch, pruned or not, is not."""
    made = build.trial(0, "diverged", 0, init_lr=0.0, **POLICY)
    rate = float(build.rates(made.config, np.array([step]))[0])
    made = dataclasses.replace(made, divergence=Divergence(step, 1, rate, 0.0))
    study = build.study([made, build.trial(1, "pruned", 0, **POLICY)])
    figure = divergence_figure(study)
    assert render(figure)
    assert marks(figure, "diverged")[0, 0] == rate
    assert not len(marks(figure, "pruned"))


def test_a_network_that_died_is_told_apart(build: Any) -> None:
    """Its loss is finite, but back where it began: such rates were not stood either."""
    sound = build.trial(0, max_lr=0.4, **POLICY)
    died = build.trial(1, max_lr=0.8, **POLICY)
    first = died.reports[0].points[0].batch_loss
    last = dataclasses.replace(died.reports[-1], metrics={"loss": first, "val_accuracy": 0.1})
    died = dataclasses.replace(died, reports=(*died.reports[:-1], last))
    assert (fate(sound), fate(died)) == ("complete", "collapsed")
    # one that has learnt nothing at all was too slow, not too fast
    slow = dataclasses.replace(last, points=tuple(p for p in last.points if p.batch_loss == first))
    assert fate(dataclasses.replace(died, reports=(slow,))) == "complete"
    study = build.study([sound, died])
    found = region(study)
    assert (found.stood, found.diverged) == (pytest.approx(0.4), pytest.approx(0.8))
    figure = divergence_figure(study)
    assert "1 collapsed of 2 trials, at a rate of 0.8" in texts(figure)
    assert render(figure)


def ended_at(trial: TrialRecord, batches: list[float], **metrics: float) -> TrialRecord:
    """The trial with the losses of these batches alone, and metrics at its end."""
    first, last = trial.reports[0], trial.reports[-1]
    points = tuple(
        dataclasses.replace(point, batch_loss=loss)
        for point, loss in zip(first.points, batches, strict=False)
    )
    last = dataclasses.replace(last, points=points, metrics=metrics)
    return dataclasses.replace(trial, reports=(last,))


NOISY = [5.75, 4.49, 2.8, 4.14, 2.81, 6.97, 12.0, 15.6, 3.6]  # of a regression: guessing has 7.5


def test_a_training_at_high_rates_has_not_collapsed(build: Any) -> None:
    """Its batches end above the first one; what it has learnt shows on the validation examples."""
    made = build.trial(0, max_lr=0.4, **POLICY)
    assert fate(ended_at(made, NOISY, loss=6.68, val_loss=3.68)) == "complete"
    assert fate(ended_at(made, NOISY, loss=7.63, val_loss=7.55)) == "collapsed"


def test_one_easy_first_batch_is_not_the_loss_of_guessing(build: Any) -> None:
    """A training that ends above it alone has not lost what it learnt."""
    made = build.trial(0, max_lr=0.4, **POLICY)
    easy = [2.9, *NOISY]
    assert fate(ended_at(made, easy, loss=3.5, val_loss=3.2)) == "complete"
    assert fate(ended_at(made, easy, loss=7.63, val_loss=7.55)) == "collapsed"


def test_weighed_examples_are_judged_by_their_own_loss(build: Any) -> None:
    """The validation examples are not weighed: their loss is another one."""
    made = build.trial(0, max_lr=0.4, class_weight={0: 1.0, 1: 10.0}, **POLICY)
    losses = [1.3, 1.25, 0.7, 0.5, 1.2, 1.3]
    assert fate(ended_at(made, losses, loss=1.31, val_loss=0.69)) == "collapsed"
    assert fate(ended_at(made, losses, loss=0.6, val_loss=0.69)) == "complete"
