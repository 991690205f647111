"""Imported last by the server that jobs are forked from, when it has imported what they need.

Garbage collection writes into every object it looks at, and each write copies a page that the
forks would otherwise share; frozen objects are not looked at.

A trial's own processes (the workers of a data loader) may outlive it. The server takes them away
as it takes trials away: the driver, to whom they would go, does not know them, and they would
stay as zombies until it ends.
"""

import gc
import warnings

import clr_sweep.engines.local.job  # noqa: F401
from clr_sweep.engines.local.processes import adopt_orphans

adopt_orphans()
warnings.filterwarnings("ignore", "forkserver: waitpid returned unexpected pid")

gc.freeze()
gc.enable()
