"""What a sweep makes of failures, deadlines, kills, full disks and absent trackers."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from gone_processes import assert_gone
from real_runs import CLR_SWEEP, Place, Running, assert_whole, definition, job_processes, results

Places = Callable[..., Place]
pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]
# Longer than any of these trainings takes that is not held.
LIMIT_SECONDS = 30


def run_of(place: Place, name: str) -> dict[str, str]:
    """The tags of a run, found by its name."""
    (run,) = (run for run in place.runs() if run.info.run_name == name)
    return dict(run.data.tags)


@pytest.fixture(scope="module")
def undisturbed(places: Places) -> Place:
    """The study of three trials without any disturbance."""
    place = places("calm")
    place.sweep("run", str(place.write_held_sweep(3)), status=0)
    return place


def kill_training(place: Place, running: Running, number: int) -> None:
    """Kill the process of the training of this number, which is held."""
    running.wait_until(lambda: place.trainings == number, f"training {number}")
    (trial,) = job_processes(running)
    trial.kill()


def test_a_killed_trial_goes_on(places: Places, undisturbed: Place) -> None:
    """A trial whose process is killed ends as if it had not been; one that is killed more often
    than it may be has failed."""
    place = places("killed")
    file = place.write_held_sweep(3)
    # The baseline, trial 0 twice, and trial 1 three times.
    for number in (2, 4, 5, 6):
        place.hold(number)
    running = place.start(*CLR_SWEEP, "run", str(file))
    for number in (2, 4, 5, 6):
        kill_training(place, running, number)
    assert running.wait() == 0, running.output
    assert place.states() == ["COMPLETE", "FAIL", "COMPLETE"]
    assert_whole(place, 3, failed=1)
    expected = results(undisturbed.study())
    found = results(place.study())
    assert found[0] == expected[0]
    assert found[2] == expected[2]
    assert "it goes on, retry 1 of 2" in running.output
    assert run_of(place, "trial-000")["clr_sweep.retries"] == "1"
    failed = run_of(place, "trial-001")
    assert failed["clr_sweep.retries"] == "2"
    assert failed["clr_sweep.reason"].startswith("its process was ended by SIGKILL")
    assert "study.retries is 2" in failed["clr_sweep.reason"]
    place.sweep("doctor", "tiny", status=0)


def test_no_retries(places: Places) -> None:
    """With `retries: 0` a killed trial has failed at once."""
    place = places("strict")
    place.write_held_sweep(1)
    file = place.write_sweep(held_definition(retries=0))
    place.hold(2)
    running = place.start(*CLR_SWEEP, "run", str(file), "--trials", "1")
    kill_training(place, running, 2)
    assert running.wait() == 1, running.output
    assert place.states() == ["FAIL"]
    assert_whole(place, 1, failed=1)


def test_an_exception_in_the_first_trial(places: Places, undisturbed: Place) -> None:
    """It ends the sweep at once, with its traceback; mended, the same command goes on."""
    place = places("bug")
    place.spoil(1)
    file = place.write_held_sweep(3)
    running = place.sweep("run", str(file), status=1)
    assert "clr-sweep: baseline, the first to end, raised an exception" in running.output
    assert "training 1 is to fail" in running.output
    assert "held_model.py" in running.output
    assert {run.info.status for run in place.runs()} == {"FAILED", "KILLED"}
    assert not any(state in ("FAIL", "RUNNING") for state in place.states())
    place.sweep("run", str(file), status=0)
    assert_whole(place, 3)
    assert results(place.study()) == results(undisturbed.study())


OWN = """
import os
import keras

def dies(input_shape, classes):
    print("about to die", flush=True)
    os._exit(7)

def not_finite(y_true, y_pred):
    return keras.ops.mean(y_pred) * float("nan")
