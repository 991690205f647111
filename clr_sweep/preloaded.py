"""Imported by the server that jobs are forked from: what a trial needs, once for all of them."""

from clr_sweep.training.quiet import quiet_standard_error

with quiet_standard_error():
    import clr_sweep.training.jobs

import clr_sweep.trial_job  # noqa: F401
