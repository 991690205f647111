"""Reading YAML as people write it, and writing YAML that reads back the same."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from platforms import needs_posix
from unprivileged import folder_of_nobody, without_privileges

from clr_sweep.common.errors import InputError
from clr_sweep.definition.yaml_file import dump, read_mapping


def read(folder: Path, text: str | bytes) -> dict[str, Any]:
    file = folder / "file.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_mapping(file)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1E5", 1e5),
        ("-1e3", -1000.0),
        ("1.0e-4", 1e-4),
        ("1.", 1.0),
        (".5", 0.5),
        ("+7", 7),
        ("0", 0),
        ("-0.0", 0.0),
        ("60_000", 60000),
        ("010", "010"),
        ("0x10", 16),
        ("0xfF", 255),
        ("0o17", 15),
        ("0o18", "0o18"),
        ("-0x10", "-0x10"),
        ("0b11", "0b11"),
        ("'0o17'", "0o17"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1e", "1e"),
        ("e5", "e5"),
        ("1.2.3", "1.2.3"),
        ("'1e-4'", "1e-4"),
        ("true", True),
        ("null", None),
        ("~", None),
        ("", None),
        (".inf", math.inf),
        ("9" * 200, "9" * 200),
    ],
)
def test_plain_values(tmp_path: Path, text: str, value: Any) -> None:
    """Numbers are YAML 1.2's, and 60_000: no base 60, no dates, no 010; 1e-4 is a number."""
    found = read(tmp_path, f"key: {text}\n")["key"]
    assert (found, type(found)) == (value, type(value))


def test_nan_is_read_so_that_it_can_be_refused(tmp_path: Path) -> None:
    """NaN is a float of YAML's; the definition refuses it with its place."""
    assert math.isnan(read(tmp_path, "key: .nan")["key"])


def test_anchors_and_merges(tmp_path: Path) -> None:
    """What stands once can be used again, and a merged key can be given anew."""
    found = read(tmp_path, "a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\n")
    assert found == {"a": {"x": 1, "y": 2}, "b": {"x": 1, "y": 3}}


def test_a_byte_order_mark_and_windows_line_ends(tmp_path: Path) -> None:
    """A file from another system is read as any other."""
    assert read(tmp_path, b"\xef\xbb\xbfa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must hold a mapping of keys to values, got an empty file"),
        ("# nothing\n", "must hold a mapping of keys to values, got an empty file"),
        ("- a\n- b\n", "must hold a mapping of keys to values, got a list"),
        ("hello", "must hold a mapping of keys to values, got a text"),
        ("3.5", "must hold a mapping of keys to values, got a number"),
        ("true", "must hold a mapping of keys to values, got true or false"),
        ("a: [1, 2\nb: 3\n", "is no valid YAML: line 2, column 2: expected ',' or ']'"),
        ("a:\n\tb: 1\n", "is no valid YAML: line 2, column 1: found character '\\t'"),
        ("a: 1\na: 2\n", "is no valid YAML: line 2, column 1: the key 'a' stands twice"),
        ("a: {b: 1, b: 1}\n", "is no valid YAML: line 1, column 11: the key 'b' stands twice"),
        ("1.5: 2\n", "line 1, column 1: the key 1.5 must be a text"),
        ("true: 2\n", "line 1, column 1: the key True must be a text"),
        ("a: {1: 2, '1': 3}\n", "line 1, column 11: the key '1' stands twice"),
        ("? [1, 2]\n: 3\n", "line 1, column 3: the key [1, 2] must be a text"),
        ("a: 1\n---\nb: 1\n", "line 2, column 1: expected a single document in the stream"),
        ("a: &a [*a]\n", "line 1, column 4: found unconstructable recursive node"),
        ("a: *b\n", "line 1, column 4: found undefined alias 'b'"),
        ("a: !!python/object:os.system x", "line 1, column 4: unknown tag !!python/object"),
        ("a: !mine x", "unknown tag !mine: write the value without it"),
        ("!!set {a, b}", "unknown tag !!set"),
        ("a: !!binary aGk=", "unknown tag !!binary"),
        ("a: !!timestamp 2024-01-01", "unknown tag !!timestamp"),
        ("a: !!int abc", "is no valid YAML: invalid literal for int()"),
        ("a: 1\nb: \x00\n", "is no valid YAML: line 2: character #x0000"),
        (b"a: \xff\n", "must be UTF-8 text, got byte 0xff at position 3"),
        ("[" * 3000, "is no valid YAML: nested too deeply"),
    ],
)
def test_what_is_refused(tmp_path: Path, text: str | bytes, message: str) -> None:
    """What cannot be a definition is refused with the file, the line and the reason."""
    with pytest.raises(InputError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(f"{tmp_path / 'file.yaml'}: ")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, or is a folder, is named with what is wrong."""
    with pytest.raises(InputError, match=r"no\.yaml: cannot be read: No such file or directory"):
        read_mapping(tmp_path / "no.yaml")
    with pytest.raises(InputError, match="must be a YAML file, got a folder"):
        read_mapping(tmp_path)


@needs_posix
def test_a_file_without_permission() -> None:
    """A file that may not be read is named with what is wrong."""
    with folder_of_nobody() as folder:
        file = folder / "hidden.yaml"
        file.write_text("a: 1\n")
        with without_privileges(folder):
            assert read_mapping(file) == {"a": 1}
            file.chmod(0)
            with pytest.raises(InputError, match="cannot be read: Permission denied"):
                read_mapping(file)


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**20), 10**20)
    | st.floats(allow_nan=False)
    | texts
    | st.sampled_from(
        ["1e-4", "010", "1:30", "2024-01-01", "yes", "null", "~", "=", "<<", "1_0", "0o7", "0x1f"]
    )
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(content=st.dictionaries(texts, values, min_size=1, max_size=5))
def test_what_is_written_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, content: dict[str, Any]
) -> None:
    """Numbers, also small ones, and texts that look like numbers come back as they were."""
    found = read(tmp_path_factory.getbasetemp(), dump(content))
    assert found == content
    assert repr(found) == repr(content)  # 1 and 1.0 and True are equal, but not the same
    assert list(found) == list(content)


def test_lists_of_values_stand_on_one_line() -> None:
    """What people edit is short: a list of values on one line, a list of lists not."""
    text = dump({"policy": ["triangular", "exp_range"], "size": (1, 2), "rows": [[1], [2]]})
    assert text == "policy: [triangular, exp_range]\nsize: [1, 2]\nrows:\n- [1]\n- [2]\n"
