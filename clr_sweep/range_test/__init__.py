"""Smith's learning-rate range test: its settings, what is recorded, and what follows from it.

What reads bounds off the curves (`curve`, `divergence`, `smoothing`, `rules`, `suggestion`) is
NumPy alone: it trains, samples and tracks nothing.
"""

from __future__ import annotations

import importlib
import sys
import types
from typing import Any


class _Package(types.ModuleType):
    """This package, called as the function that the library names like it.

    `clr_sweep.range_test` is both: Python binds the package to that name as soon as anything in it
    is imported, so whoever calls it is handed on.
    """

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        return importlib.import_module("clr_sweep.library.range_test").range_test(
            *arguments, **options
        )


sys.modules[__name__].__class__ = _Package
