"""`comparison:` of a sweep file: what it takes, what it means, and what is said of wrong values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given
from hypothesis import strategies as st
from json_schemas import SWEEP_SCHEMA, allows
from small_studies import FACTS
from written_sweeps import content, problems, sweep, written

from clr_sweep.definition.comparison import ComparisonConfig, trials_problems
from clr_sweep.definition.fields import POLICIES
from clr_sweep.definition.loading import load_sweep
from clr_sweep.definition.metrics import KERAS
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.validation import validation
from clr_sweep.search import storage

LISTED = "must be a list of policies, none twice, such as [constant, cosine], got"
A_COUNT = "must be a whole number from 1 to 1000000"


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """No section: nothing is compared by `run`; an empty one: four rivals, ten seeds."""
    assert load_sweep(written(tmp_path)).comparison is None
    made = load_sweep(written(tmp_path, {"comparison": {}})).comparison
    assert made == ComparisonConfig()
    assert made is not None
    assert made.rivals == ("constant", "linear", "cosine", "one_cycle")
    assert (made.finalists, made.finalist_seeds, made.seeds, made.searches) == (3, 3, 10, 1)
    assert (made.trials, made.margin) == (None, None)


def test_every_key_is_read(tmp_path: Path) -> None:
    """As it is written, any policy as a rival, and through JSON and back."""
    given_keys: dict[str, Any] = {
        "rivals": ["triangular", "cosine"], "trials": {"cosine": 2}, "finalists": 1,
        "finalist_seeds": 2, "seeds": 4, "margin": 0.01, "searches": 5,
    }  # fmt: skip
    made = load_sweep(written(tmp_path, {"comparison": given_keys}))
    assert made.comparison is not None
    assert made.comparison.model_dump(mode="json") == given_keys
    assert set(given_keys) == set(ComparisonConfig.model_fields)
    assert Sweep.from_json(made.model_dump(mode="json")) == made


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("rivals", "constant", f"{LISTED} 'constant'"),
        ("rivals", [], f"{LISTED} []"),
        ("rivals", None, f"{LISTED} nothing"),
        ("rivals", ["cosine", "cosine"], f"{LISTED} ['cosine', 'cosine']"),
        ("rivals", ["cosine", 3], f"{LISTED} ['cosine', 3]"),
        ("rivals", ["cosin"], "unknown policy 'cosin' - did you mean 'cosine'? (known: "),
        ("trials", 0, f"{A_COUNT}, or one for each rival, such as {{cosine: 20}}, got 0"),
        ("trials", True, f"{A_COUNT}, or one for each rival, such as {{cosine: 20}}, got true"),
        ("trials", 2.0, f"{A_COUNT}, or one for each rival, such as {{cosine: 20}}, got 2.0"),
        ("trials", [1], f"{A_COUNT}, or one for each rival, such as {{cosine: 20}}, got [1]"),
        ("trials", 6, "must be at most study.trials (5), for an equal search, got 6"),
        ("trials.cosine", 6, "must be at most study.trials (5), for an equal search, got 6"),
        ("trials.cosine", 0, f"{A_COUNT}, got 0"),
        ("trials.lineer", 2, "unknown policy 'lineer' - did you mean 'linear'? (known: "),
        ("trials.triangular", 2, "is none of the rivals (constant, linear, cosine, one_cycle)"),
        ("finalists", 0, "must be at least 1, got 0"),
        ("finalists", 101, "must be at most 100, got 101"),
        ("finalist_seeds", 0, "must be at least 1, got 0"),
        ("finalist_seeds", 1.5, "must be a whole number, got 1.5"),
        ("seeds", 1, "must be at least 2, got 1"),
        ("seeds", 1001, "must be at most 1000, got 1001"),
        ("seeds", True, "must be a whole number, got true"),
        ("margin", 0, "must be a finite number above 0, got 0"),
        ("margin", float("nan"), "must be a finite number above 0, got nan"),
        ("margin", "half a point", "must be a finite number above 0, got 'half a point'"),
        ("searches", 0, "must be at least 1, got 0"),
        ("searches", 101, "must be at most 100, got 101"),
        ("sed", 3, "unknown key 'sed' - did you mean 'seeds'? (known: rivals, trials, "),
    ],
)
def test_bad_values(tmp_path: Path, key: str, value: Any, said: str) -> None:
    """Each is refused once, with its place, the value and what is allowed."""
    name, dot, inner = key.partition(".")
    section = {name: {inner: value} if dot else value}
    [problem] = problems(written(tmp_path, {"comparison": section}))
    assert problem.startswith(f"comparison.{key}: {said}")


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    """A problem a key, and none twice."""
    wrong = {"seeds": 1, "margin": -1, "trials": {"cosine": 0, "linear": "x"}, "rivals": ["linar"]}
    found = problems(written(tmp_path, {"comparison": wrong}))
    assert [text.partition(":")[0] for text in found] == [
        "comparison.rivals", "comparison.trials.cosine", "comparison.trials.linear",
        "comparison.seeds", "comparison.margin",
    ]  # fmt: skip


def test_too_many_trials_are_named_once(tmp_path: Path) -> None:
    """One number for all rivals is one problem; those of each rival are one each."""
    [one] = problems(written(tmp_path, {"comparison": {"trials": 9}}))
    assert one.startswith("comparison.trials: ")
    each = {"trials": {"cosine": 9, "linear": 5, "constant": 7}}
    found = problems(written(tmp_path, {"comparison": each}))
    places = [text.partition(":")[0] for text in found]
    assert places == ["comparison.trials.constant", "comparison.trials.cosine"]


def test_fewer_trials_on_the_command_line(tmp_path: Path) -> None:
    """`--trials` below what a rival would get is no equal search either."""
    file = written(tmp_path, {"comparison": {"trials": 4}})
    assert load_sweep(file, {"study.trials": "4"}).study.trials == 4
    [problem] = problems(file, {"study.trials": "3"})
    assert problem == (
        "comparison.trials: must be at most study.trials (3), for an equal search, got 4"
    )


@given(
    of_study=st.integers(1, 60),
    trials=st.none() | st.integers(1, 60)
    | st.dictionaries(st.sampled_from(["constant", "linear"]), st.integers(1, 60)),
)  # fmt: skip
def test_trials_of_a_rival(of_study: int, trials: int | dict[str, int] | None) -> None:
    """One number is for all; a rival that is not named gets as many as the study."""
    made = ComparisonConfig.model_validate({"trials": trials})
    each = trials if isinstance(trials, dict) else {}
    for rival in made.rivals:
        wanted = trials if isinstance(trials, int) else each.get(rival, of_study)
        assert made.trials_of(rival, of_study) == wanted
    too_many = any(made.trials_of(rival, of_study) > of_study for rival in made.rivals)
    assert bool(trials_problems(made, of_study)) == too_many


def test_a_study_without_a_comparison_has_no_trials_to_check() -> None:
    """Nothing is wrong with what is not there."""
    assert trials_problems(None, 1) == []


@pytest.mark.parametrize(
    ("metric", "margin"),
    [
        ("val_accuracy", 0.005), ("accuracy", 0.005), ("test_binary_accuracy", 0.005),
        ("val_acc", 0.005), ("val_loss", None), ("val_auc", None), ("val_f1_score", None),
        ("val_mean_absolute_error", None), ("val_a_metric_of_mine", None),
    ],
)  # fmt: skip
def test_the_margin_of_a_metric(metric: str, margin: float | None) -> None:
    """Half a point of an accuracy; nothing is made up for any other metric."""
    named = ReportedMetric.by_name(metric)
    assert ComparisonConfig().margin_of(named) == margin
    assert ComparisonConfig(margin=2).margin_of(named) == 2


def test_no_metric_but_an_accuracy_has_a_margin() -> None:
    """Of all that Keras knows, those that are told in points."""
    named = {name: ReportedMetric.by_name(f"val_{name}") for name in KERAS}
    has = {name for name, one in named.items() if ComparisonConfig().margin_of(one) is not None}
    assert has == {name for name, known in KERAS.items() if known.is_share}


VALUES = (
    st.none() | st.booleans() | st.integers(-2, 1200) | st.floats() | st.text(max_size=4)
    | st.lists(st.sampled_from([*POLICIES, "cosin", 3]), max_size=3)
    | st.dictionaries(st.sampled_from([*POLICIES, "x"]), st.integers(-1, 5), max_size=3)
)  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from([*ComparisonConfig.model_fields, "x"]), VALUES))
def test_garbage_is_a_comparison_or_a_list_of_problems(changes: dict[str, Any]) -> None:
    """Each with a place in the file; no word of how it was checked."""
    made, found = validation(Sweep, content({"comparison": changes}))
    assert (made is None) == bool(found)
    for keys, text in found:
        assert keys[0] == "comparison"
        assert len(keys) <= 3
        assert not {"constrained", "literal", "dict["} & set(text.replace("-", " ").split())
        assert all(key in changes or key in (*POLICIES, "x") for key in keys[1:])
        assert "got" in text or "unknown" in text or "is none of the rivals" in text
    if made is not None:
        assert Sweep.model_validate_json(made.model_dump_json()) == made


@given(changes=st.dictionaries(st.sampled_from([*ComparisonConfig.model_fields]), VALUES))
def test_the_schema_allows_what_is_taken(changes: dict[str, Any]) -> None:
    """An editor marks nothing that a sweep may hold."""
    file = content({"comparison": changes})
    if validation(Sweep, file)[0] is not None:
        assert allows(SWEEP_SCHEMA, file)


@pytest.mark.parametrize(
    "section",
    [
        {"rivals": []}, {"rivals": ["x"]}, {"rivals": ["cosine", "cosine"]}, {"trials": 0},
        {"trials": {"x": 1}}, {"trials": {"cosine": 0}}, {"trials": "5"}, {"finalists": 0},
        {"seeds": 1}, {"seeds": 1001}, {"margin": 0}, {"searches": 0}, {"x": 1}, [],
    ],
)  # fmt: skip
def test_the_schema_marks_what_is_refused(section: Any) -> None:
    """As far as a schema can tell."""
    assert not allows(SWEEP_SCHEMA, content({"comparison": section}))


def test_a_comparison_may_change_between_starts(tmp_path: Path) -> None:
    """It is made after the search: a study goes on, whatever its comparison is now."""
    store = storage.open_storage(f"sqlite:///{tmp_path / 'optuna.db'}")
    sections: list[Any] = [None, {}, {"rivals": ["cosine"], "seeds": 20}, {"margin": 0.1}, None]
    for section in sections:
        study = storage.open_study(store, sweep({"comparison": section}), "", FACTS)
        assert isinstance(study, optuna.Study)
    store.engine.dispose()  # type: ignore[attr-defined]
