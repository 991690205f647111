"""Which names MLflow takes for metrics and parameters, known without importing MLflow.

Values are told in batches, so one name that it refuses would cost a study its record there.
`tests/tracking/test_mlflow_names.py` holds this against the installed MLflow.
"""

from __future__ import annotations

import os
import posixpath
import re

from clr_sweep.definition.problems import shown

# On Windows MLflow takes no colon.
_TAKEN = re.compile(rf"[/\w.\- {':' if os.name == 'posix' else ''}]*")

LONGEST = 200
"""MLflow takes 250; what stands before a name in some run, `baseline_test_`, has to fit too."""

_RULE = (
    "MLflow takes letters, digits, spaces and _ - . : / alone in a name, at most "
    f"{LONGEST} of them here, and none that is empty or reads as another path (a//b, ../a)"
)


def mlflow_takes(name: str) -> bool:
    """Whether a metric or a parameter may be called so there, whatever is put before it here."""
    path = posixpath.normpath(name)
    is_path_of_its_own = path == name and path != "." and not path.startswith(("..", "/"))
    return len(name) <= LONGEST and is_path_of_its_own and _TAKEN.fullmatch(name) is not None


def name_problem(name: str, what: str) -> str | None:
    """That MLflow does not take a name, if it does not.

    Args:
        what: it is the name of: `a metric`.
    """
    return None if mlflow_takes(name) else f"{shown(name)} is no name for {what}: {_RULE}"
