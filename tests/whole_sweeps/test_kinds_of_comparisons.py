"""Whole comparisons of what is no plain case: a loss, searches done again, trainings that fail."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest
import yaml
from metric_sweeps import regression
from real_runs import Place, Running, results

from clr_sweep.search import storage
from clr_sweep.search.reading import read_study
from clr_sweep.search.writing import record_progress
from clr_sweep.training.records import StudyRecord

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(1800)]

COMPARISON = {"rivals": ["constant"], "finalists": 1, "seeds": 2}


def write(place: Place, **changes: Any) -> Path:
    """A study of one trial and one rival, whose trainings can be held or spoiled."""
    content = yaml.safe_load(place.write_held_sweep(1, epochs=2).read_text())
    return place.write_sweep(content | {"comparison": COMPARISON | changes})


def stored(place: Place, name: str = "tiny") -> StudyRecord:
    url = f"sqlite:///{place.folder / 'optuna.db'}"
    return read_study(storage.load_study(storage.open_storage(url), name))


def names(place: Place) -> set[str]:
    return set(optuna.get_all_study_names(f"sqlite:///{place.folder / 'optuna.db'}"))


# ---- a regression


@pytest.fixture(scope="module")
def compared_regression(places: Callable[..., Place]) -> tuple[Place, Running]:
    place = places("regression")
    file = regression(place.folder)
    content = yaml.safe_load(file.read_text())
    content["comparison"] = {
        "rivals": ["constant", "cosine"], "trials": {"cosine": 1}, "finalists": 2,
        "finalist_seeds": 1, "seeds": 3,
    }  # fmt: skip
    return place, place.sweep("run", str(place.write_sweep(content)), status=0)


def test_a_loss_has_no_word_of_accuracy(compared_regression: tuple[Place, Running]) -> None:
    """Neither in what is printed nor on the pages of MLflow; no margin is made up for it."""
    place, running = compared_regression
    pages = [run.data.tags["mlflow.note.content"] for run in place.runs_of_kind("sweep")]
    assert len(pages) == 4
    for text in (running.output, *pages):
        assert "accuracy" not in text
        assert "points" not in text
        assert "are equivalent" not in text
        assert "equivalent to" not in text
    assert "test loss" in running.output
    metrics = {name for run in place.runs_of_kind("sweep") for name in run.data.metrics}
    assert {"test_loss/CLR", "better_by/constant"} <= metrics


def test_of_a_loss_less_is_better(compared_regression: tuple[Place, Running]) -> None:
    """In each answer, by the values that the finals had on the test set."""
    place, running = compared_regression
    [comparison] = stored(place, "regression").comparisons
    values: dict[str, list[float]] = {}
    for trial in comparison.trials:
        if trial.seed_run is not None and trial.seed_run.stage == "finals":
            values.setdefault(trial.seed_run.entry, []).append(trial.test_metrics["test_loss"])
    means = {entry.rpartition(" trial ")[0]: sum(found) / 3 for entry, found in values.items()}
    assert all(len(found) == 3 for found in values.values())
    finals = 3 * len(values)
    assert f"finals of regression, {finals} trainings with fresh seeds\n" in running.output
    [metrics] = [
        run.data.metrics for run in place.runs_of_kind("sweep")
        if "better_by/constant" in run.data.metrics
    ]  # fmt: skip
    for rival in ("constant", "cosine"):
        better_by = means[f"regression.{rival}"] - means["regression"]
        assert metrics[f"better_by/{rival}"] == pytest.approx(better_by, rel=1e-6)
    answers = running.output.partition("CLR ahead): ")[2].partition("\n")[0]
    for rival, part in zip(("constant", "cosine"), answers.split(", "), strict=True):
        sign = "+" if metrics[f"better_by/{rival}"] > 0 else "-"
        assert f" ({sign}" in part


def test_doctor_finds_a_compared_regression_well(
    compared_regression: tuple[Place, Running],
) -> None:
    place, _ = compared_regression
    lines = place.sweep("doctor", status=0).output.splitlines()
    assert lines
    assert all("all is well" in line for line in lines)


def test_what_the_test_set_was_not_told_is_told_again(
    compared_regression: tuple[Place, Running],
) -> None:
    """As the message about a file that cannot be read promises of the same command."""
    place, _ = compared_regression
    [file, *_] = sorted((place.folder / "trials").rglob("*.comparison/*/test.json"))
    before = file.read_text()
    file.unlink()
    place.sweep("compare", "regression", status=0)
    assert file.read_text() == before


def test_what_mlflow_was_not_told_is_told_again(
    compared_regression: tuple[Place, Running],
) -> None:
    """Where it was away, or the command killed, when a search had ended."""
    place, _ = compared_regression
    [run] = [run for run in place.runs_of_kind("sweep")
             if run.info.run_name == "regression.constant"]  # fmt: skip
    place.client.delete_run(run.info.run_id)
    record_progress(place.study("regression.constant"), "complete", 2)
    place.sweep("compare", "regression", status=0)
    again = {run.info.run_name: run.info.status for run in place.runs_of_kind("sweep")}
    assert again["regression.constant"] == "FINISHED"
    assert "all is well" in place.sweep("doctor", "regression.constant", status=0).output


def test_another_study_or_other_data_are_refused_before_anything_is_trained(
    compared_regression: tuple[Place, Running],
) -> None:
    """A search that has ended is not taken for another one of its name."""
    place, _ = compared_regression
    content = yaml.safe_load((place.folder / "t.yaml").read_text())
    content["comparison"] = {"rivals": ["linear", "one_cycle"], "finalists": 1, "seeds": 2}
    content["search_space"]["max_lr"]["high"] = 0.6
    changed = str(place.write_sweep(content, "changed.yaml"))
    before = names(place)
    refused = place.sweep("run", changed, status=2)
    assert "search_space.max_lr.high: was 0.5, is now 0.6" in refused.output
    assert names(place) == before

    del content["comparison"]
    taken = str(place.write_sweep(content | {"name": "taken"}, "taken.yaml"))
    place.sweep("run", taken, "--study", "regression.one_cycle", "--trials", "1", status=0)
    asked = ("compare", "regression", "--rivals", "linear,one_cycle", "--trials", "1")
    refused = place.sweep(*asked, status=2)
    assert "study 'regression.one_cycle' was made from another definition" in refused.output
    assert "the comparison of 'regression' needs a study of that name" in refused.output
    assert names(place) == before | {"regression.one_cycle"}

    module = place.folder / "own_metrics_of_a_user.py"
    module.write_text(module.read_text().replace("default_rng(0)", "default_rng(1)"))
    refused = place.sweep("compare", "regression", "--rivals", "linear", "--trials", "1", status=2)
    assert "the data are not those of the study that is compared" in refused.output
    assert names(place) == before | {"regression.one_cycle"}


# ---- searches done again


@pytest.fixture(scope="module")
def undisturbed(places: Callable[..., Place]) -> tuple[Place, Running]:
    """One search of each arm, and then another one."""
    place = places("searches")
    place.sweep("run", str(write(place)), status=0)
    return place, place.sweep("compare", "tiny", "--searches", "2", status=0)


@pytest.fixture(scope="module")
def killed(places: Callable[..., Place]) -> tuple[Place, Running]:
    """The same, killed in its finals and in the second search's finals; then left to finish."""
    place = places("killed")
    file = write(place, searches=2)
    # The baseline, the study's trial and the rival's come first; eight finals, of which one is
    # trained again, and two trials of the second search then.
    for ahead in (5, 8 - 1 + 1 + 2 + 2):
        running = place.start_held(file, ahead=ahead)
        running.signal_group(signal.SIGKILL)
        running.wait()
    return place, place.sweep("run", str(file), status=0)


