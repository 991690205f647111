"""The figure of a trial's losses against its rate, cycle by cycle."""

from __future__ import annotations

from dataclasses import dataclass

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from clr_sweep.results import style, words
from clr_sweep.results.curves import Array
from clr_sweep.training.records import TrialRecord

_MOST_CYCLES = 12  # more lines than this are no longer followed by eye
_NAMED_CYCLES = 5  # more names than this do not fit beside one another
_MOST_MEANS, _FEWEST_MEANS = 40, 8  # points of a line
_STEPS_OF_A_MEAN = 20  # with which the noise of single batches is small beside a line's course


@dataclass(frozen=True)
class Sweep:
    """One way between a trough and a peak, as far as the trial came on it.

    Attributes:
        cycle: its number, from 1.
        rising: whether the rate rises.
        rates: of its steps, in their order, shape (n,).
        losses: of the steps' batches, shape (n,).
    """

    cycle: int
    rising: bool
    rates: Array
    losses: Array


def sweeps_of(steps: Array, rates: Array, losses: Array, step_size: int) -> list[Sweep]:
    """The steps of a trial, divided at its troughs and peaks; steps without a loss left out."""
    known = np.isfinite(losses)
    steps, rates, losses = steps[known], rates[known], losses[known]
    halves = steps.astype(np.int64) // step_size
    return [
        Sweep(int(half) // 2 + 1, half % 2 == 0, rates[halves == half], losses[halves == half])
        for half in np.unique(halves)
    ]


def loss_by_rate_figure(
    steps: npt.ArrayLike, rates: npt.ArrayLike, batch_losses: npt.ArrayLike, record: TrialRecord
) -> Figure:
    """The batch loss against the rate at which it was measured, a line for each cycle.

    Each line is a centred mean over neighbouring steps, solid while the rate rises and dashed
    while it falls; cycles go from dark to light. Of many cycles an even spread is drawn.

    Args:
        steps: optimizer steps, ascending, counted from 0, shape (n,).
        rates: the rate that each step used, shape (n,).
        batch_losses: the loss of each step's batch before the update, shape (n,); NaN where not
            known.
        record: a trial of a policy with cycles.
    """
    x, y, losses = (np.asarray(a, dtype=np.float64) for a in (steps, rates, batch_losses))
    found = sweeps_of(x, y, losses, record.config.schedule.step_size)
    cycles = sorted({sweep.cycle for sweep in found})
    shown = _spread(cycles)
    kept = "" if len(shown) == len(cycles) else f"; {len(shown)} of {len(cycles)} cycles drawn"
    drawn = style.figure(
        f"{words.capital(record.label)}: batch loss against the learning rate",
        f"{words.bounds(record)}; means of neighbouring steps{kept}"
        + ("" if record.state == "complete" else f"; {words.short_state(record)}"),
        height=5.2,
        legend=True,
    )
    ax = drawn.add_subplot()
    style.dress(ax, "learning rate", "batch loss", grid="both")
    if not found:
        style.message(ax, "no step with a finite loss")
        return drawn
    colours = matplotlib.colormaps[style.SEQUENTIAL]
    # The lightest end is hardly seen on white.
    scale = Normalize(shown[0], shown[0] + max(1, shown[-1] - shown[0]) / 0.88)
    means: list[Array] = []
    for sweep in found:
        if sweep.cycle in shown:
            means.append(_draw(ax, sweep, colours(scale(sweep.cycle))))
    reached = [record.divergence.learning_rate] if record.divergence else []
    style.log_rates(ax, "x", [*reached, *(rate for sweep in found for rate in sweep.rates)])
    style.log_if_wide(ax, np.concatenate(means))
    for rate in reached:
        style.mark_divergence(ax, rate, f"diverged at\nrate {words.rate(rate)}", 0.97)
    _name_cycles(drawn, ax, shown, ScalarMappable(scale, colours))
    return drawn


def _spread(cycles: list[int]) -> list[int]:
    if len(cycles) <= _MOST_CYCLES:
        return cycles
    chosen = np.linspace(0, len(cycles) - 1, _MOST_CYCLES).round().astype(int)
    return [cycles[index] for index in chosen]


def _means(rates: Array, losses: Array) -> tuple[Array, Array]:
    """Centred means over neighbouring steps, as many of them as the axis shows apart.

    A rate that changes evenly runs through the low decades of a logarithmic axis in a few steps.
    So a stretch of steps is as long as half its part of the steps and half its part of the axis.
    """
    above = np.log(np.maximum(rates, rates[rates > 0].min(initial=1.0)))
    way = np.abs(np.diff(above, prepend=above[0])).cumsum()
    place = np.arange(len(rates)) / len(rates) + way / max(float(way[-1]), 1e-12)
    count = int(np.clip(len(rates) // _STEPS_OF_A_MEAN, _FEWEST_MEANS, _MOST_MEANS))
    edges = np.searchsorted(place, np.linspace(0, float(place[-1]), count + 1)[1:-1])
    parts = [part for part in np.split(np.arange(len(rates)), edges) if len(part)]
    means = [(rates[part].mean(), losses[part].mean()) for part in parts]
    means_x, means_y = np.array(means, dtype=np.float64).T
    return means_x, means_y


def _draw(ax: Axes, sweep: Sweep, colour: tuple[float, float, float, float]) -> Array:
    """Draws one line; returns its losses."""
    rates, losses = _means(sweep.rates, sweep.losses)
    ax.plot(
        rates, losses, ls="-" if sweep.rising else (0, (4, 2)), color=colour, lw=1.7,
        marker="o" if len(rates) == 1 else "", ms=4,
        gid=f"cycle {sweep.cycle} {'up' if sweep.rising else 'down'}",
    )  # fmt: skip
    return losses


def _name_cycles(drawn: Figure, ax: Axes, shown: list[int], colours: ScalarMappable) -> None:
    handles = [
        Line2D([], [], color=style.MUTED, lw=1.7, ls="-", label="the rate rises"),
        Line2D([], [], color=style.MUTED, lw=1.7, ls=(0, (4, 2)), label="the rate falls"),
    ]
    if len(shown) <= _NAMED_CYCLES:
        named = [
            Line2D([], [], color=colours.to_rgba(np.array(cycle)), lw=4,
                   solid_capstyle="butt", label=f"cycle {cycle}")
            for cycle in shown
        ]  # fmt: skip
        style.legend(drawn, named + handles)
        return
    style.legend(drawn, handles)
    bar = drawn.colorbar(colours, ax=ax, pad=0.02, aspect=30)
    bar.ax.set_ylim(shown[0], shown[-1])
    bar.ax.yaxis.set_major_locator(MaxNLocator(8, integer=True))
    style.dress_colourbar(bar, "cycle")
