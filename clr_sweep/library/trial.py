"""A trial of a stored study, or its baseline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from clr_sweep.common.errors import StoreError
from clr_sweep.definition.own_functions import import_function, importable
from clr_sweep.library.configuration import Configuration
from clr_sweep.results import words
from clr_sweep.search.lost_files import SHOWN, refuse_lost
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import State
from clr_sweep.training.unloadable import plain_load_errors

if TYPE_CHECKING:
    import keras
    import pandas as pd

    from clr_sweep.library.picture import Picture


class Trial(Configuration):
    """A trial as it is stored: how it ended, and its schedule, optimizer and model made anew.

    Attributes:
        record: all that is stored of it.
    """

    def __init__(self, record: TrialRecord, search_path: tuple[Path, ...]) -> None:
        own = record.has_own_optimizer
        super().__init__(record.config, search_path, has_own_optimizer=own)
        self.record = record

    @property
    def number(self) -> int | None:
        """Its number in the study; None of the baseline."""
        return self.record.number

    @property
    def state(self) -> State:
        """complete, pruned, diverged, failed, interrupted or running."""
        return self.record.state

    @property
    def value(self) -> float | None:
        """The objective; None unless it is complete."""
        return self.record.value

    @property
    def params(self) -> Mapping[str, object]:
        """What was sampled, by the names in the search space; the rates are in `config.schedule`.

        An `init_lr` that is a ratio to `max_lr` is `init_lr_ratio` here.
        """
        return self.record.params

    @property
    def metrics(self) -> dict[str, float]:
        """What it reached, by name; with `test_` where it was evaluated on the test set."""
        return {**self.record.metrics, **self.record.test_metrics}

    @property
    def folder(self) -> Path:
        """Where its files lie."""
        return self.record.folder

    def epochs_table(self) -> pd.DataFrame:
        """A row for each epoch: the steps taken by its end, the metrics, and seconds of CPU.

        Raises:
            StoreError: what the trial left is gone; of `steps_table` and `figures` too.
        """
        from clr_sweep.library.tables import epochs_table

        return epochs_table(self.record)

    def steps_table(self) -> pd.DataFrame:
        """A row for each step, once it has ended: its rate, and the loss of its batch before it."""
        from clr_sweep.library.tables import steps_table

        return steps_table(self.record)

    def figures(self) -> dict[str, Picture]:
        """Its pictures by name: `loss`, and what its steps show once it has ended."""
        from clr_sweep.library.picture import Picture
        from clr_sweep.study.trial_job import drawn
        from clr_sweep.tracking.trial_contents import figures

        refuse_lost(self.record, *SHOWN)
        return {
            name.removesuffix(".png"): Picture(drawn(name, self.record))
            for name in figures(self.record)
        }

    def trained_model(self) -> keras.Model:
        """The model that it trained, compiled, with its optimizer as it was at the end.

        Raises:
            StoreError: there is none: it has not ended, it failed, or its file is gone; or Keras
                cannot load it, and the cure.
            InputError, TrialFailedError: the module with the model's own classes is not there, or
                raises an exception.
        """
        file = TrialFolder(self.record.folder).model_file
        if not file.exists():
            refuse_lost(self.record, file.name)
            raise StoreError(
                f"{file}: there is no such model: complete, pruned and diverged trials have one "
                f"(this one is {self.state})"
            )
        import keras

        name, training = self.config.model.name, self.config.training
        if ":" in name:  # Keras knows the classes of a module once it is imported
            import_function(name, self._search_path)
        is_functions = training.function is not None
        readable = plain_load_errors(file, is_functions=is_functions)
        with importable(self._search_path), readable:
            model = keras.models.load_model(file, compile=is_functions)
        if is_functions:
            return model
        # Losses and metrics are those that the sweep names, which need not be registered.
        from clr_sweep.training.compiling import compile_as_configured

        compile_as_configured(model, self.config, self._search_path)
        model.optimizer.build(model.trainable_variables)
        model.load_weights(file)
        return model

    def __repr__(self) -> str:
        record, objective = self.record, self.config.objective.metric
        reached = "" if record.value is None else f", {objective} {words.value(record.value)}"
        head = f"{type(self).__name__} {record.key}: {record.state}{reached}"
        return f"<{head}, {words.bounds(record)}>"