STUDIES = [
    f"tiny{search}{part}"
    for search in ("", ".search2")
    for part in ("", ".constant", ".comparison")
]


def test_searches_are_studies_of_their_own(undisturbed: tuple[Place, Running]) -> None:
    """Each with its split, its sampler and its seeds; none shares a training's seed."""
    place, _ = undisturbed
    assert names(place) == set(STUDIES)
    configs = {
        name: [trial.user_attrs["config"] for trial in place.study(name).trials] for name in STUDIES
    }
    splits = {name: {one["split_seed"] for one in found} for name, found in configs.items()}
    assert [len(one) for one in splits.values()] == [1] * 6
    assert splits["tiny"] == splits["tiny.constant"] == splits["tiny.comparison"]
    again = splits["tiny.search2"]
    assert again == splits["tiny.search2.constant"] == splits["tiny.search2.comparison"]
    assert again != splits["tiny"]
    rates = [configs[name][0]["schedule"]["max_lr"] for name in ("tiny", "tiny.search2")]
    assert rates[0] != rates[1]
    seeds = [{one["seed"] for one in configs[name]} for name in STUDIES if "constant" not in name]
    assert sum(map(len, seeds)) == len(set().union(*seeds))


def test_two_searches_are_no_class(undisturbed: tuple[Place, Running]) -> None:
    """They are read together; five are needed to speak of CLR."""
    place, running = undisturbed
    assert [one.name for one in stored(place).searches] == [
        "tiny.comparison", "tiny.search2.comparison",
    ]  # fmt: skip
    assert "CLR helps" not in running.output
    assert "--searches 5" in running.output
    assert "all is well" in place.sweep("doctor", status=0).output


