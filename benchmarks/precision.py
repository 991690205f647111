"""Whether mixed bfloat16 changes the ranking of trials: `python -m benchmarks.precision`.

Trials of the shipped space, sampled at random, are each trained three times, by the project's own
jobs: in float32, in mixed bfloat16 from the same seed, and in float32 from another seed. A ranking
can be no stabler than that between two seeds, so the agreement of bfloat16 with float32 is shown
beside it: Kendall's tau and Spearman's rho, with percentile bootstrap intervals over the trials.
Trials lie in a folder as those of a sweep do; the same command goes on where it was interrupted.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
from scipy import stats

from clr_sweep.common.cores import usable_cores
from clr_sweep.common.stopping import StopRequest, stop_request
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.engines.base import Done, Message
from clr_sweep.engines.local.engine import LocalEngine, local_engine
from clr_sweep.results import style
from clr_sweep.search.configurations import suggest
from clr_sweep.study.preparation import prepare_data
from clr_sweep.training.reports import TrialResult
from clr_sweep.training.requests import RUN_TRIAL, PreparedData, TrialJob

SWEEP = Path(__file__).parent.parent / "sweeps" / "fashion_mnist.yaml"
FLOAT32, BFLOAT16, OTHER_SEED = "float32", "mixed_bfloat16", "float32, another seed"
EXAMPLES, RESAMPLES = 60_000, 2000
Values = npt.NDArray[np.float64]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trials", type=int, default=12)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--images", type=int, default=54_000, help="to train on; the rest validate")
    parser.add_argument("--folder", type=Path, default=Path("benchmark_precision"))
    parser.add_argument("--figure", type=Path)
    arguments = parser.parse_args()
    sweep = definition(arguments.epochs, arguments.images)
    with local_engine(usable_cores()) as engine, stop_request() as stop:
        facts = prepare_data(engine, sweep.dataset, (), arguments.folder, stop)
        jobs = {
            (number, kind): config
            for number, config in enumerate(sampled(sweep, arguments.trials))
            for kind, config in variations(config)
        }
        results = dict(trained(engine, jobs, facts, arguments.folder, stop))
    values = {
        kind: np.array([_value(results[number, kind]) for number in range(arguments.trials)])
        for kind in (FLOAT32, BFLOAT16, OTHER_SEED)
    }
    seconds = {
        kind: sum(results[number, kind].cpu_seconds for number in range(arguments.trials))
        for kind in values
    }
    print("\n".join(summary(values, seconds)))
    if arguments.figure:
        draw(values, arguments.figure)


def definition(epochs: int, images: int) -> Sweep:
    """The shipped sweep, each trial scored at the end of the same budget."""
    made = load_sweep(SWEEP).model_dump(mode="json")
    made["training"]["epochs"] = epochs
    made["objective"]["at"] = "final"
    made["dataset"]["validation"] = EXAMPLES - images
    return Sweep.model_validate(made)


def sampled(sweep: Sweep, count: int) -> Iterator[TrialConfig]:
    """Random trials of the space, the same at each call."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=sweep.study.seed))
    for number in range(count):
        yield suggest(study.ask(), sweep, number, EXAMPLES)


def variations(config: TrialConfig) -> Iterator[tuple[str, TrialConfig]]:
    """The trial in float32, in bfloat16, and from another seed."""
    mixed = config.training.model_copy(update={"precision": BFLOAT16})
    yield FLOAT32, config
    yield BFLOAT16, config.model_copy(update={"training": mixed})
    yield OTHER_SEED, config.model_copy(update={"seed": config.seed ^ 1})


