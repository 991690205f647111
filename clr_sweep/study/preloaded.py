"""Imported by the server that jobs are forked from: what a trial needs, once for all of them.

While Keras is imported, which makes objects that stay, garbage collection would look at them again
and again, a sixth of the time. `engines.local.last_import`, imported after this, freezes them and
lets it go on.
"""

import contextlib
import gc

from clr_sweep.training.quiet import quiet_standard_error

gc.disable()
# Where Keras refuses its own settings, the first job says so: it imports the same, and can.
with contextlib.suppress(ValueError):
    with quiet_standard_error():
        import clr_sweep.training.jobs

    import clr_sweep.results.figures
    import clr_sweep.study.trial_job  # noqa: F401
