"""Which known name an unknown one was meant to be."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clr_sweep.common.nearest import hint, nearest, same

KNOWN = ["init_lr", "max_lr", "step_size_factor", "policy", "batch_size", "model.units", "momentum"]


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ("initlr", "init_lr"),
        ("INIT-LR", "init_lr"),
        ("maxLr", "max_lr"),
        ("polcy", "policy"),
        ("BatchSize", "batch_size"),
        ("momentun", "momentum"),
        ("units", "model.units"),
        ("unit", "model.units"),
        ("modelunits", "model.units"),
        ("model.unit", "model.units"),
        ("dropout", None),
        ("step_size_multiple", "step_size_factor"),
        ("", None),
        ("--", None),
        (5, None),
        (None, None),
        (["max_lr"], None),
    ],
)
def test_nearest(found: object, name: str | None) -> None:
    """Slips of the finger, another way to write it, and an argument without its section."""
    assert nearest(found, KNOWN) == name
    assert hint(found, KNOWN) == ("" if name is None else f" - did you mean {name!r}?")


def test_the_nearest_of_several() -> None:
    """The nearest, not the first that is near; of two as near the first."""
    assert nearest("val_los", ["loss", "val_accuracy", "val_loss"]) == "val_loss"
    assert nearest("triangular_2", ["triangular", "triangular2"]) == "triangular2"
    assert nearest("adamx", ["adamw", "adamy"]) == "adamw"
    assert nearest("lgo", ["low", "high", "log", "step"]) == "log"  # two letters are swapped
    assert nearest("anything", []) is None


@settings(deadline=None)
@given(
    names=st.lists(st.from_regex(r"[a-z][a-z_]{2,15}", fullmatch=True), min_size=1, unique=True),
    data=st.data(),
)
def test_a_known_name_is_its_own_nearest(names: list[str], data: st.DataObject) -> None:
    """However it is written: in capitals, with hyphens, with a letter twice."""
    name = data.draw(st.sampled_from(names))
    plain = name.replace("_", "")
    for way in (name.upper(), name.replace("_", "-")):
        found = nearest(way, names)
        assert found is not None
        assert found.replace("_", "") == plain
    assert nearest(name + name[-1], [name]) == name


def test_the_same_name_in_another_place() -> None:
    """A key that stands in the wrong section is found where it belongs, and only itself."""
    places = ["training", "training.epochs", "study.trials"]
    assert same("epochs", places) == "training.epochs"
    assert same("Trials", places) == "study.trials"
    assert same("training", places) == "training"
    assert same("trial", places) is None
    assert same(5, places) is None
