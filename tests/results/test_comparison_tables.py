"""The tables of a comparison: their numbers, and what stands where there is none."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest
from compared_arms import compared

from clr_sweep.results import words
from clr_sweep.results.comparison_report import comparison_markdown
from clr_sweep.results.comparison_tables import (
    arm_rows,
    contest_rows,
    cost_rows,
    finalist_rows,
    gain_sentence,
    tables,
)
from clr_sweep.results.markdown import LIMIT
from clr_sweep.search.arms import BASELINE, MEAN_RATE

OURS, THEIRS = [0.90, 0.88, 0.89], [0.85, 0.87, 0.86]
FINALS: dict[str, Any] = {
    "CLR": OURS, "constant": THEIRS, BASELINE: [0.7, 0.72, 0.71], MEAN_RATE: [0.9, 0.9, 0.9]
}  # fmt: skip


def row(rows: tuple[list[str], list[list[str]]], name: str) -> dict[str, str]:
    """A row by what stands at its beginning, with the heads of its cells."""
    head, body = rows
    [found] = [one for one in body if one[0].startswith(name)]
    assert len(found) == len(head)
    return dict(zip(head, found, strict=True))


def test_the_arms() -> None:
    """Mean, t interval and sample deviation over the seeds."""
    found = row(arm_rows(compared(FINALS)), "constant")
    assert found["winner"] == "constant 0.01"
    assert found["test accuracy"] == "0.8600"
    half = 4.302653 * 0.01 / 3**0.5
    assert found["95 % interval"] == f"{0.86 - half:.4f} to {0.86 + half:.4f}"
    assert (found["sd"], found["seeds"]) == ("0.01", "3 of 3")


def test_seeds_lost_stand_beside_those_that_are_left() -> None:
    """By what became of them; an arm without any value has none."""
    finals = FINALS | {"constant": [0.8, "diverged", "failed"], BASELINE: ["failed"] * 3}
    rows = arm_rows(compared(finals))
    found = row(rows, "constant")
    assert found["seeds"] == "1 of 3, 1 diverged, 1 failed"
    assert (found["test accuracy"], found["95 % interval"], found["sd"]) == ("0.8000", "-", "-")
    nothing = row(rows, "The untuned")
    assert (nothing["test accuracy"], nothing["seeds"]) == ("-", "0 of 3, 3 failed")


def test_the_answers() -> None:
    """In points, with what each stands on."""
    found = row(contest_rows(compared(FINALS, margin=None)), "constant")
    differences = np.array(OURS) - THEIRS
    assert found["difference"] == f"+{100 * differences.mean():.2f}"
    assert found["sd"] == f"{100 * differences.std(ddof=1):.2f}"
    assert float(found["correlation"]) == round(float(np.corrcoef(OURS, THEIRS)[0, 1]), 2)
    assert found["sign-flip p"] == "-"
    assert found["answer"] in ("better", "not decidable")
    assert 0 < float(found["Holm p"]) <= 1


def test_an_answer_without_numbers() -> None:
    """Where the finals have not ended no difference is shown."""
    finals = FINALS | {"constant": [0.8, 0.9, None]}
    found = row(contest_rows(compared(finals)), "constant")
    assert (found["answer"], found["difference"], found["Holm p"]) == ("not known yet", "-", "-")


def test_the_finalists() -> None:
    """Candidates in the order of the search, the one that won marked."""
    seeds = {
        "tiny trial 4": [0.5, 0.5],
        "tiny trial 1": [0.9, "diverged"],
        "tiny trial 2": [0.6] * 2,
    }
    study = compared(
        FINALS, finalists=seeds, arms={"CLR": {"candidates": (4, 1, 2)}},
        entries={"CLR": "tiny trial 2"},
    )  # fmt: skip
    _, body = finalist_rows(study)
    assert [one[1] for one in body] == ["4", "1", "2"]
    assert all(one[0] == words.capital(one[0]) for one in body)
    assert [one[3:] for one in body] == [
        ["0.5000", "0", ""], ["0.9000", "1", ""], ["0.6000", "0", "wins"],
    ]  # fmt: skip
    assert row(arm_rows(study), "CLR")["test accuracy"] == "0.8900"


def test_the_cost() -> None:
    """Of the search and of the trainings with fresh seeds, in CPU time."""
    rows = cost_rows(compared(FINALS))
    found = row(rows, "constant")
    assert "4 complete, 1 pruned" in found["search"]
    assert "4.5 s" in found["finalists and finals"]
    assert row(rows, "The untuned")["search"] == "not tuned"


def test_the_gain() -> None:
    """How much is the rate's size, and how much its shape."""
    said = gain_sentence(compared(FINALS))
    assert [float(one) for one in re.findall(r"\+\d+\.\d+", said)] == [18.0, 15.0, 3.0]
    assert "points" in said
    loss = gain_sentence(compared(FINALS, metric="val_loss", direction="minimize"))
    assert "the gain is -0.180 of test loss (+ is less, which is better): -0.150 by the" in loss
    assert "means over the seeds" in loss
    assert "points" not in loss
    assert "accuracy" not in loss
    assert gain_sentence(compared(FINALS | {"constant": ["failed"] * 3})) == ""


STRANGE: list[dict[str, Any]] = [
    {"CLR": [None] * 3, "constant": [None] * 3, BASELINE: [None] * 3},
    {"CLR": ["failed"] * 3, "constant": ["diverged"] * 3, BASELINE: ["failed"] * 3},
    {"CLR": [], "constant": [], BASELINE: [0.5] * 3},
    {"CLR": [0.0] * 3, "constant": [1.0] * 3, BASELINE: [1e-9, 1e9, 0.5]},
]


@pytest.mark.parametrize("finals", STRANGE)
@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_whatever_there_is_has_tables(finals: dict[str, Any], direction: str) -> None:
    """Every row is as long as its head, and no cell holds what is no number."""
    metric = "val_accuracy" if direction == "maximize" else "val_loss"
    arms = {name: {"candidates": ()} for name, values in finals.items() if not values}
    study = compared(finals, arms=arms, metric=metric, direction=direction)
    for _, (head, body) in tables(study):
        for one in body:
            assert len(one) == len(head)
            assert not any(re.search(r"\bnan\b|\binf\b|None", cell) for cell in one)
    assert "**" in comparison_markdown(study)


def test_the_page_is_never_too_long_for_mlflow() -> None:
    """The verdict stays; tables at the end go."""
    names = ["CLR", "constant", "linear", "cosine", "one_cycle", "triangular", "exp_range"]
    finals: dict[str, Any] = dict.fromkeys(names, THEIRS) | {BASELINE: OURS}
    candidates = tuple(range(60))
    finalists = {
        f"{'tiny' if name == 'CLR' else f'tiny.{name}'} trial {number}": [0.5]
        for name in names for number in candidates
    }  # fmt: skip
    study = compared(
        finals, finalists=finalists, arms={name: {"candidates": candidates} for name in names}
    )
    text = comparison_markdown(study)
    assert len(text) < LIMIT
    assert text.startswith("**")
    assert "On the test set" in text
