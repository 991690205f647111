"""The step-size factors of a search space, and whether trials of them end comparably."""

from __future__ import annotations

from clr_sweep.definition.dimensions import Range, bounds
from clr_sweep.definition.search_space import in_whole_numbers
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_plan import plan_trial

# Of more factors than this, so many are shown, evenly spread; of real numbers fewer.
FACTORS_SHOWN = 16
REAL_FACTORS_SHOWN = 7


def cycle_warnings(sweep: Sweep) -> list[str]:
    """What is wrong with comparing trials of this space at their ends, if anything.

    A factor that finishes no cycle is no warning but an error: `space_checks.cycle_problem`.
    """
    at, epochs = sweep.objective.at, sweep.training.epochs
    if at != "final" or not sweep.search_space.cyclical_policies:
        return []
    factors = shown_factors(sweep)
    # The answer does not hang on the steps of an epoch; many make the rounding small.
    if all(plan_trial(factor, 1000, epochs, at).at_trough for factor in factors):
        return []
    space = sweep.search_space
    if len(factors) == len(space.cyclical_policies + space.acyclic_policies) == 1:
        return []  # no trough, but the same place for all
    return [
        "warning: with objective.at: final trials end wherever their cycle stands then, not at a "
        "trough, and are not comparable; cycle_end would end them at their last trough"
    ]


def shown_factors(sweep: Sweep) -> list[float]:
    """The step-size factors of the space, or as many as are shown, evenly spread."""
    dimension = sweep.search_space.step_size_factor
    if not isinstance(dimension, Range):
        values = dimension if isinstance(dimension, tuple) else (dimension,)
        return sorted(float(value) for value in values)  # type: ignore[arg-type]
    low, high = bounds(dimension)
    whole = in_whole_numbers("step_size_factor", dimension)
    step = float(dimension.step or (1 if whole else (high - low) / (REAL_FACTORS_SHOWN - 1)))
    count = round((high - low) / step)
    shown = min(count, FACTORS_SHOWN - 1)
    return [low + step * round(i * count / shown) for i in range(shown + 1)]
