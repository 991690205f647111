"""Range tests that are complete, as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from small_trials import small_config

from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import suggest
from clr_sweep.training.records import RangeTestRecord


def complete_test(folder: Path, curves: Sequence[Curve], **fields: Any) -> RangeTestRecord:
    """A test of these curves by Smith's rule; their files lie in the folder."""
    files = [folder / f"seed_{number}.npz" for number in range(len(curves))]
    for file, curve in zip(files, curves, strict=True):
        np.savez(file, identity="test", **curve.arrays())
    given = {
        "study": "example",
        "config": small_config("constant"),
        "test": RangeTestConfig(seeds=len(curves)),
        **fields,
    }
    found = suggest(curves, "smith", "val_accuracy", +1)
    return RangeTestRecord(
        state="complete", reason=None, files=tuple(files), suggestion=found, **given
    )
