"""Imported by the server that trials are forked from: it imports what a trial needs, once.

Garbage collection writes into every object it looks at, and each write copies a page that the
forks would otherwise share; frozen objects are not looked at.
"""

import gc

from clr_sweep.training.quiet import quiet_standard_error

with quiet_standard_error():
    import clr_sweep.training.jobs  # noqa: F401

gc.collect()
gc.freeze()
