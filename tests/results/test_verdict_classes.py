"""What is said of classes of schedules: of five searches on, and of cycles alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from compared_arms import OURS, THEIRS, compared, said_of
from small_trials import small_config

from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudyRecord


def searches(count: int, shift: float, **more: Any) -> list[StudyRecord]:
    rng = np.random.default_rng(4)
    return [
        compared({
            "CLR": (0.8 + shift + rng.normal(0, 0.002, 3)).tolist(),
            "constant": (0.8 + rng.normal(0, 0.002, 3)).tolist(),
            BASELINE: (0.8 - 3 * abs(shift) + rng.normal(0, 0.002, 3)).tolist(),
        }, **more)
        for _ in range(count)
    ]  # fmt: skip


def test_five_searches_speak_of_the_class() -> None:
    """Only then it is said that CLR helps, or that it does not; against a tuned rival."""
    for shift, wanted in ((0.02, "CLR helps here"), (-0.02, "CLR does not help here")):
        made = searches(5, shift)
        said = said_of(made[0], made)
        assert said.headline.startswith(wanted)
        assert "5 independent searches" in said.headline
        helping = [one for one in (*said.answers, said.headline) if "CLR helps" in one]
        assert len(helping) == (shift > 0)
        assert not any("--searches" in note for note in said.notes)


def class_headline(made: list[StudyRecord]) -> str:
    said = said_of(made[0], made)
    assert any("Of the 5 searches of each arm the first alone" in note for note in said.notes)
    return said.headline


def test_classes_that_are_equivalent_name_the_margin() -> None:
    """And the p of equivalence, not that of a difference."""
    headline = class_headline(searches(5, 0.0, margin=0.03))
    assert headline.startswith("CLR and a tuned constant rate are equivalent here within 3.00 poi")
    assert "equivalence p" in headline
    assert "Holm p" not in headline


@pytest.mark.parametrize(
    ("arms", "wanted"),
    [
        ({"constant": {"trials": 3}}, "A CLR tuned by 5 trials is better here than a constant ra"),
        ({"CLR": {"trials": 9}}, "A CLR tuned by 9 trials is better here than a constant rate tu"),
    ],
)
def test_an_unequal_search_is_no_proof_for_cycles(arms: Any, wanted: str) -> None:
    """That is better which was searched for longer: it is said by how much."""
    assert class_headline(searches(5, 0.02, arms=arms)).startswith(wanted)


def test_against_a_rival_with_cycles_nothing_is_said_of_cycles() -> None:
    """Both sides have them."""
    made = [
        compared(
            {"CLR": (OURS[i : i + 3] - 0.1).tolist(), "triangular": THEIRS[i : i + 3].tolist()}
        )
        for i in range(5)
    ]
    assert class_headline(made).startswith("A tuned CLR is worse here than a tuned triangular sch")


def test_a_class_whose_winner_has_no_cycles_is_not_helped_by_them() -> None:
    """Once in five searches is enough."""
    made = searches(5, 0.02)
    cosine = small_config("cosine").schedule
    made[3] = dataclasses.replace(made[3], trials=tuple(
        dataclasses.replace(trial, config=trial.config.model_copy(update={"schedule": cosine}))
        for trial in made[3].trials
    ))  # fmt: skip
    assert class_headline(made).startswith("A tuned schedule of the study's policies is better")


def test_four_searches_do_not() -> None:
    """However clear it is."""
    made = searches(4, 0.1)
    said = said_of(made[0], made)
    assert "CLR helps" not in "\n".join([said.headline, *said.answers])
