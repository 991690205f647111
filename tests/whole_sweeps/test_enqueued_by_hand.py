"""A user enqueues trials in a stored study, by Optuna's own means, and starts the sweep again."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from real_runs import Place

Places = Callable[..., Place]
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]


def test_enqueued_trials_are_trained_or_refused(places: Places) -> None:
    """Out of the range they are trained; what is wrong is refused, and the study goes on."""
    place = places("enqueued")
    file = place.write_sweep()
    place.sweep("run", str(file), "--trials", "1", status=0)

    study = place.study()
    study.enqueue_trial({"max_lr": 0.9, "init_lr": 1e-5})
    study.enqueue_trial({"max_lr": "high"})
    study.enqueue_trial({"init_lr": 0.2, "max_lr": 0.1})
    study.enqueue_trial({"policy": "triangular2", "max_lr": 0.05})
    done = place.sweep("run", str(file), "--trials", "5", status=0)
    assert "Traceback" not in done.output
    assert "trial 2 was enqueued and cannot be trained: max_lr: must be a number" in done.output
    assert "trial 3 was enqueued and cannot be trained: max_lr: must lie above" in done.output
    assert place.states() == ["COMPLETE", "COMPLETE", "FAIL", "FAIL", "COMPLETE"]
    trained = place.study().trials
    assert trained[1].params["max_lr"] == 0.9
    assert trained[4].params["policy"] == "triangular2"

    # The next start: its sampler and the figures know of the one out of the range.
    again = place.sweep("run", str(file), "--trials", "6", status=0)
    assert "Traceback" not in again.output
    assert place.states()[-1] in ("COMPLETE", "PRUNED")
    assert "RUNNING" not in {run.info.status for run in place.runs()}
    place.sweep("doctor", "tiny", status=0)
    place.sweep("export", "tiny", status=0)
