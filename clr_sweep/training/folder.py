"""A trial's own folder: everything it leaves behind, each file complete or not there.

config.json     the TrialConfig
identity.json   what its model is, see `model_identity`
epochs.jsonl    an EpochReport a line
checkpoint.npz  what an interrupted trial goes on from; gone when it has ended
curve.npz       learning_rate and batch_loss of every optimizer step, float32; momentum, if cycled
model.keras     the trained model
inference.keras the same without its optimizer, as MLflow gets it
example.npy     an example of the training data, as it is put into that model; .npz of several
signature.json  what goes into that model and what comes out of it
figures/        what MLflow shows of the trial
own/            files of `training.function`, where that trained it
result.json     the TrialResult, written last
test.json       loss and metrics on the test set, where the trial was finally compared
log.txt         what the trial's process printed
lock            held by the process that writes here
"""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.common import file_locks
from clr_sweep.common.errors import FolderHeldError, StoreError
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training import saved_model
from clr_sweep.training.data.named import Array, Part, flat, nested
from clr_sweep.training.durable import append_text, part_files, replaced, write_text
from clr_sweep.training.reports import Divergence, EpochReport, StepPoint, TrialResult
from clr_sweep.training.requests import ModelIdentity

# A process that is being killed needs a while to be gone, with gigabytes of memory to give back.
LOCK_SECONDS = 60.0
_KEPT = ("log.txt", "lock")


