"""Numbers with their nouns, for people."""

from __future__ import annotations


def plural(number: float, noun: str) -> str:
    """A count with its noun: 1 trial, 12 trials, 0.5 GPUs."""
    count = f"{number:,}" if isinstance(number, int) else f"{number:g}"
    return f"{count} {noun}" + ("" if number == 1 else "s")


def first(number: int, noun: str) -> str:
    """So many from the beginning: first trial, first 12 trials."""
    return f"first {noun}" if number == 1 else f"first {plural(number, noun)}"


def have(number: int) -> str:
    """The verb of so many."""
    return "has" if number == 1 else "have"
