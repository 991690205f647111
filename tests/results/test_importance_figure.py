"""The figure of importances: what it shows, and what it does not claim."""

from __future__ import annotations

import pytest
from drawn_figures import assert_inside, drawn, overlaps, render, texts

from clr_sweep.results.figures import importance_figure, study_figures
from clr_sweep.training.records import Importance, StudyRecord

CLEAR = {
    "init_lr": Importance(0.09, 0.04, 0.15),
    "max_lr": Importance(0.61, 0.48, 0.72),
    "step_size_factor": Importance(0.13, 0.06, 0.2),
    "policy": Importance(0.17, 0.08, 0.3),
}


def test_a_bar_and_a_spread_for_each(big_study: StudyRecord) -> None:
    """As they were found, under the method in plain words and the number of trials."""
    figure = importance_figure(big_study, CLEAR)
    assert render(figure)
    ordered = sorted(CLEAR.values(), key=lambda one: one.value)
    assert [bar.get_width() for bar in drawn(figure, "importance")] == [o.value for o in ordered]
    spreads = [tuple(line.get_xdata()) for line in drawn(figure, "spread")]
    assert spreads == [(one.low, one.high) for one in ordered]
    written = texts(figure)
    count = big_study.count("complete")
    assert f"a forest of decision trees explains of {count} complete trials" in written
    assert "8 of 10 studies made of the same trials, drawn anew" in written
    assert overlaps(figure) == []


def test_its_title_claims_what_was_seen(big_study: StudyRecord) -> None:
    """The first, where its spread lies above that of the second; else either of them."""
    title = drawn(importance_figure(big_study, CLEAR), "title")[0].get_text()
    assert title.endswith("max_lr matters most for the validation accuracy")
    unclear = {**CLEAR, "max_lr": Importance(0.4, 0.2, 0.6), "policy": Importance(0.35, 0.1, 0.5)}
    title = drawn(importance_figure(big_study, unclear), "title")[0].get_text()
    assert title.endswith("max_lr or policy matters most for the validation accuracy")


def test_it_is_among_the_studys_where_there_are_any(big_study: StudyRecord) -> None:
    """Without importances there is no such figure."""
    assert "importances.png" not in study_figures(big_study)
    assert "importances.png" in study_figures(big_study, CLEAR)


@pytest.mark.parametrize("count", [2, 9])
def test_it_stays_inside_its_frame(big_study: StudyRecord, count: int) -> None:
    """Few hyperparameters and many, with names longer than there is room for."""
    found = {
        f"model.a_rather_long_name_of_an_argument_{i}": Importance(1 / count, 0.0, 0.999)
        for i in range(count)
    }
    assert_inside(importance_figure(big_study, found))
