"""The names that are refused before MLflow refuses them, held against the installed MLflow."""

from __future__ import annotations

import pytest
from mlflow.exceptions import MlflowException
from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric, _validate_param

from clr_sweep.definition.mlflow_names import LONGEST, mlflow_takes


def _takes(name: str) -> bool:
    try:
        _validate_metric(name, 1.0, 0, 0)
        _validate_param(name, "1")
    except MlflowException:
        return False
    return True


@pytest.mark.parametrize(
    "name",
    [
        "loss", "val_loss", "a b", "a/b", "a:b", "a-b.c_d", "größe", ".a", "a.", "a..b", "9", " ",
        "recall@5", "", ".", "..", "..a", "/a", "//a", "a/", "a//b", "a/./b", "a/../b", "../a",
        "./a", "a,b", "a(b)", "a%", "a\tb", "a\nb", "f1|x", "é=1", "\udcff", "\N{SCRIPT CAPITAL P}",
    ],
)  # fmt: skip
def test_it_is_mlflows_rule(name: str) -> None:
    """Also with what is put before it."""
    assert mlflow_takes(name) == _takes(name)
    for prefix in ("val_", "test_", "model."):
        assert not mlflow_takes(name) or _takes(f"{prefix}{name}")


def test_the_length() -> None:
    """What is put before a name fits as well; and no line feed ends one, which MLflow takes."""
    assert mlflow_takes("x" * LONGEST)
    assert not mlflow_takes("x" * (LONGEST + 1))
    assert LONGEST + len("baseline_test_") <= MAX_ENTITY_KEY_LENGTH
    assert _takes(f"baseline_test_{'x' * LONGEST}")
    assert not mlflow_takes("a\n")
