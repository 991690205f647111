"""The gamma of the two exp_ranges: whether it fits the steps of a trial."""

from __future__ import annotations

import math

from clr_sweep.definition.dimensions import bounds
from clr_sweep.definition.factors import shown_factors
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_plan import plan_trial
from clr_sweep.schedules.policies import DECAYING

# Where the decay of a gamma that fits has arrived at a trial's end.
_ENDS_AT = 1 / 3
# A decay of less than this over a whole trial: no rate is further from triangular's.
_HARDLY = 0.05


def fitting_gamma(steps: int) -> float:
    """The gamma whose powers end near a third after so many steps; 1 - gamma has two digits."""
    decay = -math.expm1(math.log(_ENDS_AT) / steps)
    digits = 1 - math.floor(math.log10(decay))
    return round(1 - decay, digits)


def gamma_warnings(sweep: Sweep, per_epoch: int) -> list[str]:
    """What speaks against the gamma of a space, if anything: a decay that a trial does not show.

    Judged is the smallest gamma over the longest trial: where that hardly decays, none does. The
    rates then differ from those of triangular by less than the decay, as part of them.

    Args:
        per_epoch: steps of an epoch.
    """
    space = sweep.search_space
    decaying = [policy for policy in space.cyclical_policies if policy in DECAYING]
    if not decaying:
        return []
    at, epochs = sweep.objective.at, sweep.training.epochs
    steps = max(plan_trial(f, per_epoch, epochs, at).steps for f in shown_factors(sweep))
    gamma = bounds(space.gamma)[0]
    decay = -math.expm1(steps * math.log(gamma))
    if decay >= _HARDLY:
        return []
    verb = "is" if len(decaying) == 1 else "are"
    return [
        f"warning: {' and '.join(decaying)} with gamma {gamma:g} {verb} all but "
        f"triangular: {gamma:g}^{steps} is {1 - decay:.3g} at the end of the longest trial; "
        f"search_space.gamma {fitting_gamma(steps):g} would end at a third"
    ]