class _Below:
    """A file or folder of this name in a trial's folder."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, folder: TrialFolder, _owner: type) -> Path:
        return folder.path / self._name


@dataclass(frozen=True)
class TrialFolder:
    """Reads and writes the files of one trial under `path`.

    What is written is on the disk when a method returns. Every method that writes raises
    DiskFullError, which names the file, where the disk has no space left.
    """

    path: Path

    model_file = _Below("model.keras")
    inference_file = _Below("inference.keras")
    identity_file = _Below("identity.json")
    _example_file = _Below("example.npy")
    _named_example_file = _Below("example.npz")
    figures = _Below("figures")
    own_files = _Below("own")
    curve_file = _Below("curve.npz")
    checkpoint_file = _Below("checkpoint.npz")
    log_file = _Below("log.txt")
    test_file = _Below("test.json")

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Keeps other processes out of the folder; where there is no flock, it does nothing.

        Raises:
            FolderHeldError: another process has held the folder for a minute.
            StoreError: its file system gives no lock.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        if not file_locks.AVAILABLE:
            yield
            return
        with (self.path / "lock").open("a") as lock:
            deadline = time.monotonic() + LOCK_SECONDS
            while not self._locked(lock):
                if time.monotonic() > deadline:
                    raise FolderHeldError(
                        f"{self.path}: another process has been writing into this trial's folder "
                        f"for {LOCK_SECONDS:.0f} seconds; end it and start the same command again"
                    )
                time.sleep(0.05)
            yield

    def clear(self) -> None:
        """Remove what an earlier attempt left, all but its log."""
        self.path.mkdir(parents=True, exist_ok=True)
        for file in self._of_an_attempt():
            _remove(file)

    def is_fresh(self) -> bool:
        """Whether no attempt has written here."""
        return not self._of_an_attempt()

    def leftovers(self) -> list[Path]:
        """Part files that a killed process left; one that is alive may still be writing them."""
        return part_files(self.path)

    def remove_leftovers(self) -> None:
        """Remove the part files of a process that is gone."""
        for file in self.leftovers():
            _remove(file)

    def remove_checkpoint(self) -> None:
        """Remove what a trial that has ended will not go on from."""
        self.checkpoint_file.unlink(missing_ok=True)

    def start(self, config: TrialConfig) -> None:
        """Begin at the first epoch."""
        self.path.mkdir(parents=True, exist_ok=True)
        self._write("config.json", config.model_dump_json(indent=1))
        self._write("epochs.jsonl", "")

    def append(self, report: EpochReport) -> None:
        append_text(self.path / "epochs.jsonl", json.dumps(asdict(report)) + "\n")

    def keep_reports(self, count: int) -> None:
        """Take away every epoch after the first `count`, and a line cut short."""
        lines = self._epochs().splitlines(keepends=True)
        if len(lines) > count:
            self._write("epochs.jsonl", b"".join(lines[:count]).decode())

    def save_curve(self, rates: Any, losses: Any, momenta: Any = ()) -> None:
        """Write what every step used and found; `momenta` is empty where it is not cycled."""
        arrays = {"learning_rate": rates, "batch_loss": losses}
        if len(momenta):
            arrays["momentum"] = momenta
        with replaced(self.curve_file) as part, part.open("wb") as opened:
            np.savez_compressed(opened, **arrays)

    def save_model(self, model: Any) -> None:
        with replaced(self.model_file) as part:
            saved_model.save(model, part)

    def save_inference(
        self, model: Any, signature: Mapping[str, Any], examples: Part | None = None
    ) -> None:
        """Write a model without its optimizer, examples, and last what goes in and comes out.

        Args:
            model: None where its file is there.
        """
        if model is not None:
            with replaced(self.inference_file) as part:
                model.save(part)
        if isinstance(examples, Mapping):
            with replaced(self._named_example_file) as part, part.open("wb") as file:
                arrays: dict[str, Any] = flat({"x": examples})  # a name may be `file`
                np.savez(file, **arrays)
        elif examples is not None:
            with replaced(self._example_file) as part, part.open("wb") as file:
                np.save(file, examples, allow_pickle=False)
        self._write("signature.json", json.dumps(dict(signature), indent=1))

    def save_figure(self, name: str, write: Callable[[Path], object]) -> None:
        """Write the figure `name`, a PNG, by `write(path)`."""
        self.figures.mkdir(exist_ok=True)
        with replaced(self.figures / name) as part:
            write(part)

    def save_result(self, result: TrialResult) -> None:
        self._write("result.json", json.dumps(asdict(result), indent=1))

    def save_test(self, values: Mapping[str, float]) -> None:
        """Keep what is finite of the values on the test set: MLflow and JSON know nothing else."""
        finite = {name: value for name, value in values.items() if math.isfinite(value)}
        self._write(self.test_file.name, json.dumps(finite))

    def config(self) -> TrialConfig:
        text = (self.path / "config.json").read_text(encoding="utf-8")
        return TrialConfig.model_validate_json(text)

    def reports(self) -> tuple[EpochReport, ...]:
        """The epochs reported so far; a last line that a crash cut short is left out.

        Raises:
            StoreError: another line is no report.
        """
        lines = self._epochs().split(b"\n")
        # After a crash of the machine a line may have its length, its end too, but not its text.
        last = len(lines) if lines[-1] else len(lines) - 1
        reports = []
        for number, line in enumerate(lines[:-1], 1):
            try:
                reports.append(_report(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                if number == last:
                    break
                raise StoreError(
                    f"{self.path / 'epochs.jsonl'}, line {number}: not the report of an epoch "
                    f"({error}); without this file the trial starts over"
                ) from error
        return tuple(reports)

    def result(self) -> TrialResult | None:
        file = self.path / "result.json"
        if not file.exists():
            return None
        content = json.loads(file.read_text(encoding="utf-8"))
        where, model = content.pop("divergence"), content.pop("model", None)
        return TrialResult(
            **content,
            divergence=Divergence(**where) if where else None,
            model=ModelIdentity(**model) if model else None,
        )

    def curve(self) -> tuple[Any, Any] | None:
        """Rate and loss of every step, or None where the trial has not ended.

        Raises:
            StoreError: the file is damaged.
        """
        arrays = self._curve()
        return None if arrays is None else (arrays["learning_rate"], arrays["batch_loss"])

    def momenta(self) -> Any | None:
        """Momentum of every step, or None where the trial has not ended or did not cycle it.

        Raises:
            StoreError: the file is damaged.
        """
        return (self._curve() or {}).get("momentum")

    def _locked(self, lock: Any) -> bool:
        try:
            return file_locks.lock(lock)
        except OSError as error:
            raise file_locks.problem("locked", self.path / "lock", error) from None

    def _curve(self) -> dict[str, Any] | None:
        if not self.curve_file.exists():
            return None
        try:
            with np.load(self.curve_file) as stored:
                names = dict.fromkeys(("learning_rate", "batch_loss", *stored.files))
                return {name: stored[name] for name in names}
        except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
            raise StoreError(
                f"{self.curve_file} cannot be read ({error}): put it back or remove it"
            ) from None

    def signature(self) -> dict[str, Any] | None:
        """What `save_inference` wrote; None where it has not written all."""
        file = self.path / "signature.json"
        if not file.exists() or not self.inference_file.exists():
            return None
        signature: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        return signature

    def examples(self) -> Part | None:
        """The examples that `save_inference` was given, if any."""
        if self._named_example_file.exists():
            with np.load(self._named_example_file, allow_pickle=False) as arrays:
                return nested(dict(arrays))["x"]
        file = self._example_file
        found: Array | None = np.load(file, allow_pickle=False) if file.exists() else None
        return found

    def test_metrics(self) -> dict[str, float]:
        """Those on the test set; none where it was not tested.

        Raises:
            StoreError: its file cannot be read.
        """
        if not self.test_file.exists():
            return {}
        try:
            found = json.loads(self.test_file.read_text(encoding="utf-8"))
            return {str(name): float(value) for name, value in found.items()}
        except (OSError, ValueError, AttributeError, TypeError) as error:
            raise StoreError(
                f"{self.test_file} cannot be read ({error}): put it back, or remove it and start "
                "the same command again, which tests the model again"
            ) from error

    def _epochs(self) -> bytes:
        file = self.path / "epochs.jsonl"
        return file.read_bytes() if file.exists() else b""

    def _of_an_attempt(self) -> list[Path]:
        if not self.path.exists():
            return []
        return [file for file in self.path.iterdir() if file.name not in _KEPT]

    def _write(self, name: str, text: str) -> None:
        write_text(self.path / name, text)


def _report(line: bytes) -> EpochReport:
    content = json.loads(line)
    points = tuple(StepPoint(**point) for point in content.pop("points"))
    return EpochReport(**content, points=points)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
