"""What grows how with the slots of a cluster, drawn: `python -m benchmarks.scaling.figure`.

That draws `docs/images/scaling.png` again, from what is kept in `benchmarks/recorded/scaling.json`.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullFormatter

from benchmarks.driver.study import ASK, END, EPOCH_VALUES, PRUNE, READ, SWEEP_RUN, TRIAL_RUNS
from benchmarks.scaling.kept import FILES, KEPT, SERVERS, Line, by_slots, read
from clr_sweep.results import style

IMAGE = Path(__file__).parents[2] / "docs" / "images" / "scaling.png"
_NAMES = {SERVERS: "servers", FILES: "SQLite"}
_COLOURS = {SERVERS: style.BLUE, FILES: style.ORANGE}
# From the bottom up: the driver's, the servers', the engine's.
_SHARES = {
    "driver: Optuna": "#0072B2",
    "driver: MLflow": "#56B4E9",
    "driver: engine": "#A6D5F2",
    "driver: rest": "#D6E6F0",
    "PostgreSQL": "#009E73",
    "MLflow's server": "#D55E00",
    "Ray's own": "#E69F00",
    "workers, jobs": "#BBBBBB",
}
_OPTUNA, _MLFLOW = (ASK, EPOCH_VALUES, END, PRUNE, READ), (TRIAL_RUNS, SWEEP_RUN)


def draw(lines: Sequence[Line], file: Path) -> None:
    """Draw what `python -m benchmarks.scaling --json` wrote into a PNG."""
    drawn = style.figure(
        "What grows how with the slots of a cluster",
        "Trainings of ten epochs that sleep, through driver, Ray, Optuna and MLflow, on one "
        "machine; dots: each run",
        height=4.2,
    )
    share, answer, cost = drawn.subplots(1, 3, width_ratios=(1, 1, 1.3))
    for kind in _NAMES:
        if runs := by_slots(lines, kind):
            _curve(
                share, kind, {slots: [100 * run["share"] for run in runs[slots]] for slots in runs}
            )
            for name, dashes in (("median", "-"), ("p95", ":")):
                found = {slots: [run["answer_ms"][name] for run in runs[slots]] for slots in runs}
                _curve(answer, kind, found, dashes)
    share.set_ylim(0, 105)
    if len({line["stores"] for line in lines}) > 1:
        share.legend(fontsize=style.SMALL, frameon=False, loc="lower left")
    answer.set_yscale("log")
    answer.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    for axes in (share, answer):
        slots = sorted({line["slots"] for line in lines})
        axes.set_xscale("log", base=2)
        axes.set_xticks(slots, [str(one) for one in slots])
        axes.xaxis.set_minor_formatter(NullFormatter())
    style.dress(share, x="slots", y="of the ideal, %")
    style.dress(answer, x="slots", y="report to answer, ms (dotted: 95 %)")
    _bars(cost, by_slots(lines, SERVERS) or by_slots(lines, FILES))
    style.save(drawn, file)


def shares(line: Line) -> dict[str, float]:
    """CPU milliseconds a training, by whose they are."""
    parts: Mapping[str, float] = line["driver_cpu_ms"]
    each = {name: 1000 * seconds / line["trainings"] for name, seconds in line["cpu_s"].items()}
    ours = {
        "driver: Optuna": sum(parts.get(part, 0.0) for part in _OPTUNA),
        "driver: MLflow": sum(parts.get(part, 0.0) for part in _MLFLOW),
        "driver: engine": sum(ms for part, ms in parts.items() if part.startswith("engine")),
        "driver: rest": parts["rest"],
    }
    return {
        **ours,
        "PostgreSQL": each.get("PostgreSQL", 0.0),
        "MLflow's server": each.get("MLflow", 0.0),
        "Ray's own": each["Ray"],
        "workers, jobs": each["workers"],
    }


def _curve(axes: Axes, kind: str, found: Mapping[int, Sequence[float]], dashes: str = "-") -> None:
    middles = [statistics.median(values) for values in found.values()]
    label = _NAMES[kind] if dashes == "-" else None
    axes.plot(list(found), middles, dashes, color=_COLOURS[kind], label=label, linewidth=1.8)
    for slots, values in found.items():
        axes.plot(
            [slots] * len(values), values, linestyle="none", marker="o", markersize=4.5,
            color=_COLOURS[kind], markeredgecolor="white", markeredgewidth=0.7, zorder=4,
        )  # fmt: skip


def _bars(axes: Axes, runs: Mapping[int, Sequence[Line]]) -> None:
    each = [[shares(run) for run in runs[slots]] for slots in runs]
    below = [0.0] * len(runs)
    for name, colour in _SHARES.items():
        heights = [statistics.median(one[name] for one in found) for found in each]
        axes.bar(range(len(runs)), heights, 0.7, bottom=below, color=colour, label=name)
        below = [one + height for one, height in zip(below, heights, strict=True)]
    axes.set_xticks(range(len(runs)), [str(slots) for slots in runs])
    style.dress(axes, x="slots", y="CPU ms a training of ten epochs")
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(
        handles[::-1], labels[::-1], fontsize=style.SMALL, frameon=False,
        loc="center left", bbox_to_anchor=(1.0, 0.5),
    )  # fmt: skip


if __name__ == "__main__":
    draw(read(KEPT), IMAGE)
