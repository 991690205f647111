"""clr-sweep in Python: what the command line does, as functions and objects of a user's program.

Each public name is imported from its own module by `clr_sweep` itself, when it is first used.
"""
