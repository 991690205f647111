"""What a call is given: refused before anything begins, by the name that Python has for it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from small_studies import SmallStudy

import clr_sweep
from clr_sweep import InputError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty one, in which nothing is made."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(call: Callable[[], Any]) -> tuple[str, ...]:
    """What is wrong with a call."""
    with pytest.raises(InputError) as caught:
        call()
    return caught.value.problems


@pytest.mark.parametrize("wrong", [None, 3, b"study", ""], ids=repr)
def test_what_names_nothing(wrong: Any) -> None:
    """In place of a study, a sweep, a file or an address."""
    found = {None: "None", 3: "a int", "": "''"}.get(wrong, "a bytes")
    for call, text in (
        (clr_sweep.load_study, "study: must be the name of a study, or the id of its run"),
        (clr_sweep.compare, "study: must be a Study or its name"),
        (clr_sweep.run, "sweep: must be a Sweep or a sweep file"),
        (clr_sweep.Sweep.from_file, "file: must be a sweep file"),
        (clr_sweep.load_best, "file: must be a file that `export` wrote"),
    ):
        assert refused(lambda call=call: call(wrong)) == (f"{text}, got {found}",)
    assert os.listdir() == []


def test_an_address_of_another_kind() -> None:
    """The study's storage."""
    wanted = "storage: must be the URL of a study's storage, got a int"
    assert refused(lambda: clr_sweep.load_study("one", storage=3)) == (wanted,)  # type: ignore[arg-type]
    empty = ("storage: must be the URL of a study's storage, got ''",)
    assert refused(lambda: clr_sweep.load_study("one", storage="")) == empty
    assert refused(lambda: clr_sweep.compare("one", storage="")) == empty
    (told,) = refused(lambda: clr_sweep.load_study("one", tracking_uri=""))
    assert told.startswith("tracking_uri: must be the address of an MLflow server, such as ")


def test_what_cannot_be_compared(folder: Path) -> None:
    """Every problem at once, each at its argument; texts are not read as an option."""
    SmallStudy(folder).add("complete")
    wrong: dict[str, Any] = {
        "rivals": ["constnat"], "seeds": 1, "finalist_seeds": 0, "trials": {"cosine": 10**9},
    }  # fmt: skip
    found = refused(lambda: clr_sweep.compare("example", **wrong))
    assert [problem.partition(": ")[0] for problem in found] == [
        "rivals", "trials.cosine", "finalist_seeds", "seeds",
    ]  # fmt: skip
    assert not any("--" in problem for problem in found)
    (problem,) = refused(lambda: clr_sweep.compare("example", rivals="constant"))
    assert problem.startswith("rivals: must be a list of policies")
    assert problem.endswith("got 'constant'")
    (problem,) = refused(lambda: clr_sweep.compare("example", seeds="4"))  # type: ignore[arg-type]
    assert problem.startswith("seeds: must be ")
    (problem,) = refused(lambda: clr_sweep.compare("example", rivals=["linear"], trials=9))
    assert problem.startswith("trials: must be at most study.trials (5)")
    assert not any(folder.glob("*.part"))
