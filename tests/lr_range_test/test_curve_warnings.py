"""A metric that gains all that it gains before the training learns: what is said of it."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from landscapes import classifier, seeds

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.suggestion import Suggestion, suggest

EARLY = "the rule smith puts max at "


def settling(curve: Curve, first: float = 200.0) -> Curve:
    """The same behind batch normalisation: its held-out loss falls while averages settle."""
    accuracy = curve.metrics["val_accuracy"]
    settles = first * np.exp(-3.0 * np.arange(len(accuracy)))
    return replace(curve, metrics={"val_loss": 2.5 - 2 * accuracy + settles})


def told(curves: list[Curve], rule: str = "smith", **settings: bool) -> list[str]:
    """What is said of where the rule puts max."""
    found: Suggestion = suggest(curves, rule, "val_loss", -1, **settings)
    return [text for text in found.warnings if text.startswith(EARLY)]


def test_a_metric_that_gains_without_learning() -> None:
    """Decades below the edge; both rates are named, and the rule that reads the edge."""
    (warning,) = told([settling(curve) for curve in seeds(3)])
    assert re.match(
        rf"{EARLY}2\.\d+e-05, up to 4\.6 decades below the stability edge at 0\.999 "
        r"\(3 of 3 seeds\), where the training loss has hardly fallen: the metric",
        warning,
    )
    assert warning.endswith("; the rule quarter (range_test.rule) reads the edge")
    (in_hand,) = told([settling(classifier())], of_sweep=False)
    assert " seeds)" not in in_hand
    assert in_hand.endswith("; the rule quarter (rule) reads the edge")


def test_one_of_several_seeds() -> None:
    """It is told, though the median of all is sound."""
    sound = [settling(curve, first=0.0) for curve in seeds(3)]
    assert told(sound) == []
    (warning,) = told([*sound[:2], settling(classifier(seed=2))])
    assert "(1 of 3 seeds)" in warning


@pytest.mark.parametrize("stops", [0.003, 0.05, 0.3])
def test_a_max_where_the_loss_has_fallen_is_sound(stops: float) -> None:
    """However far the edge lies above it, as with Adam."""
    curves = [settling(curve, first=0.0) for curve in seeds(3, learns=stops / 10, stops=stops)]
    assert told(curves) == []


def test_another_rule_does_not_read_the_metric() -> None:
    """So it is not told of it."""
    assert told([settling(curve) for curve in seeds(3)], "quarter") == []
