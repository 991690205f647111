"""Writes torch_schedules.json: what torch.optim's schedulers give at every step.

torch is no dependency of clr-sweep: run this where it is installed, from any folder.

    pip install torch
    python tests/data/make_torch_schedules.py
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import torch
from torch.optim import lr_scheduler

STEPS = 100
CYCLE = {"base_lr": 0.001, "max_lr": 0.006, "step_size_up": 12}
MOMENTUM = {"base_momentum": 0.85, "max_momentum": 0.95}
CASES: list[tuple[str, str, dict[str, Any]]] = [
    *(
        (optimizer, "CyclicLR", {**CYCLE, **MOMENTUM, "mode": mode, "gamma": gamma})
        for optimizer in ("SGD", "Adam")
        for mode, gamma in (("triangular", 1.0), ("triangular2", 1.0), ("exp_range", 0.99))
    ),
    *(
        (optimizer, "OneCycleLR", {"max_lr": max_lr, "total_steps": total, **MOMENTUM})
        for optimizer, max_lr, total in (
            ("SGD", 1.0, 100),
            ("Adam", 0.03, 100),
            ("SGD", 0.3, 7),
            ("SGD", 0.3, 2),
        )
    ),
    ("SGD", "CosineAnnealingLR", {"T_max": STEPS}),
    ("SGD", "LinearLR", {"start_factor": 1.0, "end_factor": 0.0, "total_iters": STEPS}),
]
INITIAL = 0.3  # of the schedulers that start from the optimizer's own rate


def optimizer_of(name: str, parameters: list[torch.Tensor]) -> torch.optim.Optimizer:
    if name == "SGD":
        return torch.optim.SGD(parameters, lr=INITIAL, momentum=0.9)
    return torch.optim.Adam(parameters, lr=INITIAL, eps=1e-7)  # Keras' epsilon


def steps_of(arguments: dict[str, Any]) -> int:
    return int(arguments.get("total_steps", STEPS))


def values(optimizer: str, scheduler: str, arguments: dict[str, Any]) -> dict[str, list[float]]:
    """The rate of every step and, where it is cycled, the momentum or beta_1."""
    parameter = torch.zeros(1, requires_grad=True)
    made = optimizer_of(optimizer, [parameter])
    schedule = getattr(lr_scheduler, scheduler)(made, **arguments)
    found: dict[str, list[float]] = {"rates": [], "momenta": []}
    for _ in range(steps_of(arguments)):
        group = made.param_groups[0]
        found["rates"].append(float(group["lr"]))
        if scheduler in ("CyclicLR", "OneCycleLR"):
            found["momenta"].append(
                float(group["betas"][0] if optimizer == "Adam" else group["momentum"])
            )
        made.step()
        schedule.step()
    return found


def trained(optimizer: str, scheduler: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """A linear model's weights after training with a cycled momentum, in float64."""
    x = [[0.5, -1.0], [1.5, 0.25], [-0.75, 2.0], [1.0, 1.0]]
    y = [[1.0], [-0.5], [0.25], [2.0]]
    weights = torch.tensor([[0.1], [-0.2]], dtype=torch.float64, requires_grad=True)
    made = optimizer_of(optimizer, [weights])
    schedule = getattr(lr_scheduler, scheduler)(made, **arguments)
    inputs, targets = (torch.tensor(part, dtype=torch.float64) for part in (x, y))
    for _ in range(steps_of(arguments)):
        made.zero_grad()
        ((inputs @ weights - targets) ** 2).mean().backward()
        made.step()
        schedule.step()
    return {"x": x, "y": y, "before": [[0.1], [-0.2]], "after": weights.tolist()}


def main() -> None:
    # One-cycle's scheduler is asked for one step more than it has.
    warnings.simplefilter("ignore")
    cases = [
        {"optimizer": optimizer, "scheduler": scheduler, "arguments": arguments}
        | values(optimizer, scheduler, arguments)
        for optimizer, scheduler, arguments in CASES
    ]
    trainings = [
        {"optimizer": optimizer, "scheduler": scheduler, "arguments": arguments}
        | trained(optimizer, scheduler, arguments)
        for optimizer, scheduler, arguments in CASES
        if scheduler in ("CyclicLR", "OneCycleLR") and steps_of(arguments) == STEPS
    ]
    content = {
        "source": f"torch {torch.__version__}, float64",
        "initial": INITIAL,
        "cases": cases,
        "trainings": trainings,
    }
    file = Path(__file__).with_name("torch_schedules.json")
    file.write_text(
        json.dumps(content, indent=None, separators=(",", ":")).replace('{"optim', '\n{"optim')
        + "\n"
    )


if __name__ == "__main__":
    main()
