"""One trial: build the model, train it with its schedule, report each epoch, leave a folder.

A trial that its process's death interrupted, at whatever moment, goes on from its last checkpoint
and ends with the same numbers, to the bit. Within an epoch the order is: train, evaluate, append
the report, write the checkpoint, tell the caller. So a checkpoint's epoch has its report, and what
the caller was told is never trained again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from keras import ops

from clr_sweep.common.errors import StoreError, TrialFailedError
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.training.argument_defaults import argument_defaults
from clr_sweep.training.checkpoint import Checkpoint, Progress, UnusableCheckpointError
from clr_sweep.training.compiling import check_objective
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.data.splits import epoch_order
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.inspection import inspection, seconds, stretches
from clr_sweep.training.loss_scaling import skipped_steps
from clr_sweep.training.model_identity import keep_identity, kept_identity
from clr_sweep.training.reports import Divergence, EpochReport, NotFinite, TrialResult
from clr_sweep.training.requests import Inspection
from clr_sweep.training.set_up import set_up
from clr_sweep.training.state import training_state
from clr_sweep.training.step_curve import deviation, shown_steps, step_points
from clr_sweep.training.troughs import stalled, trough_epochs


def train(
    config: TrialConfig,
    data: Dataset,
    folder: TrialFolder,
    search_path: Sequence[Path] = (),
    on_epoch: Callable[[EpochReport], bool] = lambda _: True,
    on_inspection: Callable[[Inspection], object] | None = None,
) -> TrialResult:
    """Train exactly what `config` says, from where an interrupted attempt in `folder` came to.

    The same configuration and data give the same metrics to the bit on the same machine, however
    often the training was interrupted. A trial that has ended is not trained again. One whose
    model keeps what cannot be saved (see `TrainingState`) starts over when it was interrupted; so
    does one of another model, even if it has ended.

    Args:
        folder: where the per-step curve, the epochs, the model and the result are written. No
            other process may write there: see `TrialFolder.held`.
        on_epoch: called at the end of every epoch; False prunes the trial. After an interruption
            it is called again for the last finished epoch, which it may not have heard of.
        on_inspection: called once, after the first steps: what the trial costs here.

    Raises:
        DiskFullError: the disk has no space left; the same call goes on later.
    """
    folder.remove_leftovers()
    trial = _Trial(config, data, folder, search_path, on_inspection)
    ended = folder.result()
    if ended is not None and folder.config() == config and not trial.of_another_model():
        folder.remove_checkpoint()
        return ended
    result = trial.run(on_epoch)
    trial.save(result)
    return result


@dataclass
class _Trial:
    config: TrialConfig
    data: Dataset
    folder: TrialFolder
    search_path: Sequence[Path]
    on_inspection: Callable[[Inspection], object] | None = None
    reports: list[EpochReport] = field(default_factory=list)
    rates: list[Any] = field(default_factory=list)
    losses: list[Any] = field(default_factory=list)
    momenta: list[Any] = field(default_factory=list)
    divergence: Divergence | None = None

    def __post_init__(self) -> None:
        config, began = self.config, seconds()
        self.ready = ready = set_up(config, self.data, self.search_path)
        self.loop = ready.loop
        # Known before the first epoch is trained, not after it.
        check_objective(config, ready.loop.metrics)
        state = training_state(ready.loop)
        self.unsaveable = state.unsaveable
        self.checkpoint = Checkpoint(self.folder.checkpoint_file, config, self.data.digest, state)
        self.epochs = math.ceil(config.steps / ready.steps_per_epoch)
        size = config.schedule.step_size
        self.troughs = trough_epochs(size, config.steps, ready.steps_per_epoch)
        self.shown = shown_steps(config)
        self.best_weights: list[Any] | None = None
        self.best: EpochReport | None = None
        self.fixed_seconds = seconds() - began

    def run(self, on_epoch: Callable[[EpochReport], bool]) -> TrialResult:
        pruned = False
        if self._goes_on():
            pruned = not on_epoch(self.reports[-1]) and not self._is_at_its_end()
        else:
            self.folder.clear()
            self.folder.start(self.config)
            keep_identity(self.folder, self.ready.identity)
        while not pruned and not self._is_at_its_end():
            report = self._epoch(len(self.reports) + 1)
            self.reports.append(report)
            self.folder.append(report)
            self._keep_best(report)
            if self.divergence:
                break
            self._save_checkpoint(report.epoch)
            pruned = not on_epoch(report) and not self._is_at_its_end()
        return self._result(pruned)

    def of_another_model(self) -> bool:
        """Whether what an earlier attempt left is not of the model that the code makes now."""
        return kept_identity(self.folder) not in (None, self.ready.identity)

    def _is_at_its_end(self) -> bool:
        return len(self.reports) == self.epochs or self._stops_early()

    def _stops_early(self) -> bool:
        """Whether the troughs so far end the trial before its budget; from the reports alone."""
        rule, done = self.config.training.early_stopping, len(self.reports)
        if rule is None or done not in self.troughs or done == self.epochs:
            return False
        metric, sign = self.config.objective.metric, self.config.objective.sign
        at_troughs = [self.reports[epoch - 1] for epoch in self.troughs if epoch <= done]
        values = [sign * report.metrics.get(metric, -sign * math.inf) for report in at_troughs]
        return stalled(values, rule.patience, rule.min_delta)

    def _goes_on(self) -> bool:
        """Take up what an earlier attempt left; False where the trial starts at its first step."""
        if self.unsaveable:
            print(
                f"no checkpoints: the model's training holds {', '.join(self.unsaveable)}, whose "
                f"state cannot be saved; an interrupted trial starts over"
            )
        if self.folder.is_fresh():
            return False
        try:
            if self.unsaveable:
                raise UnusableCheckpointError("its model has no checkpoints")
            if self.of_another_model():  # whose variables may fit
                raise UnusableCheckpointError("it was of another model")
            reports = self.folder.reports()
            progress = self.checkpoint.restore(len(reports))
            self.folder.keep_reports(progress.epoch)
        except (UnusableCheckpointError, StoreError) as error:
            print(f"an earlier attempt is not gone on with, starting over: {error}", flush=True)
            return False
        self.reports = list(reports[: progress.epoch])
        self.rates, self.losses = [progress.rates], [progress.losses]
        self.momenta = [progress.momenta]
        if progress.best_epoch is not None:
            self.best = self.reports[progress.best_epoch - 1]
            self.best_weights = list(progress.best_weights)
        print(f"going on after epoch {progress.epoch} of an earlier attempt", flush=True)
        return True

    def _save_checkpoint(self, epoch: int) -> None:
        if self.unsaveable:
            return
        for parts in (self.rates, self.losses, self.momenta):
            parts[:] = [np.concatenate(parts)]
        self.checkpoint.save(
            Progress(
                epoch,
                self.rates[0],
                self.losses[0],
                None if self.best is None else self.best.epoch,
                self.best_weights or (),
                self.momenta[0],
            )
        )

    def _epoch(self, epoch: int) -> EpochReport:
        cpu, wall = time.process_time(), time.perf_counter()
        start = (epoch - 1) * self.ready.steps_per_epoch
        steps = min(self.ready.steps_per_epoch, self.config.steps - start)
        order = epoch_order(self.ready.train_rows, self.config.seed, epoch)
        first_new = len(self.rates)
        for first, last in stretches(steps, self.on_inspection is not None):
            began = seconds()
            rates, losses = self.loop.train(order, first, last)
            self._inspected(last, (seconds() - began) / (last - first))
            self.rates.append(rates)
            self.losses.append(losses)
            self.momenta.append(self.loop.momenta[: len(rates)])
            if not np.isfinite(losses[-1]):
                self._diverged(start + first + len(losses) - 1, epoch, float(rates[-1]))
                break
        metrics = self.loop.take_metrics()
        checked = self.loop.evaluate(self.ready.validation_rows)
        metrics |= {f"val_{name}": value for name, value in checked.items()}
        done = start + sum(len(part) for part in self.rates[first_new:])
        if self.divergence is None and (what := self._not_finite(metrics)) is not None:
            self._diverged(done - 1, epoch, float(self.rates[-1][-1]), what)
        return EpochReport(
            epoch=epoch,
            step=done,
            metrics={name: value for name, value in metrics.items() if math.isfinite(value)},
            cpu_seconds=time.process_time() - cpu,
            wall_seconds=time.perf_counter() - wall,
            points=step_points(
                self.shown,
                self.config.schedule.step_size,
                start,
                np.concatenate(self.rates[first_new:]),
                np.concatenate(self.losses[first_new:]),
            ),
        )

    def _inspected(self, last: int, seconds_per_step: float) -> None:
        """Tell once what a trial costs; after its first step alone, nothing is known."""
        if self.on_inspection is None or last == 1:
            return
        size = self.config.training.batch_size
        found = inspection(self.ready.identity, size, self.fixed_seconds, seconds_per_step)
        self.on_inspection(found)
        self.on_inspection = None

    def _not_finite(self, metrics: Mapping[str, float]) -> NotFinite | None:
        if not math.isfinite(metrics.get("val_loss", 0.0)):
            return "loss"
        # Fused kernels of some processors take relu(NaN) for 0: then no loss shows it.
        finite = [ops.all(ops.isfinite(one)) for one in self.ready.model.trainable_weights]
        return None if all(map(bool, finite)) else "weights"

    def _diverged(self, step: int, epoch: int, rate: float, what: NotFinite = "loss") -> None:
        phase = self.config.schedule.phase(step)
        self.divergence = Divergence(
            step=step, epoch=epoch, learning_rate=rate, phase=phase, what=what
        )

    def _keep_best(self, report: EpochReport) -> None:
        """Keep the weights of the best trough; without cycles every epoch is comparable."""
        objective = self.config.objective
        value = report.metrics.get(objective.metric)
        if objective.at != "best" or value is None:
            return
        if self.config.schedule.step_size and report.epoch not in self.troughs:
            return
        before = None if self.best is None else self.best.metrics[objective.metric]
        if before is None or objective.sign * value > objective.sign * before:
            self.best, self.best_weights = report, self.loop.final_weights()

    def _result(self, pruned: bool) -> TrialResult:
        last = self.reports[-1]
        scored = self.best or last
        state, reason = "complete", None
        value = scored.metrics.get(self.config.objective.metric)
        if self.divergence:
            at = self.divergence
            state, value = "diverged", None
            reason = (
                f"the {at.what} {'is' if at.what == 'loss' else 'are'} no longer finite at step "
                f"{at.step} (epoch {at.epoch}), "
                f"learning rate {at.learning_rate:.4g}"
            )
            if self.config.schedule.is_cyclical:
                reason += f", {at.phase:.0%} of the cycle"
        elif pruned:
            state, value = "pruned", None
            reason = f"pruned after epoch {last.epoch} of {self.epochs}"
        elif value is None:
            raise TrialFailedError(
                f"{self.config.objective.metric}, the objective, is no finite number at the end of "
                f"epoch {scored.epoch}, though the loss is: a metric must give a number for any "
                "labels and outputs"
            )
        elif self._stops_early():
            reason = self._why_early()
        return TrialResult(
            state=state,  # type: ignore[arg-type]
            reason=reason,
            value=value,
            metrics=dict((scored if state == "complete" else last).metrics),
            epochs=last.epoch,
            steps=last.step,
            cpu_seconds=sum(report.cpu_seconds for report in self.reports),
            wall_seconds=sum(report.wall_seconds for report in self.reports),
            divergence=self.divergence,
            learning_rate_deviation=deviation(self.config.schedule, np.concatenate(self.rates)),
            skipped_steps=skipped_steps(self.ready.model.optimizer, last.step),
            model=self.ready.identity,
            defaults=argument_defaults(self.config, self.search_path),
        )

    def _why_early(self) -> str:
        rule, metric = self.config.training.early_stopping, self.config.objective.metric
        assert rule is not None
        last = "trough" if rule.patience == 1 else f"{rule.patience} troughs"
        by = f" by more than {rule.min_delta:g}" if rule.min_delta else ""
        return (
            f"stopped early after epoch {len(self.reports)}: {metric} has not improved{by} at the "
            f"last {last}"
        )

    def save(self, result: TrialResult) -> None:
        """Write the curve, the model and, last, the result: with it the trial has ended."""
        if self.best_weights is not None and result.state == "complete":
            self.ready.model.set_weights(self.best_weights)
        else:
            self.loop.finish()
        self.folder.save_curve(
            np.concatenate(self.rates), np.concatenate(self.losses), np.concatenate(self.momenta)
        )
        self.folder.save_model(self.ready.model)
        self.folder.save_result(result)
        self.folder.remove_checkpoint()
