"""The command that would tell more: the same sweep with another seed, as a study of its own."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

import yaml

from clr_sweep.definition.sweep import Sweep

_LONGEST = 100  # a study's name
_ADDED = re.compile(r"-seed-\d+$")


def with_another_seed(sweep: Sweep, file: str, text: str, planned: int) -> str:
    """The command, with the options that this study was made with and its file does not say.

    Args:
        file: the sweep file as it was named on the command line.
        text: what it held.
        planned: trials in all, as the last start had it.
    """
    try:
        written = yaml.safe_load(text)
    except yaml.YAMLError:
        written = None
    options: list[tuple[str, object]] = []
    for option, value, section, key, default in (
        ("--trials", planned, "study", "trials", 50),
        ("--epochs", sweep.training.epochs, "training", "epochs", None),
    ):
        if _value(written, section, key, default) != value:
            options.append((option, value))
    seed = (sweep.study.seed + 1) % 2**32
    name = _ADDED.sub("", sweep.study_name)
    options += [("--seed", seed), ("--study", f"{name[: _LONGEST - 16]}-seed-{seed}")]
    return " ".join(
        ["clr-sweep run", shlex.quote(file), *(f"{option} {value}" for option, value in options)]
    )


def _value(written: Any, section: str, key: str, default: object) -> object:
    inner = written.get(section) if isinstance(written, Mapping) else None
    return inner.get(key, default) if isinstance(inner, Mapping) else default
