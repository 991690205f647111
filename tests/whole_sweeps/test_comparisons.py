"""Comparisons run by real processes: killed, stopped, continued, asked for again, looked at."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from real_runs import Place, Running, results

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(900)]

STUDIES = ("tiny", "tiny.constant", "tiny.comparison")
# The baseline, two trials of the study and two of the rival come before; trained anew after each
# interruption are those that were held.
FIRST_OF_RIVAL, FIRST_FINAL = 4, 6


def write(place: Place) -> Path:
    """A study of two trials and one rival, without finalists: thirteen trainings in all."""
    file = place.write_held_sweep(2, epochs=2)
    content = yaml.safe_load(file.read_text())
    content["comparison"] = {"rivals": ["constant"], "finalists": 1, "seeds": 2}
    return place.write_sweep(content)


@pytest.fixture(scope="module")
def undisturbed(places: Callable[..., Place]) -> tuple[Place, Running]:
    """A comparison run to its end, and the command that did."""
    place = places("compared")
    return place, place.sweep("run", str(write(place)), status=0)


@pytest.fixture(scope="module")
def interrupted(places: Callable[..., Place]) -> tuple[Place, dict[str, Running]]:
    """The same, killed in the rival's search, stopped in the finals, and then left to finish."""
    place = places("interrupted-comparison")
    file, found = write(place), {}
    running = place.start_held(file, ahead=FIRST_OF_RIVAL)
    running.signal_group(signal.SIGKILL)
    running.wait()
    # One that was held is trained again.
    running = place.start_held(file, ahead=FIRST_FINAL - FIRST_OF_RIVAL + 1)
    found["second"] = place.sweep("compare", "tiny")
    running.signal_group(signal.SIGINT)
    running.wait()
    found["stopped"] = running
    found["finished"] = place.sweep("compare", "tiny", status=0)
    return place, found


def test_what_is_printed(undisturbed: tuple[Place, Running]) -> None:
    """The answers, of which there are four, and the caution that they are about configurations."""
    output = undisturbed[1].output
    announced = "then a comparison: 2 trials of searches and at most 8 trainings with fresh seeds"
    assert 0 < output.find(announced) < output.index("search of tiny.constant")
    assert "over 2 seeds" in output or "with 2 seeds" in output
    assert "the best constant rate that 2 trials found" in output
    assert "the untuned baseline (constant 0.01)" in output
    assert "These answers are about configurations" in output
    assert "2 seeds were asked for" in output


def test_all_arms_begin_alike(undisturbed: tuple[Place, Running]) -> None:
    """In one seed from the same weights, with the same batch; in another from others."""
    place, _ = undisturbed
    firsts: dict[int, set[float]] = {}
    for trial in place.study("tiny.comparison").trials:
        run = trial.user_attrs["seed_run"]
        curve = place.folder / "trials" / "tiny.comparison" / f"{trial.number:04d}" / "curve.npz"
        with np.load(curve) as stored:
            firsts.setdefault(run["seed"], set()).add(float(stored["batch_loss"][0]))
    assert {seed: len(losses) for seed, losses in firsts.items()} == {0: 1, 1: 1}
    assert firsts[0] != firsts[1]


def test_the_finals_are_tested_and_nothing_else_of_the_rivals(
    undisturbed: tuple[Place, Running],
) -> None:
    """The test set is seen by the finals, the study's best and its baseline."""
    place, _ = undisturbed
    tested = {str(file.parent.relative_to(place.folder / "trials"))
              for file in (place.folder / "trials").rglob("test.json")}  # fmt: skip
    finals = {f"tiny.comparison/{number:04d}" for number in range(8)}
    assert finals <= tested
    assert not any(name.startswith("tiny.constant/") for name in tested)
    assert {name for name in tested - finals if name != "tiny/baseline"} <= {
        "tiny/0000", "tiny/0001"
    }  # fmt: skip


def test_mlflow_tells_it_first(undisturbed: tuple[Place, Running]) -> None:
    """On the study's page the verdict stands first, and the figure is among its artifacts."""
    place, running = undisturbed
    sweeps = {run.info.run_name: run for run in place.runs_of_kind("sweep")}
    assert sorted(sweeps) == sorted(STUDIES)
    for name in ("tiny", "tiny.comparison"):
        run = sweeps[name]
        headline = run.data.tags["mlflow.note.content"].split("**")[1]
        assert headline.split(" (")[0] in running.output
        files = [item.path for item in place.client.list_artifacts(run.info.run_id, "figures")]
        assert "figures/verdict.png" in files
    metrics = sweeps["tiny.comparison"].data.metrics
    assert {"test_accuracy/CLR", "test_accuracy/constant", "better_by/constant"} <= set(metrics)