"""


def own_sweep(place: Place, **changes: object) -> str:
    """A sweep with a model or a metric of the module above."""
    (place.folder / "own.py").write_text(OWN)
    content = definition(trials=3, retries=1)
    content["training"]["epochs"] = 2
    return str(place.write_sweep({**content, **changes}))


def test_a_model_that_ends_its_process(places: Places) -> None:
    """No trial is spent on it: the sweep ends when the first one has been tried again, in words."""
    place = places("dies")
    running = place.sweep("run", own_sweep(place, model={"name": "own:dies"}), status=1)
    assert (
        "baseline, the first to start, did not come to its first step: its process ended with exit "
        "status 7, at attempt 2 (study.retries is 1); it waits for the next start; what it printed "
        "is in "
    ) in " ".join(running.output.split())
    assert "about to die" in (place.folder / "trials" / "tiny" / "baseline" / "log.txt").read_text()
    assert "FAIL" not in place.states()


def test_an_objective_that_is_not_finite(places: Places) -> None:
    """The sentence alone: where in the package it was noticed helps nobody."""
    place = places("not finite")
    training = definition()["training"] | {"epochs": 2, "metrics": ["own:not_finite"]}
    file = own_sweep(
        place, training=training, objective={"metric": "val_not_finite", "direction": "maximize"}
    )
    running = place.sweep("run", file, status=1)
    assert "val_not_finite, the objective, is no finite number at the end of" in running.output
    assert "Traceback" not in running.output


def test_exceptions_later(places: Places) -> None:
    """A later one fails its trial alone; three in a row end the sweep."""
    place = places("bugs")
    for number in (3, 5, 6, 7):
        place.spoil(number)
    running = place.sweep("run", str(place.write_held_sweep(8)), status=1)
    assert "3 trials failed in a row; what it printed is in " in running.output
    assert place.states() == ["COMPLETE", "FAIL", "COMPLETE", "FAIL", "FAIL", "FAIL"]
    assert "training 3 is to fail" in run_of(place, "trial-001")["clr_sweep.reason"]
    statuses = [run.info.status for run in place.runs()]
    assert sorted(statuses) == sorted(["FAILED"] * 5 + ["FINISHED"] * 3)
    place.sweep("doctor", status=0)


def held_definition(**study: object) -> dict[str, object]:
    """The sweep of `write_held_sweep`, with these keys of the study."""
    content = definition(trials=3, **study)
    content["model"] = {"name": "held_model:build"}
    content["training"]["epochs"] = 3
    return content


@pytest.fixture(scope="module")
def late(places: Places) -> dict[str, tuple[Place, Running]]:
    """Sweeps that run into a deadline, both at once."""
    found = {}
    for name, key, held in (("trial", "trial_timeout", 3), ("sweep", "timeout", 2)):
        place = places(f"late-{name}")
        place.write_held_sweep(3)
        file = place.write_sweep(held_definition(**{key: LIMIT_SECONDS}))
        place.hold(held)
        found[name] = (place, place.start(*CLR_SWEEP, "run", str(file)))
    return found


def test_a_trial_s_deadline(late: dict[str, tuple[Place, Running]]) -> None:
    """A trial that hangs is ended, and recorded with the reason; the others go on."""
    place, running = late["trial"]
    running.wait_until(lambda: place.trainings == 3, "trial 1")
    trials = job_processes(running)
    # It would not even hear SIGTERM.
    for trial in trials:
        trial.send_signal(signal.SIGSTOP)
    assert running.wait() == 0, running.output
    assert_gone(trials)
    assert place.states() == ["COMPLETE", "FAIL", "COMPLETE"]
    assert_whole(place, 3, failed=1)
    reason = run_of(place, "trial-001")["clr_sweep.reason"]
    assert reason == "stopped in epoch 2: it took longer than study.trial_timeout, 30 s"


def test_a_sweep_s_deadline(late: dict[str, tuple[Place, Running]], undisturbed: Place) -> None:
    """The sweep ends with what it has, trials in flight are stopped; the same command goes on."""
    place, running = late["sweep"]
    assert running.wait() == 1, running.output
    assert "stopped by study.timeout after 30 s; 3 trials have not ended" in running.output
    assert "no trial of the study is complete" in running.output
    assert place.states() == ["WAITING"]
    statuses = {run.info.run_name: run.info.status for run in place.runs()}
    assert statuses == {"tiny": "FINISHED", "baseline": "FINISHED", "trial-000": "KILLED"}
    assert "study.timeout" in run_of(place, "tiny")["clr_sweep.reason"]
    place.sweep("doctor", status=0)
    place.sweep("run", str(place.write_sweep(held_definition())), status=0)
    assert_whole(place, 3)
    assert results(place.study()) == results(undisturbed.study())
    assert "clr_sweep.reason" not in run_of(place, "tiny")


@pytest.mark.parametrize("name", ["curve.part.npz", "model.part.keras"])
def test_a_full_disk(places: Places, undisturbed: Place, name: str) -> None:
    """It ends the sweep with a message that says where and what to do; the same command goes on."""
    place = places("full")
    file = place.write_held_sweep(3)
    running = place.start_held(file, ahead=2)
    (place.folder / "trials" / "tiny" / "0000" / name).symlink_to("/dev/full")
    place.release(2)
    assert running.wait() == 1, running.output
    assert f"0000/{name.replace('.part', '')}: cannot be written: " in running.output
    assert "No space left on device; free some space and start the same" in running.output
    assert "Traceback" not in running.output
    assert place.states() == ["WAITING"]
    place.sweep("run", str(file), status=0)
    assert_whole(place, 3)
    assert results(place.study()) == results(undisturbed.study())


def test_a_second_driver_elsewhere(places: Places) -> None:
    """A driver of the same study in another folder is refused, and disturbs nothing."""
    place, other = places("first"), places("second")
    file = place.write_held_sweep(1)
    running = place.start_held(file)
    storage = f"sqlite:///{place.folder}/optuna.db"
    refused = other.sweep("run", str(other.write_held_sweep(1)), "--storage", storage, status=2)
    assert f"study 'tiny' in {storage} is run by another process" in refused.output
    assert "--study" in refused.output
    assert other.runs() == []
    # A study of another name is another matter.
    other.sweep("run", "t.yaml", "--storage", storage, "--study", "another", status=0)
    # Nor does the doctor touch a study that is being run.
    examined = place.sweep("doctor", "tiny", "--fix", status=0)
    assert "is run by another process" in examined.output
    place.release(1)
    assert running.wait() == 0, running.output
    assert_whole(place, 1)


def test_a_tracking_server_that_goes_away(places: Places) -> None:
    """Training goes on without it; what it missed is completed when it is back."""
    server = places("server")
    running_server, uri = server.start_server()
    place = places("lonely", MLFLOW_TRACKING_URI=uri)
    running = place.start_held(place.write_held_sweep(3), ahead=2)
    running_server.signal_group(signal.SIGKILL)
    running_server.process.wait()
    place.release(2)
    assert running.wait() == 0, running.output
    assert "training goes on; what MLflow misses is logged when it answers again" in running.output
    assert "MLflow could not be told " in running.output
    assert "clr-sweep doctor tiny --fix" in running.output
    assert place.states() == ["COMPLETE"] * 3
    assert (place.folder / "trials" / "tiny" / "best.yaml").exists()
    again, _ = server.start_server(uri)
    wrong = place.sweep("doctor", status=1)
    assert "trial 2: it has no run in MLflow" in wrong.output
    place.sweep("doctor", "--fix", status=0)
    place.database = server.folder / "mlflow.db"
    assert_whole(place, 3)
    examined = place.sweep("doctor")
    assert examined.output == "study tiny: all is well\n"
    again.signal_group(signal.SIGKILL)
    again.wait()
