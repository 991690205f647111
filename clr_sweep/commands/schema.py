"""`clr-sweep schema`: the JSON schema of a sweep file."""

from __future__ import annotations

import json

from clr_sweep.definition.sweep import Sweep


def schema_text() -> str:
    """The schema, for editors."""
    dialect = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return json.dumps(dialect | Sweep.model_json_schema(), indent=2)
