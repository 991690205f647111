"""What the run of a trial holds in MLflow: it is written by this, and checked by it."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from typing import NamedTuple

from clr_sweep.definition.optimizers import OptimizerConfig
from clr_sweep.training.folder import TrialFolder
from clr_sweep.training.records import TrialRecord
from clr_sweep.training.reports import EpochReport

# These tell how long something took: an attempt that had to be repeated took another time.
TIMES = ("cpu_seconds", "trial_cpu_seconds", "trial_wall_seconds")
# What shows that a trial went as planned, and tells no trial from another: under MLflow's own
# prefix for such, the UI gives it a tab of its own, apart from the charts that are compared.
CYCLE = "system/cycle"
DEVIATION = "system/learning_rate_deviation"
# What a study's model may not be called in MLflow.
_NOT_IN_NAMES = str.maketrans(dict.fromkeys("/:.%\"'", "-"))


class Point(NamedTuple):
    """A value of a metric at a step."""

    key: str
    value: float
    step: int


def run_name(record: TrialRecord) -> str:
    """Of a training by `clr-sweep train`: another than that of the trial which it trains again."""
    if record.seed_run is not None:
        return record.label
    again = record.kind == "train"
    if record.number is None:
        return "train" if again else "baseline"
    return f"{'train' if again else 'trial'}-{record.number:03d}"


def model_name(study: str, record: TrialRecord) -> str:
    """The name of a trial's logged model, by which it is told from all others of a store."""
    return f"{study}-{run_name(record)}".translate(_NOT_IN_NAMES)


def parameters(record: TrialRecord, *, with_gamma: bool = True) -> dict[str, object]:
    """The parameters of a trial's run.

    Every child of a study has every parameter, as the same type: parallel coordinates drop a run
    that lacks one. What a function of the user's own chooses is none. Without cycles the sizes are
    0 and gamma is 1. The rates are there by their logarithms too: they are sampled so, and the UI's
    axes are linear.

    Args:
        with_gamma: whether any trial of the study may have one.
    """
    config, schedule, training = record.config, record.config.schedule, record.config.training
    gamma = {"gamma": schedule.gamma} if with_gamma else {}
    own: dict[str, object] = {
        "init_lr": schedule.init_lr,
        "max_lr": schedule.max_lr,
        "log10_init_lr": math.log10(_lowest_rate(record)),
        "log10_max_lr": math.log10(schedule.max_lr),
        "step_size_factor": schedule.step_size_factor,
        "step_size": schedule.step_size,
        "policy": schedule.policy,
        **gamma,
        "seed": config.seed,
        "steps": config.steps,
        "batch_size": training.batch_size,
        "epochs": training.epochs,
        **({"optimizer": training.optimizer.name} if training.names_optimizer else {}),
        **({} if training.function else {"precision": training.precision}),
        "model": config.model.name,
        "dataset": config.dataset.name,
        **_purpose(record),
    }
    of_model = {f"model.{key}": value for key, value in config.model.arguments.items()}
    return own | of_optimizer(training.optimizer, own) | of_model


def of_optimizer(optimizer: OptimizerConfig, own: Container[str]) -> dict[str, object]:
    """The arguments of an optimizer as parameters beside those of ours, which keep their names.

    An optimizer of the user's own may have an argument `steps`: it is `optimizer.steps` there.
    """
    return {
        f"optimizer.{key}" if key in own else key: value
        for key, value in optimizer.arguments.items()
    }


def _purpose(record: TrialRecord) -> dict[str, object]:
    """What a training of a comparison is for."""
    run = record.seed_run
    if run is None:
        return {}
    return {"stage": run.stage, "entry": run.entry, "seed_number": run.seed + 1}


def _lowest_rate(record: TrialRecord) -> float:
    """Above 0, where some policies end: there it is the rate of the last step."""
    schedule = record.config.schedule
    return schedule.init_lr or float(schedule.learning_rate(record.config.steps - 1))


def epoch_points(report: EpochReport, first: str = "") -> list[Point]:
    """An epoch's metrics (counted from 1, so that the UI draws lines) and thinned steps.

    Args:
        first: the metric to log first; of those that all compared runs have, the UI's parallel
            coordinates show the one that was logged first.
    """
    values = {**report.metrics, "cpu_seconds": report.cpu_seconds}
    names = sorted(values, key=lambda key: key != first)
    points = [Point(name, values[name], report.epoch) for name in names]
    for point in report.points:
        points.append(Point("learning_rate", point.learning_rate, point.step))
        if point.batch_loss is not None:
            points.append(Point("batch_loss", point.batch_loss, point.step))
        if point.cycle is not None:
            points.append(Point(CYCLE, point.cycle, point.step))
    return points


def is_whole(record: TrialRecord) -> bool:
    """Whether a trial's folder still has what its run is made from."""
    if not record.folder.is_dir():
        return False
    if record.state not in ("complete", "pruned", "diverged"):
        return True
    result = TrialFolder(record.folder).result()
    return result is not None and result.epochs == len(record.reports)


def summary(record: TrialRecord) -> dict[str, float]:
    """The metrics of a trial that has ended as a whole, those of the test set apart."""
    if not record.has_ended:
        return {}
    found = {
        "trial_cpu_seconds": record.cpu_seconds,
        "trial_wall_seconds": record.wall_seconds,
        DEVIATION: record.learning_rate_deviation,
    }
    return {name: value for name, value in found.items() if value is not None}


def points(record: TrialRecord) -> Iterator[Point]:
    """Every value that the run of a trial in this state holds, those of the test set last."""
    yield from trained_points(record)
    for name, value in record.test_metrics.items():
        yield Point(name, value, 0)


def trained_points(record: TrialRecord) -> Iterator[Point]:
    """Every value of a trial's training."""
    for report in record.reports:
        yield from epoch_points(report, record.config.objective.metric)
    for name, value in summary(record).items():
        yield Point(name, value, 0)


def figures(record: TrialRecord) -> list[str]:
    """The figures of a trial in this state: of its single steps, and of its epochs."""
    names = []
    if TrialFolder(record.folder).curve_file.exists():
        names.append("learning_rate.png")
        if record.config.schedule.step_size > 0:
            names.append("loss_by_rate.png")
    return [*names, *(["loss.png"] if record.reports else [])]


def artifacts(record: TrialRecord) -> list[str]:
    """The files that the run of a trial in this state holds, the model apart."""
    if not record.has_ended:
        return []
    folder = TrialFolder(record.folder)
    names = ["config.yaml"]
    if folder.curve_file.exists():
        names.append("curves/curve.npz")
    names += [f"figures/{name}" for name in figures(record)]
    if record.state == "failed" and folder.log_file.exists():
        names.append("log.txt")
    return names


def has_model(record: TrialRecord) -> bool:
    """Whether the run of a trial in this state holds its model."""
    kept = record.state in ("complete", "pruned")
    return kept and TrialFolder(record.folder).model_file.exists()
