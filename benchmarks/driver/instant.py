"""Trials that take no time: what they leave is written at once, as their processes write it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Hashable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.engines.base import Device, Done, Event, Message
from clr_sweep.schedules import policies
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.requests import TrialJob
from clr_sweep.training.step_curve import shown_steps, step_points


class InstantEngine:
    """An `Engine` whose jobs have done all their epochs when they are started.

    Args:
        slots: jobs at once.
        files: of one trial, by name, copied into the folder of each: figures and a model, as a
            training leaves them.
    """

    def __init__(self, slots: int, files: Path | None = None) -> None:
        self.slots = slots
        self.devices: tuple[Device, ...] = ()
        self.place = ""
        self._files = files
        self._epochs: dict[Hashable, list[EpochReport]] = {}
        self._results: dict[Hashable, TrialResult] = {}
        self._due: list[Event] = []

    @property
    def running(self) -> tuple[Hashable, ...]:
        return tuple(self._results)

    @property
    def has_room(self) -> bool:
        return len(self._results) < self.slots

    def capacity(self) -> int:
        return self.slots

    def use(self, slots: int, devices: Sequence[Device]) -> None:
        self.slots, self.devices = slots, tuple(devices)

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:  # noqa: ARG002
        assert isinstance(payload, TrialJob)
        reports = made_up_reports(payload.config)
        self._results[key] = self._left_behind(payload, reports)
        self._epochs[key] = reports
        self._next(key)

    def answer(self, key: Hashable, value: Any) -> None:
        if not value:
            self._epochs[key].clear()
        self._next(key)

    def wait(self, timeout: float) -> list[Event]:  # noqa: ARG002
        due, self._due = self._due, []
        for event in due:
            if isinstance(event, Done):
                del self._results[event.key]
        return due

    def stop(self, key: Hashable) -> None:
        del self._results[key]

    def stop_all(self) -> tuple[Hashable, ...]:
        stopped = self.running
        self._results.clear()
        return stopped

    def _next(self, key: Hashable) -> None:
        if self._epochs[key]:
            self._due.append(Message(key, self._epochs[key].pop(0)))
        else:
            self._due.append(Done(key, self._results[key]))

    def _left_behind(self, job: TrialJob, reports: list[EpochReport]) -> TrialResult:
        folder = TrialFolder(job.folder)
        if self._files is not None:
            shutil.copytree(self._files, folder.path, dirs_exist_ok=True)
        folder.start(job.config)
        # In one piece: that each line reaches the disk is the trial's cost, not the driver's.
        lines = (json.dumps(asdict(report)) + "\n" for report in reports)
        (folder.path / "epochs.jsonl").write_text("".join(lines), encoding="utf-8")
        result = result_of(job.config, reports)
        folder.save_result(result)
        return result


def result_of(config: TrialConfig, reports: Sequence[EpochReport]) -> TrialResult:
    """What a training that has come to the last of these epochs gives."""
    last = reports[-1]
    return TrialResult(
        state="complete",
        reason=None,
        value=last.metrics[config.objective.metric],
        metrics=last.metrics,
        epochs=last.epoch,
        steps=last.step,
        cpu_seconds=1.0,
        wall_seconds=1.0,
        learning_rate_deviation=0.0,
    )


def made_up_reports(config: TrialConfig) -> list[EpochReport]:
    """Epochs of made-up values, which grow towards an end that depends on the rates."""
    schedule, epochs = config.schedule, config.training.epochs
    per_epoch = config.steps // epochs
    rates = policies.learning_rate(
        np.arange(config.steps),
        policy=schedule.policy,
        init_lr=schedule.init_lr,
        max_lr=schedule.max_lr,
        step_size=schedule.step_size,
        gamma=schedule.gamma,
    ).astype(np.float32)
    end = 0.7 + 0.2 * np.exp(-((np.log10(schedule.max_lr) + 0.5) ** 2))
    shown = shown_steps(config)
    reports = []
    for epoch in range(1, epochs + 1):
        start, stop = (epoch - 1) * per_epoch, epoch * per_epoch
        value = float(end * (1 - 0.5**epoch))
        metrics = {"loss": 1 - value, "accuracy": value, "val_loss": 1.1 - value}
        points = step_points(
            shown,
            schedule.step_size,
            start,
            rates[start:stop],
            np.full(per_epoch, 1 - value, np.float32),
        )
        reports.append(
            EpochReport(epoch, stop, {**metrics, "val_accuracy": value}, 0.1, 0.1, points)
        )
    return reports
