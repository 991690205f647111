"""What a trial may know of those before it: all that has ended, or in a window that is fixed."""

from __future__ import annotations

from clr_sweep.definition.sweep import Sweep

# A trial of a deterministic sweep is sampled, pruned and begun by what the trials up to the one so
# many before it have found, even if later ones have ended too. It is at once the largest number
# of trials that can run together, so it must not depend on how many do.
WINDOW = 8


def known_until(sweep: Sweep, number: int) -> int:
    """A trial of this number may know how those with numbers below the returned one have ended."""
    return max(0, number - WINDOW + 1) if sweep.study.deterministic else number
