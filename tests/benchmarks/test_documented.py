"""What heads and pages say of the shipped sweeps is what their kept runs hold."""

from __future__ import annotations

import gzip
import html
import re
from pathlib import Path

import pytest
import yaml
from documentation import PAGES
from real_runs import PROJECT

from benchmarks.documented import heads, pages, report
from benchmarks.documented.blocks import blocks_of, replaced, table
from benchmarks.documented.compared import class_answers, found, last_comparison
from benchmarks.documented.kept import (
    CLASSES,
    COMPARED,
    SWEEPS,
    definition,
    file_of,
    kept,
    read,
    sweep_file,
)
from benchmarks.documented.reproductions import TUTORIAL
from benchmarks.documented.seeds import kept_tests
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.shipped_sweeps import shipped_sweeps
from clr_sweep.definition.sweep import Sweep
from clr_sweep.results.arms import arm_results

ALL_PAGES = [*PAGES, PROJECT / "README.md"]
RUN = sorted([*shipped_sweeps(), CLASSES])


@pytest.mark.parametrize("sweep", RUN)
def test_a_run_of_each_sweep_is_kept(sweep: str) -> None:
    """It was run in full, as its file is now."""
    assert sweep in kept(), f"run it, then: python -m benchmarks.documented.keep STORAGE {sweep}"
    run = read(sweep)
    now = definition(load_sweep(sweep_file(sweep)))
    assert definition(Sweep.model_validate({**run.definition})) == now
    assert run.study.state == "complete"
    assert run.study.ended == now["study"]["trials"]


@pytest.mark.parametrize("sweep", RUN)
def test_the_head_of_a_sweep_is_its_kept_run(sweep: str) -> None:
    """Every figure in it: another one is overwritten by the run's."""
    text = sweep_file(sweep).read_text(encoding="utf-8")
    assert heads.with_head(text, read(sweep)) == text, "python -m benchmarks.documented"


def test_a_head_with_another_figure_is_noticed() -> None:
    """The comparison sees one digit."""
    text = sweep_file("first_look").read_text(encoding="utf-8")
    best = read("first_look").study.best
    assert best is not None
    value = f"{best.value:.4f}"
    assert value in text
    wrong = text.replace(value, "0.9999")
    assert heads.with_head(wrong, read("first_look")) == text


@pytest.mark.parametrize(("page", "block"), list(pages.BLOCKS))
def test_a_block_of_a_page_is_its_kept_run(page: str, block: str) -> None:
    """The tables of the documentation are those of the kept runs."""
    text = (PROJECT / page).read_text(encoding="utf-8")
    assert replaced(text, block, pages.content(page, block)) == text, "run the command it names"


def test_no_block_is_written_by_nobody() -> None:
    """Each block in a page has what writes it."""
    found = {
        (str(page.relative_to(PROJECT)), block) for page in ALL_PAGES for block in blocks_of(page)
    }
    assert found == set(pages.BLOCKS)


def test_the_first_look_is_worth_seeing() -> None:
    """Each of its trials beats the baseline by five points, and the best by ten."""
    study = read("first_look").study
    assert study.baseline is not None
    baseline = study.baseline.metrics["val_accuracy"]
    values = [trial.value or 0.0 for trial in study.trials]
    assert min(values) > baseline + 0.05
    assert max(values) > baseline + 0.10


def test_the_tutorials_seeds_are_paired() -> None:
    """Trial by trial the same weights and order of the data, so that differences are of a pair."""
    seeds = [[trial.config.seed for trial in read(sweep).study.trials] for sweep in TUTORIAL]
    assert seeds[0] == seeds[1] == seeds[2]
    assert len(set(seeds[0])) == 5


def test_each_constant_rate_was_trained_once() -> None:
    """The curve has every rate that its sweep lists."""
    rates = [trial.config.schedule.max_lr for trial in read("rate_curve").study.trials]
    listed = load_sweep(SWEEPS / "rate_curve.yaml").search_space.max_lr
    assert isinstance(listed, tuple)
    assert sorted(rates) == sorted(float(rate) for rate in listed)


