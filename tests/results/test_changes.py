"""What two trials differ in beside their schedules: no default is taken for a difference."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from clr_sweep.results.changes import changes, listed
from clr_sweep.results.comparison import compare
from clr_sweep.training.records import TrialRecord

KEPT = {"momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "model.units": 32}


def trial(
    build: Any, optimizer: str = "sgd", arguments: dict[str, Any] | None = None,
    model: dict[str, Any] | None = None, **of_record: Any,
) -> TrialRecord:  # fmt: skip
    record = build.trial(optimizer={"name": optimizer, "arguments": arguments or {}})
    own = record.config.model.model_copy(update={"arguments": model or {}})
    config = record.config.model_copy(update={"model": own})
    return dataclasses.replace(record, config=config, **of_record)


def said(ours: TrialRecord, theirs: TrialRecord) -> tuple[str, str]:
    found = changes(ours, theirs)
    return listed(found.certain, "there"), listed(found.possible, "there")


@pytest.mark.parametrize(
    ("arguments", "model", "differs"),
    [
        ({}, {"units": 32}, ""),
        ({}, {"units": 16}, "model.units 16 (there 32)"),
        ({"momentum": 0.0, "nesterov": False, "weight_decay": 0.0}, {}, ""),
        ({"momentum": 0.9}, {}, "momentum 0.9 (there 0.0)"),
    ],
)
def test_defaults_that_were_kept(
    build: Any, arguments: dict[str, Any], model: dict[str, Any], differs: str
) -> None:
    """Are what the other trial was trained with, whichever of the two it is."""
    given, left = trial(build, "sgd", arguments, model), trial(build, defaults=KEPT)
    assert said(given, left) == (differs, "")
    assert changes(given, left).differ is bool(differs)
    assert changes(left, given).differ is bool(differs)


def test_a_default_that_was_not_kept_may_be_the_same(build: Any) -> None:
    """Of earlier versions, or of a function that takes None; what is known is said for sure."""
    given = trial(build, "sgd", {"momentum": 0.9}, {"units": 32})
    unknown = "momentum 0.9 (there its default, which is not known), model.units 32 (there its "
    assert said(given, trial(build)) == ("", f"{unknown}default, which is not known)")
    assert changes(given, trial(build)).differ is None
    found = said(given, trial(build, defaults={"momentum": 0.0}))
    assert found[0] == "momentum 0.9 (there 0.0)"
    assert found[1] == "model.units 32 (there its default, which is not known)"


def test_an_argument_that_an_optimizer_does_not_have(build: Any) -> None:
    """It has none of it, in whatever version; of one of the user's own that is not known."""
    given = trial(build, "sgd", {"momentum": 0.9})
    for of_adam in (None, {"beta_1": 0.9}):
        found = said(given, trial(build, "adam", defaults=of_adam))
        assert found == ("optimizer sgd (there adam), momentum 0.9 (there none)", "")
    own = trial(build, "own:make", defaults={"keep": 0.5})
    assert said(given, own)[1] == "momentum 0.9 (there its default, which is not known)"
    assert said(trial(build, "own:make", {"keep": 0.5}), own) == ("", "")


def test_a_function_that_makes_its_own_optimizer(build: Any) -> None:
    """What the sweep's has as default says nothing of it."""
    given = trial(build, "sgd", {"momentum": 0.9}, {"units": 32}, has_own_optimizer=True)
    left = trial(build, defaults=KEPT, has_own_optimizer=True)
    assert said(given, left) == ("", "momentum 0.9 (there its default, which is not known)")


def test_the_notes_of_a_study_claim_no_difference_that_is_none(build: Any) -> None:
    """Beside the baseline: none where the default is the same, and none for sure where unknown."""
    best, baseline = trial(build, "sgd", {"momentum": 0.0}), build.baseline()
    kept = dataclasses.replace(baseline, defaults=KEPT)
    assert not any("Besides" in note for note in compare(build.study([best], kept)).notes)
    notes = compare(build.study([best], baseline)).notes
    assert notes[-1] == (
        "Besides the schedule the best trial may also differ in momentum 0.0 (baseline its "
        "default, which is not known)."
    )
