"""A study is read with its comparisons, which are studies of their own beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import optuna
import pytest
from small_studies import FACTS
from written_sweeps import sweep

from clr_sweep.search import storage
from clr_sweep.search.arms import comparison_name, fixed_arms, search_name
from clr_sweep.search.reading import read_study, stored_definition
from clr_sweep.search.seed_runs import open_comparison
from clr_sweep.training.comparison_records import Arm, ComparisonRecord

Begin = Callable[..., None]


def record(of: str, number: int, seeds: int = 10, rivals: tuple[str, ...] = ("constant",)) -> Any:
    arms = (Arm("clr", "CLR", of, 5, (1,)), *(Arm("rival", r, f"{of}.{r}", 5) for r in rivals))
    pairs = tuple((0, place) for place in range(1, len(arms) + 2))
    return ComparisonRecord(of, number, 3, seeds, 0.005, (*arms, *fixed_arms()), pairs)


def begun(store: optuna.storages.BaseStorage, name: str) -> optuna.Study:
    return storage.open_study(store, sweep({"study.name": name}), "", FACTS)


@pytest.fixture
def begin(opened: optuna.storages.BaseStorage) -> Begin:
    """Begins a comparison of a search of the study `example`."""

    def do(search: int, number: int, **how: Any) -> None:
        of = search_name("example", search)
        open_comparison(begun(opened, comparison_name(of, number)), record(of, number, **how))

    return do


def names(study: optuna.Study, of: str) -> list[str]:
    return [one.name for one in getattr(read_study(study), of)]


def test_comparisons_come_in_their_order(study: optuna.Study, begin: Begin) -> None:
    """As far as they were begun, one after the other."""
    assert names(study, "comparisons") == []
    begin(1, 1, seeds=3)
    begin(1, 2)
    begin(1, 4)
    assert names(study, "comparisons") == ["example.comparison", "example.comparison2"]
    [first, _] = read_study(study).comparisons
    assert first.comparison == record("example", 1, seeds=3)
    assert names(study, "searches") == []


def test_a_study_that_only_has_the_name_is_none(
    study: optuna.Study, opened: optuna.storages.BaseStorage
) -> None:
    """A user may have called a study so."""
    begun(opened, "example.comparison")
    assert names(study, "comparisons") == []


def test_searches_are_the_last_alike(study: optuna.Study, begin: Begin) -> None:
    """Five searches are five values of one thing: one made otherwise is none of them."""
    for search in (1, 2, 3, 4):
        begin(search, 1)
    wanted = ["example.comparison", *(f"example.search{n}.comparison" for n in (2, 3, 4))]
    assert names(study, "searches") == wanted
    begin(3, 2, seeds=20)
    assert names(study, "searches") == wanted
    begin(1, 2, rivals=("constant", "cosine"))
    assert names(study, "searches") == []
    begin(2, 2, rivals=("constant", "cosine"))
    assert names(study, "searches") == ["example.comparison2", "example.search2.comparison2"]


def test_an_earlier_comparison_has_its_own_searches(study: optuna.Study, begin: Begin) -> None:
    """Who asks for it again gets no answer about classes that a later one gave."""
    for search in (1, 2, 3):
        begin(search, 1)
    for search in (1, 2):
        begin(search, 2, seeds=20)
    assert [one.name for one in read_study(study).searches] == [
        "example.comparison2", "example.search2.comparison2"
    ]  # fmt: skip
    again = read_study(study, last=1)
    assert [one.name for one in again.comparisons] == ["example.comparison"]
    assert [one.name for one in again.searches] == [
        "example.comparison", "example.search2.comparison", "example.search3.comparison"
    ]  # fmt: skip


def test_searches_that_found_other_winners_are_alike() -> None:
    """What was found is what differs; how it was looked for must not."""
    one, other = record("example", 1), record("example.search2", 3)
    other = dataclasses.replace(
        other, arms=(dataclasses.replace(other.arms[0], candidates=(4,)), *other.arms[1:])
    )
    assert one.design == other.design
    for field, value in (("seeds", 5), ("finalist_seeds", 5), ("margin", None), ("pairs", ())):
        assert dataclasses.replace(one, **{field: value}).design != one.design
    fewer = (dataclasses.replace(one.arms[0], trials=4), *one.arms[1:])
    assert dataclasses.replace(one, arms=fewer).design != one.design


def test_the_study_of_a_comparison_has_none_itself(
    begin: Begin, opened: optuna.storages.BaseStorage
) -> None:
    """It says whose it is."""
    begin(1, 1)
    read = read_study(storage.load_study(opened, "example.comparison"))
    assert (read.comparisons, read.searches) == ((), ())
    assert read.comparison is not None
    assert read.comparison.of == "example"
    assert read.best is None


def test_a_study_of_the_longest_name_is_read(opened: optuna.storages.BaseStorage) -> None:
    """No comparison of it could have a name, so it has none; it is a study all the same."""
    assert names(begun(opened, "n" * 100), "comparisons") == []


def test_a_comparison_is_asked_for_as_the_last_start_had_it(
    opened: optuna.storages.BaseStorage,
) -> None:
    """The study goes on by its first definition, but for what a later start may change."""
    for asked in (None, {"seeds": 3}, {"seeds": 20, "trials": {"cosine": 4}}, None):
        made = sweep({"comparison": asked})
        kept = None if made.comparison is None else made.comparison.model_dump(mode="json")
        study = storage.open_study(opened, made, "", {**FACTS, "comparison": kept})
        if asked is not None:
            assert stored_definition(study, None).comparison == made.comparison