def test_test_values_of_seeds_are_those_of_the_study() -> None:
    """Of the one seed that the study has tested itself."""
    study = read("keras_io").study
    best, tests = study.best, kept_tests()
    assert best is not None
    assert tests[best.number] == best.test_metrics["test_accuracy"]
    assert sorted(tests) == [trial.number for trial in study.trials]


@pytest.mark.parametrize("sweep", RUN)
def test_no_folder_of_the_machine_is_kept(sweep: str) -> None:
    """Of the trials, the data's module and what was exported."""
    text = gzip.decompress(file_of(sweep).read_bytes()).decode()
    assert places(text) == set()


def places(text: str) -> set[str]:
    """Folders that are those of one machine: not of every Debian, and not the pages' example."""
    found = set(re.findall(r"[\"\s>](/[a-z]+/[^\"\s<\\]*)", text))
    return {place for place in found if not place.startswith(("/home/me/", "/usr/share/"))}


# ---- the comparison


def test_the_comparison_has_the_stated_searches_and_has_ended() -> None:
    """Of CLR's 50 trials with as many of a constant rate and 20 of the others, over 10 seeds."""
    record = last_comparison(COMPARED).comparison
    assert record is not None
    rivals = {arm.name: arm.trials for arm in record.arms if arm.kind == "rival"}
    assert rivals == {"constant": 50, "linear": 20, "cosine": 20, "one_cycle": 20}
    assert record.seeds == 10
    for arm in arm_results(last_comparison(COMPARED)):
        assert arm.is_complete, arm.arm.name


def test_the_classes_have_searches_enough() -> None:
    """An answer on the class stands in the pages, by five searches that have all ended."""
    study = read(CLASSES).study
    assert len(study.searches) == 5
    assert all(arm.is_complete for one in study.searches for arm in arm_results(one))
    assert class_answers()


def test_the_kept_report_says_what_the_page_says() -> None:
    """The verdict's sentence, and of no folder where it was made."""
    text = html.unescape(report.FILE.read_text(encoding="utf-8"))
    assert found(COMPARED).headline in text
    assert places(text) == set()


# ---- figures


def _rows() -> dict[str, str]:
    """Of each image in the table of docs/images the command that draws it."""
    text = (PROJECT / "docs/images/README.md").read_text(encoding="utf-8")
    rows = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1].strip() for row in rows}


def test_every_image_has_the_command_that_draws_it() -> None:
    """Of each in docs/images, and of no other; what the command runs is in the repository."""
    images = {file.name for file in (PROJECT / "docs/images").glob("*.png")}
    rows = _rows()
    assert set(rows) == images
    for image, command in rows.items():
        words = command.strip("`").split()
        if words[:2] == ["python", "-m"]:
            module = PROJECT / Path(*words[2].split("."))
            assert module.with_suffix(".py").exists() or (module / "__main__.py").exists(), image
        else:
            assert words[0] == "python", f"{image}: {command}"
            assert (PROJECT / words[1]).exists(), image


def test_every_image_is_shown_somewhere() -> None:
    """None lies about."""
    text = "".join(page.read_text(encoding="utf-8") for page in ALL_PAGES)
    for file in (PROJECT / "docs/images").glob("*.png"):
        assert f"images/{file.name})" in text, file.name


# ---- the parts


def test_a_block_is_replaced_and_the_rest_is_not() -> None:
    """Once its name is known; a page without it is an error."""
    mark = "<!-- a: written by python -m benchmarks.documented -->"
    text = f"before\n{mark}\n\nold\n\n<!-- end of a -->\nafter\n"
    assert replaced(text, "a", "new\n") == text.replace("old", "new")
    with pytest.raises(ValueError, match="0 blocks named b"):
        replaced(text, "b", "new")


def test_numbers_are_set_to_the_right() -> None:
    assert table(["a", "b"], [["x", "1.5"], ["y", "-2e-5"]]).splitlines()[1] == "| --- | ---: |"


def test_heads_are_comments() -> None:
    """A head changes nothing of what a sweep is."""
    for sweep in RUN:
        text = sweep_file(sweep).read_text(encoding="utf-8")
        assert yaml.safe_load(heads.with_head(text, read(sweep))) == yaml.safe_load(text)