def trained(
    engine: LocalEngine,
    jobs: dict[tuple[int, str], TrialConfig],
    facts: PreparedData,
    folder: Path,
    stop: StopRequest,
) -> Iterator[tuple[tuple[int, str], TrialResult]]:
    """Train what the folder does not hold yet, as many at once as there are cores.

    Raises:
        RuntimeError: a trial failed.
    """
    waiting, left = list(jobs), len(jobs)
    while left:
        while waiting and engine.has_room:
            key = waiting.pop(0)
            path = folder / f"{key[0]:03d}-{key[1].replace(', ', '-').replace(' ', '-')}"
            path.mkdir(parents=True, exist_ok=True)
            job = TrialJob(jobs[key], facts.stored, path, ())
            engine.start(key, RUN_TRIAL, job, path / "log.txt")
        if stop:
            engine.stop_all()
            raise stop.error()
        for event in engine.wait(0.5):
            if isinstance(event, Message):
                engine.answer(event.key, True)
                continue
            if not isinstance(event, Done):
                raise RuntimeError(f"trial {event.key}: {event}")
            left -= 1
            number, kind = key = event.key  # type: ignore[misc, assignment]
            print(f"trial {number}, {kind}: {event.value.state} {event.value.value}", flush=True)
            yield key, event.value


def _value(result: TrialResult) -> float:
    """A trial that diverged is the worst."""
    return 0.0 if result.value is None else result.value


def summary(values: dict[str, Values], seconds: dict[str, float]) -> Iterator[str]:
    """What was found, in Markdown."""
    reference = values[FLOAT32]
    yield "| against float32 | Kendall's tau (95 %) | Spearman's rho (95 %) | mean difference |"
    yield "|---|---|---|---|"
    for kind in (BFLOAT16, OTHER_SEED):
        cells = [
            "{:.2f} ({:.2f} to {:.2f})".format(*with_interval(function, reference, values[kind]))
            for function in (kendall, spearman)
        ]
        points = 100 * (values[kind] - reference)
        yield f"| {kind} | {' | '.join(cells)} | {points.mean():+.2f} points |"
    yield ""
    for kind, found in values.items():
        best = int(found.argmax())
        yield (
            f"best in {kind}: trial {best} with {found[best]:.4f} (in float32: rank "
            f"{1 + int((reference > reference[best]).sum())} with {reference[best]:.4f}); "
            f"{seconds[kind]:.0f} CPU s"
        )
    yield f"CPU seconds, mixed_bfloat16 / float32: {seconds[BFLOAT16] / seconds[FLOAT32]:.2f}"


def kendall(one: Values, other: Values) -> float:
    """Kendall's tau-b; not a number where all are equal."""
    return float(stats.kendalltau(one, other).statistic)


def spearman(one: Values, other: Values) -> float:
    """Spearman's rho; not a number where all are equal."""
    if len(set(one)) == 1 or len(set(other)) == 1:
        return float("nan")
    return float(stats.spearmanr(one, other).statistic)


def with_interval(function: Any, one: Values, other: Values) -> tuple[float, float, float]:
    """A measure of agreement, and its percentile interval over resampled trials."""
    random = np.random.default_rng(0)
    found = [
        function(one[rows], other[rows])
        for rows in random.integers(0, len(one), (RESAMPLES, len(one)))
    ]
    low, high = np.nanpercentile(found, (2.5, 97.5))
    return function(one, other), float(low), float(high)


def draw(values: dict[str, Values], file: Path) -> None:
    """Draw each trial's value against float32's into a PNG file."""
    reference = 100 * values[FLOAT32]
    figure = style.figure(
        "What mixed bfloat16 changes in the ranking of trials, beside what another seed does",
        "Validation accuracy of each trial, %, against its training in float32; dashed: no change",
        height=4.6,
    )
    together = 100 * np.concatenate(list(values.values()))
    ends = [together.min(), together.max()]
    panels = figure.subplots(1, 2, sharey=True, sharex=True)
    for axes, kind in zip(panels, (BFLOAT16, OTHER_SEED), strict=True):
        found = 100 * values[kind]
        axes.plot(ends, ends, color=style.FAINT, linestyle="--", linewidth=1.0)
        axes.scatter(reference, found, s=38, color=style.BLUE, edgecolors="white", zorder=3)
        tau, low, high = with_interval(kendall, reference, found)
        axes.set_title(
            f"{kind}: tau {tau:.2f} ({low:.2f} to {high:.2f})",
            fontsize=style.BODY, color=style.INK, loc="left",
        )  # fmt: skip
        style.dress(axes, x="float32", grid="both")
    panels[0].set_ylabel("the other training", fontsize=style.BODY, color=style.INK)
    figure.savefig(file)


if __name__ == "__main__":
    main()
