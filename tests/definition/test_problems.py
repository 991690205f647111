"""The words of messages about the user's input."""

from __future__ import annotations

from typing import Any

import pytest

from clr_sweep.definition.problems import sentence, shown, unknown


@pytest.mark.parametrize(
    ("found", "hint"),
    [("tpee", " - did you mean 'tpe'?"), ("TPE", " - did you mean 'tpe'?"), ("grid", "")],
)
def test_unknown_names_the_nearest(found: str, hint: str) -> None:
    """An unknown name is answered by the nearest one, whatever its case, and by all known."""
    message = f"unknown sampler '{found}'{hint} (known: tpe, random)"
    assert unknown("sampler", found, ["tpe", "random"]) == message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "nothing"),
        (True, "true"),
        (0.5, "0.5"),
        ("abc", "'abc'"),
        ([1, None], "[1, nothing]"),
        ({"b": 1, "a b": [True]}, "{b: 1, 'a b': [true]}"),
        ("postgresql://me:se/cr:et@host/db", "'postgresql://me:***@host/db'"),
        (
            "postgresql://host/db?user=me&password=a&b=c",
            "'postgresql://host/db?user=me&password=***&b=***'",
        ),
        ("sqlite:///a@b:c.db", "'sqlite:///a@b:c.db'"),
        (["postgresql://me:secret@host/db"], "['postgresql://me:***@host/db']"),
        ("postgresql://me:secret@host/db", "'postgresql://me:***@host/db'"),
        ("postgresql://me:se@cret@host/db", "'postgresql://me:***@host/db'"),
    ],
)
def test_values_are_shown_as_they_stand_in_a_file(value: Any, text: str) -> None:
    """What was found is shown in YAML's words, not in Python's, and without a password."""
    assert shown(value) == text


def test_long_values_are_shortened() -> None:
    """A message stays one that can be read, however large the value is."""
    nested: Any = "x" * 10**6
    for _ in range(50):
        nested = {f"key{i}": [nested] * 50 for i in range(50)}
    assert len(shown(nested)) < 1000
    assert len(shown("x" * 10**6)) <= 102
    assert shown(dict.fromkeys("abcdefghi", 1)).endswith(", g: 1, h: 1, ...}")


def test_a_sentence_begins_with_its_place() -> None:
    """Keys are joined by dots; what is wrong with the whole has no place."""
    assert sentence(("study", "trials"), "is required") == "study.trials: is required"
    assert sentence((), "is empty") == "is empty"
