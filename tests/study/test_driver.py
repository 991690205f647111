"""The driver's loop with jobs that take no time: in which order it starts, hears and answers."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.driver.instant import InstantEngine
from benchmarks.driver.study import EPOCHS, Stores, definition, left_files, under_way
from clr_sweep.common.errors import InputError, TrialFailedError
from clr_sweep.definition.sweep import Sweep
from clr_sweep.engines.base import Done, Event, Failed
from clr_sweep.search.attributes import BASELINE
from clr_sweep.study.driver import Driver

SLOTS = 8


class _Watched(InstantEngine):
    """Notes what it is asked for."""

    def __init__(self, files: Path) -> None:
        super().__init__(SLOTS, files)
        self.calls: list[str] = []
        self.most = 0

    def start(self, key: Hashable, function: str, payload: Any, log: Path) -> None:
        super().start(key, function, payload, log)
        self.calls.append("start")
        self.most = max(self.most, len(self.running))

    def wait(self, timeout: float) -> list[Event]:
        self.calls.append("wait" if timeout else "look")
        return super().wait(timeout)


@pytest.mark.heavy
def test_what_runs_is_answered_between_two_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Filling many slots keeps nobody waiting; while there is room it waits for nothing."""
    monkeypatch.chdir(tmp_path)
    engine = _Watched(left_files(tmp_path))
    sweep = Sweep.model_validate(definition(2 * SLOTS, "random", "none"))
    with under_way(sweep, tmp_path, engine, Stores.files(tmp_path), 1) as study:
        assert Driver(study).run() == ""
    after = list(zip(engine.calls, engine.calls[1:], strict=False))
    assert engine.calls.count("start") == 2 * SLOTS + 1  # and the baseline
    assert {second for first, second in after if first == "start"} == {"look"}
    assert engine.most == min(SLOTS, EPOCHS)


def test_a_rule_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is in training comes to its end; the driver says why no other was begun."""
    monkeypatch.chdir(tmp_path)
    content = definition(50, "random", "none")
    content["study"]["stop_when"] = {"target": 0.0}
    engine = _Watched(left_files(tmp_path))
    sweep = Sweep.model_validate(content)
    with under_way(sweep, tmp_path, engine, Stores.files(tmp_path), 1) as study:
        reason = Driver(study).run()
        ended = study.reader.read().ended
    assert reason.startswith("stopped by study.stop_when: trial ")
    assert reason.endswith("the target is 0")
    assert engine.calls.count("start") == ended + 1  # and the baseline
    assert ended < 50


class _Failing(_Watched):
    """The baseline fails."""

    def wait(self, timeout: float) -> list[Event]:
        return [
            Failed(one.key, InputError("own:train: it will not do"), "") if _ends(one) else one
            for one in super().wait(timeout)
        ]


def _ends(event: Event) -> bool:
    return isinstance(event, Done) and event.key == BASELINE


def test_what_failed_first_keeps_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its reason, not only the line above it."""
    monkeypatch.chdir(tmp_path)
    sweep = Sweep.model_validate(definition(1, "random", "none"))
    engine = _Failing(left_files(tmp_path))
    with under_way(sweep, tmp_path, engine, Stores.files(tmp_path), 1) as study:
        study.left = 0  # the baseline alone
        study.background.start()
        with pytest.raises(TrialFailedError, match=r"(?s)baseline, the first .*it will not do"):
            Driver(study).run()
        baseline = study.reader.read().baseline
    assert baseline is not None
    assert (baseline.state, baseline.reason) == ("interrupted", "own:train: it will not do")
