"""Two trees compared: the table, what is left out, and the exit status."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.compare import Pair, compared, report

PROJECT = Path(__file__).parents[2]
OLD, NEW = Path("old"), Path("new")


def pairs(*ratios: float) -> list[Pair]:
    return [Pair(old=2.0, new=2.0 * ratio) for ratio in ratios]


@pytest.mark.parametrize(
    ("ratios", "status"),
    [
        ((1.0, 1.0, 1.0), 0),
        ((0.5, 1.0, 3.0), 0),  # one round in which the machine had other work
        ((1.05, 1.2, 1.3), 1),
        ((1.1, 1.1), 0),  # at the threshold, not above
    ],
)
def test_the_median_decides(
    ratios: tuple[float, ...], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """The exit status is 1 where the median ratio is above the threshold, and the row is named."""
    assert report({"fast": pairs(0.9), "start": pairs(*ratios)}, {}, 1.1) == status
    printed = capsys.readouterr().out
    assert ("slower: start: " in printed) == bool(status)
    assert "slower: fast" not in printed


def test_the_table_has_median_lowest_and_highest(capsys: pytest.CaptureFixture[str]) -> None:
    """Seconds of both trees, then their ratio; what was not compared stands below."""
    report({"start": pairs(0.75, 1.5, 1.0)}, {"driver": "the old tree fails: no such thing"}, 1.1)
    header, row, left_out = capsys.readouterr().out.splitlines()
    assert header.split() == ["old", "new", "new", "/", "old", "lowest", "highest"]
    assert row.split() == ["start", "2.000", "2.000", "1.00", "0.75", "1.50"]
    assert left_out == "driver: not compared: the old tree fails: no such thing"


def test_the_trees_are_measured_in_turn() -> None:
    """Each goes first in every second round, and a pair is of one round."""
    calls: list[Path] = []

    def benchmark(tree: Path) -> dict[str, float]:
        calls.append(tree)
        return {"seconds": len(calls) + (100.0 if tree == NEW else 0.0)}

    found, missing = compared({"benchmark": benchmark}, OLD, NEW, rounds=2)
    assert calls == [OLD, NEW, NEW, OLD]
    assert found == {"seconds": [Pair(old=1.0, new=102.0), Pair(old=4.0, new=103.0)]}
    assert missing == {}


def test_what_a_revision_cannot_do_is_said() -> None:
    """It is tried once, and the others are compared all the same."""
    calls: list[Path] = []

    def absent(tree: Path) -> dict[str, float]:
        calls.append(tree)
        if tree == OLD:
            raise RuntimeError("-m driver: exit status 1\nNo module named driver")
        return {"driver": 1.0}

    found, missing = compared({"absent": absent, "b": lambda _: {"b": 1.0}}, OLD, NEW, rounds=3)
    assert calls == [OLD]
    assert missing == {"absent": "the old tree fails: No module named driver"}
    assert found == {"b": [Pair(1.0, 1.0)] * 3}


def git(*arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(PROJECT), *arguments], capture_output=True, text=True, check=True
    ).stdout


def benchmarks_run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(PROJECT / "benchmarks" / "run"), *arguments],
        env={**os.environ, "VENV": sys.prefix},
        capture_output=True,
        text=True,
        check=False,
    )


needs_git = pytest.mark.skipif(
    not (PROJECT / ".git").exists(), reason="the tree is no checkout: there is no revision"
)


@needs_git
def test_an_unknown_revision_is_refused() -> None:
    """Before anything is measured."""
    done = benchmarks_run("--against", "no-such-revision")
    assert (done.returncode, done.stdout) == (2, "")
    assert "no-such-revision" in done.stderr


@needs_git
@pytest.mark.heavy
@pytest.mark.slow
@pytest.mark.parametrize(("threshold", "status"), [("1000", 0), ("0", 1)])
def test_a_real_comparison(threshold: str, status: int) -> None:
    """This tree against its last commit; thresholds that no machine's speed can turn."""
    before = git("worktree", "list")
    done = benchmarks_run("--rounds", "1", "--threshold", threshold, "--only", "help", "sweep")
    assert done.returncode == status, done.stderr
    rows = {line[:24].strip(): line[24:].split() for line in done.stdout.splitlines()[2:5]}
    assert set(rows) == {"--help, CPU s", "small sweep, CPU s", "small sweep, wall s"}
    assert all(float(value) > 0 for row in rows.values() for value in row)
    assert done.stdout.count("slower: ") == (3 if status else 0)
    assert git("worktree", "list") == before
