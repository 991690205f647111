"""What was measured of how a sweep grows, as it is kept: a line of JSON for each run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

KEPT = Path(__file__).parents[1] / "recorded" / "scaling.json"
FILES, SERVERS = "files", "servers"
KINDS = (SERVERS, FILES)

Line = Mapping[str, Any]


def read(file: Path) -> list[Line]:
    """The runs in a file, in their order."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]


def by_slots(lines: Iterable[Line], kind: str) -> dict[int, Sequence[Line]]:
    """The runs with stores of a kind, by their slots, the fewest first."""
    found: dict[int, list[Line]] = {}
    for line in lines:
        if line["stores"] == kind:
            found.setdefault(line["slots"], []).append(line)
    return {slots: found[slots] for slots in sorted(found)}
