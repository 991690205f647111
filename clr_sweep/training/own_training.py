"""The job of a trial that a function of the user's own trains: seeds set, called, its end recorded.

An interrupted one starts over: what the function has in hand nobody else can save. It is made as
repeatable as what it calls: all generators have the trial's seed, and TensorFlow's operations are
deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import keras
import tensorflow as tf

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import ClrSweepError, InputError, TrialFailedError
from clr_sweep.definition.metrics import base, unjudged
from clr_sweep.definition.mlflow_names import name_problem
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.training.argument_defaults import argument_defaults
from clr_sweep.training.data.materialized import Dataset
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.model_identity import model_identity
from clr_sweep.training.own_trial import OwnTrial, TrialOverError
from clr_sweep.training.own_trial_callback import LEAVE_RATE_SETTERS_OUT
from clr_sweep.training.own_values import numbers_by_name
from clr_sweep.training.own_weights import are_others
from clr_sweep.training.reports import EpochReport, TrialResult
from clr_sweep.training.requests import Inspection, TrialJob


def train_by_function(
    job: TrialJob, data: Dataset | None, folder: TrialFolder, report: Callable[[Any], Any]
) -> TrialResult:
    """Let `training.function` train a trial; a trial that has ended is not trained again.

    Args:
        data: the sweep's data set; None where the data are the function's own.
        report: told an `Inspection` where the job asks for one, and the end of each epoch.

    Raises:
        InputError: the function is not there, or returns what is neither None nor a Keras model;
            or what evaluates the baseline does not give the objective's metric.
        TrialFailedError: it raised an exception, or returned before its last epoch; or, of the
            baseline, what `evaluate_by_function` raises.
    """
    folder.remove_leftovers()
    ended = folder.result()
    if ended is not None and folder.config() == job.config:
        return ended
    folder.clear()
    folder.start(job.config)

    def on_report(epoch: EpochReport) -> bool:
        if job.inspect and epoch.epoch == 1:
            report(Inspection(None, epoch.cpu_seconds / epoch.step, 0.0, 0.0))
        folder.append(epoch)
        return trial.divergence is not None or bool(report(epoch))

    trial = OwnTrial(job.config, data, folder, job.search_path, on_report)
    name = job.config.training.function
    assert name is not None
    model = _called(name, job, trial)
    if not (model is None or isinstance(model, keras.Model)):
        raise InputError(
            f"training.function: {name} must return None or the trained keras.Model, got a "
            f"{type(model).__name__}"
        )
    if not trial.is_over and len(trial.reports) < trial.epochs:
        raise TrialFailedError(_too_short(name, trial))
    result = replace(_result(trial, model), defaults=argument_defaults(job.config, job.search_path))
    if model is not None and result.state != "diverged":
        folder.save_model(model)
    is_evaluated = job.config.training.evaluate is not None and result.state == "complete"
    if job.kind == "baseline" and is_evaluated:
        # A mistake in it would show after the whole search else. Its values are nobody's to see.
        given = _evaluated(job, data, folder)
        if text := unjudged(job.config.training.evaluate, job.config.objective.metric, given):
            raise InputError(f"training.evaluate: {text}")
    folder.save_result(result)
    return result


def evaluate_by_function(
    job: TrialJob, data: Dataset | None, folder: TrialFolder
) -> dict[str, float]:
    """Let `training.evaluate` evaluate a trained trial on a test set; the metrics, with `test_`.

    Those that are finite are kept.

    Raises:
        InputError: the function is not there, or returns no numbers by name.
        TrialFailedError: it raised an exception.
    """
    values = _evaluated(job, data, folder)
    folder.save_test(values)
    return values


def _evaluated(job: TrialJob, data: Dataset | None, folder: TrialFolder) -> dict[str, float]:
    trained_by, name = job.config.training.function, job.config.training.evaluate
    assert trained_by is not None
    assert name is not None
    # In a process of its own too, Keras knows what the module of the training registers.
    import_function(trained_by, job.search_path)
    found = _called(name, job, OwnTrial(job.config, data, folder, job.search_path))
    place = f"training.evaluate: what {name} returns"
    values = numbers_by_name(found, place, "{'accuracy': 0.9}", _tested_problem)
    return {f"test_{key}": value for key, value in values.items()}


def _tested_problem(name: str) -> str | None:
    if name.startswith(("test_", "val_")):
        return f"{name} gets test_ in front of it: name it {base(name)}"
    return name_problem(name, "a metric")


def _called(name: str, job: TrialJob, trial: OwnTrial) -> Any:
    """What a function of the user's returns; None where the trial was over before it could."""
    keras.utils.set_random_seed(trial.seed)
    tf.config.experimental.enable_op_determinism()
    trial.folder.mkdir(exist_ok=True)
    function, _ = import_function(name, job.search_path)
    arguments = job.config.model.arguments if name == job.config.training.function else {}

    def to_its_end() -> Any:
        try:
            return function(trial, **arguments)
        except TrialOverError:
            return None
        except ClrSweepError as error:  # of ours, which says what is wrong by itself
            return error
        except TypeError as error:
            if "`LearningRateSchedule`" not in str(error) or "not settable" not in str(error):
                raise
            return TrialFailedError(_rate_is_set(name))

    found = called(name, to_its_end)
    if isinstance(found, ClrSweepError):
        raise found
    return found


def _too_short(name: str, trial: OwnTrial) -> str:
    done = f"{len(trial.reports)} of {plural(trial.epochs, 'epoch')}"
    if trial.is_cut_short:
        return (
            f"training.function: something in {name} set stop_training, which ended its fit after "
            f"{done}, before the trial's schedule: leave EarlyStopping and the like out, and let "
            "study.pruner end trials"
        )
    return (
        f"training.function: {name} returned after {done}: report each, with trial.callback() or "
        "trial.report(epoch, metrics), and train for trial.epochs"
    )


def _rate_is_set(name: str) -> str:
    """In place of Keras' words, whose way around, a rate without a schedule, is the wrong one."""
    return (
        f"training.function: something in {name} set the optimizer's rate, which the trial's "
        f"schedule gives: {LEAVE_RATE_SETTERS_OUT}"
    )


def _has_other_weights(trial: OwnTrial, model: keras.Model | None) -> bool:
    if model is None or trial.reported_weights is None:
        return False
    return are_others(trial.reported_weights, model)


def _result(trial: OwnTrial, model: keras.Model | None) -> TrialResult:
    last, at = trial.reports[-1], trial.divergence
    state, reason, value = "complete", None, last.metrics.get(trial.config.objective.metric)
    if at is not None:
        state, value = "diverged", None
        reason = (
            f"a loss or the objective is no longer finite at the end of epoch {at.epoch} (step "
            f"{at.step}), learning rate {at.learning_rate:.4g}"
        )
    elif trial.is_pruned:
        state, value = "pruned", None
        reason = f"pruned after epoch {last.epoch} of {trial.epochs}"
    return TrialResult(
        state=state,  # type: ignore[arg-type]
        reason=reason,
        value=value,
        metrics=dict(last.metrics),
        epochs=last.epoch,
        steps=last.step,
        cpu_seconds=sum(report.cpu_seconds for report in trial.reports),
        wall_seconds=sum(report.wall_seconds for report in trial.reports),
        divergence=at,
        skipped_steps=trial.skipped_steps,
        has_own_optimizer=trial.has_own_optimizer,
        has_other_weights=_has_other_weights(trial, model),
        # One that was never called itself, but what it is made of was, cannot be counted.
        model=model_identity(model) if model is not None and model.built else None,
    )
