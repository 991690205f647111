"""A trial's own folder: everything it leaves behind, each file complete or not there.

config.json    the TrialConfig
epochs.jsonl   an EpochReport a line
curve.npz      learning_rate and batch_loss of every optimizer step, float32
model.keras    the trained model
result.json    the TrialResult, written last
test.json      loss and accuracy on the test set, where the trial was finally compared
log.txt        what the trial's process printed
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.config import TrialConfig
from clr_sweep.records import Divergence, EpochReport, StepPoint, TrialResult


@dataclass(frozen=True)
class TrialFolder:
    """Reads and writes the files of one trial under `path`."""

    path: Path

    @property
    def model_file(self) -> Path:
        return self.path / "model.keras"

    @property
    def curve_file(self) -> Path:
        return self.path / "curve.npz"

    @property
    def log_file(self) -> Path:
        return self.path / "log.txt"

    def clear(self) -> None:
        """Remove what an earlier, interrupted attempt left."""
        if self.path.exists():
            shutil.rmtree(self.path)
        self.path.mkdir(parents=True)

    def start(self, config: TrialConfig) -> None:
        self.path.mkdir(parents=True, exist_ok=True)
        self._write("config.json", config.model_dump_json(indent=1))
        self._write("epochs.jsonl", "")

    def append(self, report: EpochReport) -> None:
        with (self.path / "epochs.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(report)) + "\n")

    def save_curve(self, rates: Any, losses: Any) -> None:
        part = self.path / "curve.part.npz"
        np.savez_compressed(part, learning_rate=rates, batch_loss=losses)
        os.replace(part, self.curve_file)

    def save_model(self, model: Any) -> None:
        part = self.path / "part.keras"
        model.save(part)
        os.replace(part, self.model_file)

    def save_result(self, result: TrialResult) -> None:
        self._write("result.json", json.dumps(asdict(result), indent=1))

    def save_test(self, metrics: Mapping[str, float]) -> None:
        self._write("test.json", json.dumps(dict(metrics)))

    def config(self) -> TrialConfig:
        text = (self.path / "config.json").read_text(encoding="utf-8")
        return TrialConfig.model_validate_json(text)

    def reports(self) -> tuple[EpochReport, ...]:
        """The epochs reported so far; a line cut short by a crash is left out."""
        file = self.path / "epochs.jsonl"
        if not file.exists():
            return ()
        reports = []
        for line in file.read_text(encoding="utf-8").split("\n")[:-1]:
            content = json.loads(line)
            points = tuple(StepPoint(**point) for point in content.pop("points"))
            reports.append(EpochReport(**content, points=points))
        return tuple(reports)

    def result(self) -> TrialResult | None:
        file = self.path / "result.json"
        if not file.exists():
            return None
        content = json.loads(file.read_text(encoding="utf-8"))
        where = content.pop("divergence")
        return TrialResult(**content, divergence=Divergence(**where) if where else None)

    def curve(self) -> tuple[Any, Any] | None:
        """Rate and loss of every step, or None where the trial has not ended."""
        if not self.curve_file.exists():
            return None
        with np.load(self.curve_file) as arrays:
            return arrays["learning_rate"], arrays["batch_loss"]

    def test_metrics(self) -> dict[str, float]:
        file = self.path / "test.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}

    def _write(self, name: str, text: str) -> None:
        part = self.path / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, self.path / name)
