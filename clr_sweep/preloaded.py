"""Imported by the server that jobs are forked from: what a trial needs, once for all of them.

While Keras is imported, which makes objects that stay, garbage collection would look at them again
and again, a sixth of the time. `engines.server`, imported after this, freezes them and lets it go
on.
"""

import gc

from clr_sweep.training.quiet import quiet_standard_error

gc.disable()
with quiet_standard_error():
    import clr_sweep.training.jobs

import clr_sweep.results.figures  # noqa: E402
import clr_sweep.trial_job  # noqa: E402, F401
