"""The known name that an unknown one was probably meant to be: one way for names of every kind."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# As difflib's own: three letters of five in common, or more.
_CLOSE = 0.6


def nearest(found: object, known: Iterable[str]) -> str | None:
    """The nearest of the names known, the first of several; None where none is near.

    Case, hyphens, underscores and the like do not count. Of a dotted name such as `model.units`
    the last part may be near by itself; of names of three words and more the words.
    """
    if not isinstance(found, str) or not (wanted := _letters(found)):
        return None
    best, closeness = None, (0.0, False)
    for name in known:
        ways = {_letters(name), _letters(name.rpartition(".")[2])}
        # Of two as near the one with the same letters: of `lgo` `log`, and not `low`.
        near = max(
            (difflib.SequenceMatcher(None, way, wanted).ratio(), sorted(way) == sorted(wanted))
            for way in ways
        )
        near = max(near, (_words_in_common(name, found), False))
        if near[0] >= _CLOSE and near > closeness:
            best, closeness = name, near
    return best


def hint(found: object, known: Iterable[str]) -> str:
    """What to add to the message for an unknown name; empty where no known one is near."""
    name = nearest(found, known)
    return "" if name is None else f" - did you mean {name!r}?"


def same(found: object, known: Iterable[str]) -> str | None:
    """The first of the names whose last part is the one found, apart from case and hyphens."""
    if not isinstance(found, str) or not (wanted := _letters(found)):
        return None
    return next((name for name in known if _letters(name.rpartition(".")[2]) == wanted), None)


def _words_in_common(name: str, other: str) -> float:
    """As difflib's ratio, of the words: `no_better_in` is near `no_improvement_in`."""
    ours, theirs = ({*re.split(r"[\W_]+", one.casefold())} for one in (name, other))
    if min(len(ours), len(theirs)) < 3:
        return 0.0
    return 2 * len(ours & theirs) / (len(ours) + len(theirs))


def _letters(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()
