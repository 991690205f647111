"""Imported last by the engine's server: what is imported by then is shared by all forks.

Garbage collection writes into every object it looks at, and each write copies a page; frozen
objects are not looked at.
"""

import gc

gc.collect()
gc.freeze()
