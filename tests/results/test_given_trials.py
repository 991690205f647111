"""Which trials were given, in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from clr_sweep.results import words


def test_who_gave_them(build: Any) -> None:
    """Each giver once, with its trials."""
    texts = {
        0: "by study.start_with, 1 of 2: max_lr",
        1: "by study.start_with, 2 of 2: max_lr, init_lr",
        2: "",
        3: "by the range test: init_lr_ratio, max_lr",
    }
    trials = [dataclasses.replace(build.trial(one), given=text) for one, text in texts.items()]
    assert words.given(build.study(trials)) == (
        "Trials 0 and 1 were given by study.start_with, not sampled. "
        "Trial 3 was given by the range test, not sampled."
    )
    assert words.given(build.study(trials[2:3])) == ""
