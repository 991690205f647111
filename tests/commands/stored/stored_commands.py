"""Commands on stored studies, as the tests of this folder give them."""

from __future__ import annotations

import json
from typing import Any

from click.testing import CliRunner, Result

from clr_sweep.cli import main


def invoke(*arguments: object, answer: str | None = None) -> Result:
    """`clr-sweep ARGUMENTS` in the current folder."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], input=answer)


def printed_json(*arguments: object) -> Any:
    """What a command prints with --json."""
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    return json.loads(result.stdout)
