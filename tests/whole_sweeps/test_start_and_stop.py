"""A study that starts with given trials and stops by a rule, as a user runs it."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from real_runs import CLR_SWEEP, Place, definition

Places = Callable[..., Place]
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def test_given_trials_and_a_rule(places: Places) -> None:
    """Killed and continued, stopped by its rule, and told to go on: each time it says so."""
    place = places("given")
    content = definition(
        trials=8,
        start_with=[{"max_lr": 0.3, "policy": "triangular"}, {"max_lr": 0.02}],
        stop_when={"no_better_in": 1},
    )
    file = place.write_sweep(content)
    killed = place.start(*CLR_SWEEP, "run", str(file))
    killed.wait_for("trial 0  complete")
    killed.signal_group(signal.SIGKILL)
    killed.wait()
    done = place.sweep("run", str(file), status=0)
    assert "stopped by study.stop_when: trial 0 is the best" in done.output
    assert place.states() == ["COMPLETE", "COMPLETE"]
    params = [trial.params for trial in place.study().trials]
    assert [one["max_lr"] for one in params] == [0.3, 0.02]

    again = place.sweep("run", str(file), status=0)
    assert "the one after it was not better" in again.output
    assert len(place.states()) == 2
    more = place.sweep("run", str(file), "--trials", "9", status=0)
    assert "so it goes on, and what is counted is counted from trial 2 on" in more.output
    assert len(place.states()) > 2
    content["study"]["stop_when"] = {"target": 0.999}
    file = place.write_sweep(content)
    other = place.sweep("run", str(file), "--trials", "5", status=0)
    assert "by what it says now the search goes on" in other.output
    assert len(place.states()) == 5
    given = {
        run.data.tags["clr_sweep.trial_number"]: run.data.tags.get("clr_sweep.given")
        for run in place.runs_of_kind("trial")
    }
    assert given["0"] == "by study.start_with, 1 of 2: max_lr, policy"
    assert given["1"] == "by study.start_with, 2 of 2: max_lr"
    assert set(given.values()) == {given["0"], given["1"], None}
    place.sweep("doctor", "tiny", status=0)
