"""A traceback begins where the user's code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from clr_sweep.common.errors import TrialFailedError
from clr_sweep.common.tracebacks import users_traceback
from clr_sweep.definition.own_functions import called, import_function
from clr_sweep.schedules import policies

OURS = str(Path(policies.__file__).parent.parent)


def write(folder: Path, name: str, text: str) -> str:
    (folder / f"{name}.py").write_text(text, encoding="utf-8")
    return f"{name}:build"


def test_only_frames_of_the_user_are_shown(tmp_path: Path) -> None:
    """Those of this project before them are not, whatever raised."""
    name = write(tmp_path, "traced_a", "def inner():\n    1 / 0\ndef build():\n    inner()\n")
    function, _ = import_function(name, [tmp_path])
    with pytest.raises(TrialFailedError) as caught:
        called("building", function)
    text = str(caught.value)
    assert OURS not in text
    assert text.count("traced_a.py") == 2
    assert text.endswith("ZeroDivisionError: division by zero")


def test_frames_of_an_import_are_not_shown(tmp_path: Path) -> None:
    """Neither ours nor those of Python's import system."""
    name = write(tmp_path, "traced_b", "import json\nraise RuntimeError('at import')\n")
    with pytest.raises(TrialFailedError) as caught:
        import_function(name, [tmp_path])
    text = str(caught.value)
    assert "importlib" not in text
    assert OURS not in text
    assert "traced_b.py" in text


@pytest.mark.parametrize(
    ("name", "source", "told"),
    [
        ("traced_d", b"x = 1\ndef build(:\n", ["traced_d.py", "line 2", "def build(:"]),
        ("traced_e", b"x = 'caf\xe9'\n", ["traced_e.py", "unicode error"]),
        ("traced_f", b"x = '\0'\n", ["null bytes"]),
    ],
)
def test_a_module_that_cannot_be_compiled(
    tmp_path: Path, name: str, source: bytes, told: list[str]
) -> None:
    """It has run no line: what is wrong in which of them, and no frame."""
    (tmp_path / f"{name}.py").write_bytes(source)
    with pytest.raises(TrialFailedError) as caught:
        import_function(f"{name}:build", [tmp_path])
    text = str(caught.value)
    assert text.startswith(f"importing {name} raised an exception:\n")
    for one in ("importlib", OURS, "Traceback"):
        assert one not in text
    for one in ("SyntaxError: ", *told):
        assert one in text


@pytest.mark.parametrize("error", ["SystemExit(3)", "KeyboardInterrupt()", "GeneratorExit()"])
def test_what_would_end_a_process_is_an_error_of_the_code(tmp_path: Path, error: str) -> None:
    """A model function that calls sys.exit is told with its traceback."""
    name = write(tmp_path, f"traced_{error[:4]}", f"def build():\n    raise {error}\n")
    function, _ = import_function(name, [tmp_path])
    with pytest.raises(TrialFailedError, match=error.partition("(")[0]):
        called("building", function)


def test_a_fault_of_our_own_keeps_its_frames() -> None:
    with pytest.raises(ValueError, match="policy") as caught:
        policies.height(0, policy="no such")
    caught.value.__traceback__ = caught.value.__traceback__ and caught.value.__traceback__.tb_next
    assert "policies.py" in users_traceback(caught.value)


def test_a_chain_is_shown_without_our_frames_too(tmp_path: Path) -> None:
    """What was raised on the way, and a chain that leads back to itself."""
    text = (
        "def build():\n    try:\n        {}['a']\n    except KeyError as error:\n"
        "        raise ValueError('no a') from error\n"
    )
    function, _ = import_function(write(tmp_path, "traced_c", text), [tmp_path])
    with pytest.raises(TrialFailedError) as caught:
        called("building", function)
    assert "KeyError: 'a'" in str(caught.value)
    assert "direct cause" in str(caught.value)
    assert OURS not in str(caught.value)
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    assert users_traceback(one).endswith("ValueError: one")


def test_what_is_no_text_can_be_stored() -> None:
    """The name of a file that is no UTF-8, in the message of an exception."""
    text = users_traceback(FileNotFoundError("caf\udce9.npz"))
    assert text.encode().endswith(rb"caf\udce9.npz")
