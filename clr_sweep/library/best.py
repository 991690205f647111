"""A file that `clr-sweep export` wrote, to train from in a program of the user's own."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from clr_sweep.library.configuration import Configuration
from clr_sweep.library.given import given_file
from clr_sweep.results import words
from clr_sweep.results.export import Exported, folders_of, read_exported

if TYPE_CHECKING:
    import keras

logger = logging.getLogger("clr_sweep")


class BestConfiguration(Configuration):
    """What the file says.

    Attributes:
        metrics: what the training reached, by name; empty in a file written by hand.
        provenance: the study, the trial, the seed, the packages and the machine that it is of.
    """

    def __init__(self, exported: Exported, file: Path) -> None:
        folders = folders_of(exported, file)
        super().__init__(exported.config, folders, has_own_optimizer=exported.own_optimizer)
        self.metrics: Mapping[str, float] = exported.metrics
        self.provenance: Mapping[str, Any] = exported.provenance
        self._exported, self._file = exported, file

    def model(
        self,
        input_shape: tuple[int, ...] | dict[str, tuple[int, ...]] | None = None,
        classes: int | dict[str, int] | None = None,
    ) -> keras.Model:
        """The same, held against what the file says of the model that was trained.

        One that is another now is returned all the same, with a warning of that.

        Args, Raises: as of `Configuration.model`.
        """
        from clr_sweep.training.model_identity import model_identity

        model = super().model(input_shape, classes)
        if not model.built:  # it has its variables only when it has seen data: nothing can be told
            return model
        if another := self._exported.another_model(model_identity(model), self._file):
            is_given = input_shape is not None or classes is not None
            given = ", with what it was given here" if is_given else ""
            logger.warning("warning: %s%s", another, given)
        return model

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._file}: {words.bounds_of(self.config.schedule)}>"


def load_best(file: str | os.PathLike[str]) -> BestConfiguration:
    """Read the configuration that `clr-sweep export` wrote, or the `best.yaml` of a study.

    What it names (`module:function`) is imported only by what needs it, and is then run as any
    code is: do not call `.model()` on a file of somebody you do not trust.

    Raises:
        InputError: the file cannot be read, or something in it is wrong; every problem at once.
    """
    path = given_file("file", file, "a file that `export` wrote")
    return BestConfiguration(read_exported(path), path)
