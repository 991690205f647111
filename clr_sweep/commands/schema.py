"""`clr-sweep schema`: the JSON schema of a sweep file."""

from __future__ import annotations

import json

from clr_sweep.definition.shipped_sweeps import FOLDER
from clr_sweep.definition.sweep import Sweep

SCHEMA_FILE = FOLDER / "sweep.schema.json"
"""Where it is published: beside the shipped sweeps, which name it."""


def schema_text() -> str:
    """The schema, for editors."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | Sweep.model_json_schema(), indent=2)
