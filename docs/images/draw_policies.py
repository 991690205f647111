"""Draws docs/images/policies.png: the rate and the momentum of every policy, by the package itself.

python docs/images/draw_policies.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from PIL import Image

from clr_sweep.results import style
from clr_sweep.schedules import policies
from clr_sweep.schedules.momentum import CYCLED, momentum

PER_EPOCH, EPOCHS = 844, 16
STEPS = PER_EPOCH * EPOCHS
MAX_LR, INIT_LR, FACTOR = 0.3, 0.03, 2
GAMMA = 0.99985  # a stronger decay than the default's, so that it is seen


def main() -> None:
    drawn = style.figure(
        "The eight policies over one trial",
        f"{EPOCHS} epochs of {PER_EPOCH} steps, max_lr {MAX_LR:g}, init_lr {INIT_LR:g}, "
        f"step-size factor {FACTOR}, gamma {GAMMA:g}; momentum cycled from 0.95 to 0.85",
        height=7.2,
    )
    grid = drawn.add_gridspec(4, 4, height_ratios=[3, 1.5, 3, 1.5])
    rates: dict[int, Axes] = {}
    for index, policy in enumerate(policies.POLICIES):
        row, column = divmod(index, 4)
        first = rates.get(0)
        top = drawn.add_subplot(grid[2 * row, column], sharex=first, sharey=first)
        below = drawn.add_subplot(grid[2 * row + 1, column], sharex=top)
        rates[index] = top
        draw(top, below, policy, labelled=column == 0, last=row == 1)
    drawn.align_ylabels()
    file = Path(__file__).with_name("policies.png")
    drawn.savefig(file, dpi=style.DPI)
    with Image.open(file) as whole:
        small = whole.convert("RGB").quantize(128)
    small.save(file, optimize=True)


def draw(top: Axes, below: Axes, policy: str, labelled: bool, last: bool) -> None:
    cyclical = policy in policies.CYCLICAL
    t = np.arange(STEPS)
    shape = {"policy": policy, "step_size": FACTOR * PER_EPOCH, "gamma": GAMMA, "steps": STEPS}
    lowest = INIT_LR if cyclical else policies.lowest_rate(policy, MAX_LR)
    rate = policies.learning_rate(t, init_lr=lowest, max_lr=MAX_LR, **shape)
    style.dress(top, "", "learning rate" if labelled else "")
    top.plot(t / PER_EPOCH, rate, color=style.BLUE, lw=1.7)
    top.set_ylim(0, 1.12 * MAX_LR)
    top.set_title(policy, fontsize=style.BODY, color=style.INK, loc="left", family="monospace")
    style.dress(below, "epoch" if last else "", "momentum" if labelled else "")
    below.set_xlim(0, EPOCHS)
    below.set_xticks(range(0, EPOCHS + 1, 4))
    below.set_ylim(0.835, 0.965)
    below.set_yticks([0.85, 0.95])
    if policy in CYCLED:
        held = momentum(t, low=0.85, high=0.95, **shape)
        below.plot(t / PER_EPOCH, held, color=style.GREEN, lw=1.5)
    else:
        below.text(
            0.5, 0.5, "not cycled", transform=below.transAxes, ha="center", va="center",
            fontsize=style.SMALL, color=style.FAINT,
        )  # fmt: skip
    top.tick_params(labelbottom=False, labelleft=labelled)
    below.tick_params(labelleft=labelled)


if __name__ == "__main__":
    main()
