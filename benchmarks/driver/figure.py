"""How the driver's cost of a trial grows with the trials that have ended, by part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.driver.study import (
    ASK,
    END,
    EPOCH_VALUES,
    PRUNE,
    READ,
    REST,
    SWEEP_RUN,
    TRIAL_RUNS,
    WRITTEN,
)
from clr_sweep.results import style

# From the bottom up: the study's, MLflow's, our own.
_PARTS = {
    ASK: "#0072B2",
    EPOCH_VALUES: "#56B4E9",
    END: "#A6D5F2",
    TRIAL_RUNS: "#D55E00",
    SWEEP_RUN: "#E69F00",
    READ: "#009E73",
    PRUNE: "#66C2A5",
    WRITTEN: "#BBBBBB",
    REST: "#E0E0E0",
}


def draw(lines: Sequence[Mapping[str, Any]], file: Path) -> None:
    """Draw what `python -m benchmarks.driver --json` wrote, one panel a sampler, into a PNG."""
    samplers = list(dict.fromkeys(line["sampler"] for line in lines))
    drawn = style.figure(
        "What a trial of ten epochs costs the driver",
        "CPU milliseconds a trial, by part, against the trials that have ended",
        height=4.0,
    )
    found: dict[str, Any] = {}
    panels = drawn.subplots(1, len(samplers), sharey=True, squeeze=False)[0]
    for axes, sampler in zip(panels, samplers, strict=True):
        rows = [line for line in lines if line["sampler"] == sampler and "ended" in line]
        ended = [row["ended"] for row in rows]
        stacks = {part: [row["cpu_ms"].get(part, 0.0) for row in rows] for part in _PARTS}
        shown = {part: values for part, values in stacks.items() if max(values) >= 0.5}
        axes.stackplot(
            ended,
            list(shown.values()),
            labels=list(shown),
            colors=[_PARTS[part] for part in shown],
            linewidth=0,
        )
        axes.set_xlim(0, max(ended))
        # The last number of a panel would touch the first of the next.
        axes.set_xticks(np.linspace(0, max(ended), 5)[:-1])
        axes.set_title(f"sampler: {sampler}", fontsize=style.BODY, color=style.INK, loc="left")
        style.dress(axes, x="trials that have ended", grid="y")
        found |= dict(zip(*axes.get_legend_handles_labels()[::-1], strict=True))
    labels = [part for part in reversed(_PARTS) if part in found]
    drawn.legend(
        [found[label] for label in labels], labels, loc="outside right center",
        fontsize=style.SMALL, frameon=False,
    )  # fmt: skip
    panels[0].set_ylabel("CPU ms a trial", fontsize=style.BODY, color=style.INK)
    style.save(drawn, file)