def test_doctor_finds_nothing(undisturbed: tuple[Place, Running]) -> None:
    place, _ = undisturbed
    output = place.sweep("doctor", status=0).output
    assert [line for line in output.splitlines() if "all is well" not in line] == []


def test_the_same_numbers_however_often_it_was_interrupted(
    undisturbed: tuple[Place, Running], interrupted: tuple[Place, dict[str, Running]]
) -> None:
    """To the bit, in every study of the comparison."""
    whole, (broken, found) = undisturbed[0], interrupted
    for name in STUDIES:
        assert results(broken.study(name)) == results(whole.study(name)), name
    assert evaluated_in(broken) == evaluated_in(whole)
    assert found["stopped"].process.returncode == 130
    assert "the same command goes on" in found["stopped"].output
    assert found["second"].process.returncode == 2
    assert "is run by another process" in found["second"].output
    # The study has ended, so no search of its own tells what is to come.
    total = "a comparison: 2 trials of searches and at most 8 trainings with fresh seeds, those of"
    said = " ".join(found["finished"].output.split())
    assert 0 <= said.find(total) < said.index("finals of tiny")


@pytest.mark.slow
def test_more_seeds_are_another_comparison(undisturbed: tuple[Place, Running]) -> None:
    """With seeds that none before it has seen; and the first can be asked for again."""
    place, first = undisturbed
    more = place.sweep("compare", "tiny", "--seeds", "3", status=0)
    assert "This is comparison 2 of the study" in more.output
    seeds = [seeds_of(place, name) for name in ("tiny.comparison", "tiny.comparison2")]
    assert [len(found) for found in seeds] == [2, 3]
    assert not seeds[0] & seeds[1]
    again = place.sweep("compare", "tiny", status=0)
    assert "comparison 2" not in again.output
    sentence = next(line for line in first.output.splitlines() if "with 2 seeds" in line)
    assert sentence in again.output


def test_what_cannot_be_compared(undisturbed: tuple[Place, Running]) -> None:
    """Each with its place, its value and a cure; nothing is trained."""
    place, _ = undisturbed
    refused = {
        ("compare", "tiny", "--seeds", "1"): "--seeds: must be at least 2, got 1",
        ("compare", "tiny", "--trials", "9"): "--trials: must be at most study.trials (2)",
        ("compare", "tiny", "--rivals", "konstant"): "did you mean 'constant'",
        ("compare", "tyni"): "there is no study 'tyni' in the storage",
        ("compare", "tiny.comparison"): "compare 'tiny'",
        ("compare", "tiny.constant"): "is a search that a comparison made",
        ("export", "tiny.comparison"): "export 'tiny'",
        ("report", "tiny.comparison"): "the report of 'tiny' shows",
    }
    for command, message in refused.items():
        assert message in place.sweep(*command, status=2).output


def test_two_arms_of_the_same_constant_rate(places: Callable[..., Place]) -> None:
    """A rival that is the study itself is not beaten by it."""
    place = places("the-same-twice")
    content = yaml.safe_load(place.write_held_sweep(2, epochs=2).read_text())
    content["search_space"] |= {"policy": "constant", "max_lr": [0.1, 0.2]}
    content["comparison"] = {
        "rivals": ["constant"],
        "finalists": 2,
        "finalist_seeds": 1,
        "seeds": 3,
    }
    output = place.sweep("run", str(place.write_sweep(content)), status=0).output
    against = next(line for line in output.splitlines() if "that 2 trials found" in line)
    assert "equivalent" in against or "not decidable" in against


def evaluated_in(place: Place) -> dict[int, Any]:
    folder = place.folder / "trials" / "tiny.comparison"
    return {int(file.parent.name): file.read_text() for file in folder.rglob("test.json")}


def seeds_of(place: Place, study: str) -> set[int]:
    return {trial.user_attrs["config"]["seed"] for trial in place.study(study).trials}
