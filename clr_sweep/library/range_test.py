"""Smith's range test in one call: between which rates to search, and the picture that shows it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from clr_sweep.commands.range_test import measured
from clr_sweep.library.picture import Picture
from clr_sweep.library.process import say, training
from clr_sweep.library.sweep import Sweep
from clr_sweep.lr_range_test.figure import range_figure
from clr_sweep.lr_range_test.report import ranges_yaml, summary
from clr_sweep.training.keras_backend import train_with_tensorflow
from clr_sweep.training.records import RangeTestRecord


class RangeTest(Picture):
    """What a range test has shown; a cell of a notebook that ends with it shows its picture.

    Attributes:
        record: all that is stored of it, the curves too (`record.curves()`).
        folder: the study's, with the picture and the numbers as files.
    """

    def __init__(self, record: RangeTestRecord, folder: Path) -> None:
        super().__init__(range_figure(record))
        self.record = record
        self.folder = folder
        assert record.suggestion is not None
        self._found = record.suggestion

    @property
    def base(self) -> float:
        """The lowest rate that the rule suggests."""
        return self._found.base

    @property
    def max(self) -> float:
        """The highest rate that the rule suggests."""
        return self._found.max

    @property
    def search_space(self) -> dict[str, Any]:
        """`init_lr` and `max_lr` as a search space has them, ranges around what was suggested."""
        pairs = {"init_lr": self._found.init_lr, "max_lr": self._found.max_lr}
        return {
            name: {"low": low, "high": high, "log": True} for name, (low, high) in pairs.items()
        }

    @property
    def text(self) -> str:
        """The same as lines of a sweep file, ready to paste."""
        return ranges_yaml(self.record)

    @property
    def summary(self) -> str:
        """The pair, its spread over the seeds, and what speaks against it."""
        return summary(self.record)

    def __repr__(self) -> str:
        return self.summary


def range_test(
    sweep: Sweep | str | os.PathLike[str],
    *,
    low: float | None = None,
    high: float | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    ramp: str | None = None,
    rule: str | None = None,
    min_seeds: int | None = None,
    quiet: bool = False,
) -> RangeTest:
    """Run the learning-rate range test of a sweep, as `clr-sweep range-test`.

    It trains from `low` to `high` once for each seed, in processes of their own; no study is made.
    The seeds that an earlier call has trained, of the same test, are not trained again.

    Args:
        sweep: made in Python, or a sweep file.
        low, high: the rates of the first and of the last step.
        epochs: over which the rate rises.
        seeds: trainings, each with a seed of its own.
        ramp, rule, min_seeds: as in `range_test` of the sweep file, whose values all of these
            stand in place of.
        quiet: nothing is said of what goes on.

    Raises:
        InputError: anything wrong with the sweep; every problem at once.
        RangeTestError: the curves show no bounds.
        InterruptedSweepError: after Ctrl-C or SIGTERM; the same call goes on.
    """
    options = {
        "low": low, "high": high, "epochs": epochs, "seeds": seeds, "ramp": ramp, "rule": rule,
        "min_seeds": min_seeds,
    }  # fmt: skip
    with training("range_test", quiet) as stop:
        made = Sweep.asked(sweep, {f"range_test.{key}": value for key, value in options.items()})
        train_with_tensorflow(say)
        source = made.source
        return RangeTest(*measured(made.definition, source.folders, str(source.file), stop))
