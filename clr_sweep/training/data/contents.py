"""What data hold, in words that stay short however much it is."""

from __future__ import annotations

from collections.abc import Sequence

# Of more classes the first and the last are named, of more problems the first.
_NAMED = 10


def contents(classes: Sequence[str], not_read: Sequence[str]) -> str:
    """The classes with their numbers, and what is left out.

    Args:
        classes: by number; none: that it has classes is not known.
    """
    # The name of a folder may hold a line's end, or bytes that are no text.
    shown = [name if name.isprintable() else repr(name) for name in classes]
    named = [f"{number} {name}" for number, name in enumerate(shown)]
    said = [f"classes {listed(named)}"] * bool(named)
    said += [f"not read: {listed(not_read)}"] * bool(not_read)
    return "; ".join(said)


def listed(names: Sequence[str]) -> str:
    """Names that may be as many as the data: of more than ten the first and the last."""
    if len(names) > _NAMED:
        names = [*names[: _NAMED - 1], "...", names[-1]]
    return ", ".join(names)


def first_few(problems: Sequence[str], more: str) -> list[str]:
    """Problems that may be as many as the data: the first, and how many others there are.

    Args:
        more: what the others are, as after a number: `images cannot be read`.
    """
    left = len(problems) - _NAMED
    # The line of the count may as well be the one that it would stand for.
    return list(problems) if left <= 1 else [*problems[:_NAMED], f"and {left} more {more}"]