@pytest.mark.slow  # in CI: the killed comparison of test_comparisons, of one search an arm
def test_a_killed_comparison_ends_with_the_same_numbers(
    undisturbed: tuple[Place, Running], killed: tuple[Place, Running]
) -> None:
    """To the bit, in all studies, and with the same answers."""
    (whole, first), (broken, second) = undisturbed, killed
    for name in STUDIES:
        assert results(broken.study(name)) == results(whole.study(name)), name
    assert evaluated_in(broken) == evaluated_in(whole)

    def sentences(running: Running) -> list[str]:
        return [line for line in running.output.splitlines() if "on the test set" in line
                or "not decidable" in line]  # fmt: skip

    assert sentences(first)
    assert sentences(second) == sentences(first)


def evaluated_in(place: Place) -> dict[str, str]:
    files = (place.folder / "trials").rglob("*.comparison/*/test.json")
    return {str(file.relative_to(place.folder)): file.read_text() for file in files}


# ---- trainings that fail


def test_a_final_that_fails_is_told(places: Callable[..., Place]) -> None:
    """The others go on; the answer says that a seed is missing, and whose."""
    place = places("spoiled")
    file = write(place, seeds=3)
    place.spoil(5)  # the rival's first; a study of which the first fails is stopped
    running = place.sweep("run", str(file), status=0)
    assert "1 of 3 finals failed" in running.output
    states = [trial.state.name for trial in place.study("tiny.comparison").trials]
    assert states.count("FAIL") == 1
    assert states.count("COMPLETE") == 11
    assert "Traceback" not in running.output


def test_a_study_of_which_nothing_is_complete_is_not_compared(
    places: Callable[..., Place],
) -> None:
    """No rival is tuned for what can have no answer."""
    place = places("nothing-complete")
    file = write(place)
    place.spoil(2)  # after the baseline
    place.sweep("run", str(file), status=1)
    refused = place.sweep("compare", "tiny", status=1)
    assert "tiny: 1 trial: 0 complete, 0 pruned, 0 diverged, 1 failed" in refused.output
    assert "no trial of the study is complete: see the reasons above" in refused.output
    assert names(place) == {"tiny"}


# ---- a comparison that is changed


def test_a_changed_comparison_is_asked_for_by_either_command(
    places: Callable[..., Place],
) -> None:
    """What the file holds now is what `compare` does too, once `run` has read it."""
    place = places("changed")
    place.sweep("run", str(write(place)), status=0)
    place.sweep("run", str(write(place, seeds=3)), status=0)
    assert len(stored(place).comparisons) == 2
    again = place.sweep("compare", "tiny", status=0)
    assert len(stored(place).comparisons) == 2
    assert "with 3 seeds" in again.output or "over 3 seeds" in again.output
