"""Imported by the server that trials are forked from: it imports what a trial needs, once.

Garbage collection writes into every object it looks at, and each write copies a page that the
forks would otherwise share; frozen objects are not looked at. While Keras is imported, which
makes objects that stay, it would look at them again and again, a sixth of the time.

A trial's own processes (the workers of a data loader) may outlive it. The server takes them away
as it takes trials away: the driver, to whom they would go, does not know them, and they would
stay as zombies until it ends.
"""

import gc
import warnings

import clr_sweep.engines.job
from clr_sweep.engines.processes import adopt_orphans
from clr_sweep.training.quiet import quiet_standard_error

gc.disable()
with quiet_standard_error():
    import clr_sweep.training.jobs  # noqa: F401

adopt_orphans()
warnings.filterwarnings("ignore", "forkserver: waitpid returned unexpected pid")

gc.freeze()
gc.enable()
