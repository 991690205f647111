"""Smith's range test in one call: between which rates to search, and the picture that shows it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from clr_sweep.common.errors import InputError
from clr_sweep.common.when_imported import if_imported
from clr_sweep.library.picture import Picture
from clr_sweep.library.process import in_process, say, training
from clr_sweep.lr_range_test.figure import range_figure
from clr_sweep.lr_range_test.report import Shown, ranges_yaml, summary
from clr_sweep.lr_range_test.suggestion import RangeTestError as RangeTestError
from clr_sweep.lr_range_test.suggestion import Suggestion, suggest

if TYPE_CHECKING:
    import keras

    from clr_sweep.library.sweep import Sweep


class RangeTest(Picture):
    """What a range test has shown; a cell of a notebook that ends with it shows its picture.

    Attributes:
        record: all that is known of it, the curves too (`record.curves()`).
        folder: the study's, with the picture and the numbers as files; None where a model in hand
            was tested.
    """

    def __init__(self, record: Shown, folder: Path | None = None) -> None:
        super().__init__(range_figure(record))
        self.record = record
        self.folder = folder

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

    @property
    def _found(self) -> Suggestion:
        assert self.record.suggestion is not None
        return self.record.suggestion

    def __repr__(self) -> str:
        return self.summary


@overload
def range_test(
    sweep: Sweep | str | os.PathLike[str],
    /,
    *,
    low: float | None = None,
    high: float | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    ramp: str | None = None,
    rule: str | None = None,
    min_seeds: int | None = None,
    quiet: bool = False,
) -> RangeTest: ...


@overload
def range_test(
    model: keras.Model,
    /,
    x: Any,
    y: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    validation_data: Any = None,
    batch_size: int | None = None,
    metric: str | None = None,
    seed: int | None = None,
    low: float | None = None,
    high: float | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    ramp: str | None = None,
    rule: str | None = None,
    min_seeds: int | None = None,
    quiet: bool = False,
) -> RangeTest: ...


def range_test(
    given: Sweep | str | os.PathLike[str] | keras.Model,
    /,
    x: Any = None,
    y: Any = None,
    *,
    sample_weight: Any = None,
    class_weight: Mapping[int, float] | None = None,
    validation_data: Any = None,
    batch_size: int | None = None,
    metric: str | None = None,
    seed: int | None = None,
    low: float | None = None,
    high: float | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    ramp: str | None = None,
    rule: str | None = None,
    min_seeds: int | None = None,
    quiet: bool = False,
) -> RangeTest:
    """Smith's learning-rate range test: of a sweep, or of a compiled model and data in hand.

    Of a sweep it does what `clr-sweep range-test` does: it trains from `low` to `high` once for
    each seed, in processes of their own; no study is made. The seeds that an earlier call has
    trained, of the same test, are not trained again.

    A model in hand is trained here, in this process, on the backend that Keras has, and is put
    back to the bit: weights, optimizer, metrics and random numbers are as before, after an error or
    Ctrl-C too. Each seed starts from the same weights, with the data in another order.

    Args:
        given: a sweep made in Python, or a sweep file; or a compiled `keras.Model`.
        x, y, sample_weight, class_weight, batch_size: of a model in hand, as `fit` takes them, 32
            examples a batch if it is None; `x` may be a `tf.data.Dataset` or a
            `keras.utils.PyDataset`, alone.
        validation_data: of a model in hand, as `fit` takes it: what the metric is measured on,
            2,000 examples of it at most. None: a tenth of the arrays, which is not trained on; of
            a data set the first examples, which are.
        metric: of a model in hand: what the rule `smith` looks at. None: its accuracy if it
            measures one, else its loss; of several outputs the loss of them all.
        seed: of a model in hand: of the order of the data, 0 if it is None; of each further seed
            one more.
        low, high: the rates of the first and of the last step.
        epochs: over which the rate rises. Of a model in hand None is 3, or as many as 100 steps for
            each decade of rates take.
        seeds: trainings, each with a seed of its own; of a model in hand 1, if it is None.
        ramp, rule, min_seeds: as in `range_test` of the sweep file, whose values all of these
            stand in place of.
        quiet: nothing is said of what goes on.

    Raises:
        InputError: anything wrong with the sweep, or with what was given; every problem at once.
        RangeTestError: the curves show no bounds; of a model in hand its `picture` shows them.
        TrialFailedError: a model in hand, or its loader, raised an exception, which is the cause
            of this one (as a `ClrSweepError`).
        InterruptedSweepError: after Ctrl-C or SIGTERM; on a sweep the same call goes on.
    """
    options = {
        "low": low, "high": high, "epochs": epochs, "seeds": seeds, "ramp": ramp, "rule": rule,
        "min_seeds": min_seeds,
    }  # fmt: skip
    settings = {key: value for key, value in options.items() if value is not None}
    fitted = {
        "x": x, "y": y, "sample_weight": sample_weight, "class_weight": class_weight,
        "validation_data": validation_data, "batch_size": batch_size, "metric": metric,
        "seed": seed,
    }  # fmt: skip
    fitted = {key: value for key, value in fitted.items() if value is not None}
    keras = if_imported("keras")
    if keras is not None and isinstance(given, keras.Model):
        return _of_model(given, fitted, settings, quiet)
    if fitted:
        raise InputError(
            "given: the first argument must be a compiled keras.Model beside "
            f"{', '.join(fitted)}, got {_kind(given)}: give the model, or leave out what is not "
            "for a sweep"
        )
    return _of_sweep(given, settings, quiet)


def _of_sweep(
    given: Sweep | str | os.PathLike[str], settings: Mapping[str, Any], quiet: bool
) -> RangeTest:
    with training("range_test", quiet) as stop:
        from clr_sweep.commands.range_test import measured
        from clr_sweep.library.sweep import Sweep
        from clr_sweep.training.keras_backend import train_with_tensorflow

        if not isinstance(given, Sweep | str | os.PathLike):
            raise InputError(
                "given: must be a Sweep, a sweep file or a compiled keras.Model, got "
                f"{_kind(given)}"
            )
        made = Sweep.asked(given, {f"range_test.{key}": one for key, one in settings.items()})
        train_with_tensorflow(say)
        source = made.source
        return RangeTest(*measured(made.definition, source.folders, str(source.file), stop))


def _of_model(
    model: keras.Model, fitted: Mapping[str, Any], settings: Mapping[str, Any], quiet: bool
) -> RangeTest:
    with in_process("range_test", quiet) as stop:
        from clr_sweep.lr_range_test.asked_in_hand import Asked
        from clr_sweep.lr_range_test.in_hand import tested

        record = tested(model, Asked(settings, **fitted), stop, say)
        test = record.test
        try:
            found = suggest(
                record.found, test.rule, record.metric, record.sign, needed=test.needed,
                of_sweep=False,
            )  # fmt: skip
        except RangeTestError as error:
            error.picture = Picture(range_figure(record, error.warnings or (str(error),)))
            error.picture.show()
            raise
        shown = RangeTest(replace(record, suggestion=found))
        if stop:  # while it was drawn
            raise stop.error()
    return shown


def _kind(given: object) -> str:
    return f"a {type(given).__name__}"
