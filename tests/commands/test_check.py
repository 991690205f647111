"""`clr-sweep check`: what it says about a sweep, and what it warns of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import optuna
import pytest
from written_sweeps import FROM_RANGE_TEST, SHIPPED, content, written

from clr_sweep.commands.check import cycle_warnings, describe_plan
from clr_sweep.common.errors import InputError
from clr_sweep.definition.sweep import ON_TEST_SET, Sweep
from clr_sweep.search.storage import open_storage

SLICE = str(Path(__file__).parents[1] / "data" / "fashion_mnist_slice.npz")


def plan(folder: Path, changes: dict[str, Any]) -> list[str]:
    return describe_plan(written(folder, changes)).split("\n")


def warnings(changes: dict[str, Any]) -> list[str]:
    return cycle_warnings(Sweep.model_validate(content(changes)))


def test_the_plan_of_the_shipped_sweep() -> None:
    """The whole text: what is searched, on what, where each factor ends, and what it costs."""
    assert describe_plan(SHIPPED).split("\n") == [
        f"{SHIPPED}: valid",
        "study: fashion-mnist, 50 trials, sampler tpe, pruner cycle_aware, seed 42",
        "objective: maximize val_accuracy at the end of a trial's last whole cycle",
        "search space:",
        "  init_lr: 0.0001 to 0.01 (real numbers, log scale)",
        "  max_lr: 0.01 to 1.0 (real numbers, log scale)",
        "  step_size_factor: 2 to 8 (whole numbers)",
        "  policy: one of triangular, triangular2, exp_range",
        "  gamma: 0.99994 (fixed)",
        "training: tutorial_cnn, sgd, batch size 64, at most 16 epochs",
        "baseline: constant learning rate 0.01",
        "data: fashion_mnist, 54,000 examples to train on, 6,000 held out for validation, "
        "844 steps per epoch",
        "cycles of a trial, by step-size factor (half a cycle = factor x steps per epoch):",
        "  factor  step size  whole cycles  epochs      steps  final rate",
        "       2      1,688             4      16     13,504  init_lr",
        "       3      2,532             2      12     10,128  init_lr",
        "       4      3,376             2      16     13,504  init_lr",
        "       5      4,220             1      10      8,440  init_lr",
        "       6      5,064             1      12     10,128  init_lr",
        "       7      5,908             1      14     11,816  init_lr",
        "       8      6,752             1      16     13,504  init_lr",
        "cost without pruning: 50 trials of 13.7 epochs on average and 16 for the baseline, "
        "702 epochs or 592,247 steps in all",
        "labels: not looked at (run holds them against training.loss before its first step, and "
        "so does --measure)",
        "time: not measured (--measure times some training steps on this machine)",
    ]


def test_the_plan_of_an_odd_sweep(tmp_path: Path) -> None:
    """Further hyperparameters, arguments and other ends are shown as they are meant."""
    changes = {
        "training": {
            "epochs": 10,
            "early_stopping": {"patience": 2, "min_delta": 0.001},
            "batch_size": 32,
            "optimizer": {"name": "sgd", "arguments": {"nesterov": True, "momentum": 0}},
        },
        "model.arguments": {"dropout": 0.3},
        "objective": {"metric": "val_loss", "at": "final"},
        "search_space.policy": "triangular",
        "search_space.init_lr": {"ratio": {"low": 3, "high": 10}},
        "search_space.step_size_factor": [5, 2.5, 8],
        "search_space.batch_size": [32, 64],
        "search_space.momentum": {"low": 0, "high": 1},
    }
    lines = plan(tmp_path, changes)
    assert "objective: minimize val_loss in the last epoch" in lines
    assert "  init_lr: max_lr / ratio, ratio 3 to 10 (real numbers)" in lines
    assert "  policy: triangular (fixed)" in lines
    assert "  momentum: 0 to 1 (real numbers)" in lines
    assert not any(line.startswith("  gamma") for line in lines)  # exp_range alone has it
    assert (
        "training: tutorial_cnn (dropout 0.3), sgd (nesterov true, momentum 0.0), batch size 32, "
        "at most 10 epochs"
    ) in lines
    rule = "early stopping: after 2 troughs that do not improve by more than 0.001"
    assert rule in lines
    assert "  (at batch size 32; the trials' own differ)" in lines
    head = lines.index("  factor  step size  whole cycles  epochs      steps  final rate")
    assert lines[head + 1 : head + 4] == [
        "     2.5      4,220             2      10     16,880  init_lr",
        "       5      8,440             1      10     16,880  init_lr",
        "       8     13,504             0      10     16,880  init_lr + 0.75 x (max_lr - init_lr)",
    ]
    assert sum(line.startswith("warning: ") for line in lines) == 1


def test_the_plan_of_policies_without_cycles(tmp_path: Path) -> None:
    """They take the whole budget, and the cost is the mean over all policies."""
    changes = {
        "search_space.policy": ["triangular", "cosine", "one_cycle"],
        "search_space.step_size_factor": 5,
        "training.cycle_momentum": None,
        "baseline": {"policy": "linear", "learning_rate": 0.3},
    }
    lines = plan(tmp_path, changes)
    assert "baseline: linear learning rate 0.3" in lines
    assert (
        "without cycles (cosine, one_cycle): 16 epochs, 13,504 steps, ending with the budget"
        in lines
    )
    assert any(line.startswith("cost without pruning: 5 trials of 14.0 epochs") for line in lines)
    alone = plan(tmp_path, {"search_space.policy": "cosine"})
    assert not any("init_lr" in line or "factor" in line for line in alone)
    assert any(line.startswith("cost without pruning: 5 trials of 16.0 epochs") for line in alone)


def test_the_plan_names_cycled_momentum(tmp_path: Path) -> None:
    """What is cycled, and between which values."""
    changes = {"training.cycle_momentum": {"low": 0.8}, "training.optimizer": "adam"}
    assert "beta_1: cycled from 0.95 down to 0.8 while the rate rises, and back" in plan(
        tmp_path, changes
    )


def test_the_plan_names_weights(tmp_path: Path) -> None:
    """Only where examples do not all count alike."""
    for weights, words in (({"0": 1, "9": 2.5}, "0: 1, 9: 2.5"), ("balanced", "balanced")):
        assert f"class weights: {words}" in plan(tmp_path, {"training.class_weight": weights})
    of_either = ("class weights", "sample weights")
    assert not any(line.startswith(of_either) for line in plan(tmp_path, {}))
    (tmp_path / "weighing.py").write_text("def by_age(x, y): ...\n")
    weighed = plan(tmp_path, {"training.sample_weight": "weighing:by_age"})
    assert "sample weights: weighing:by_age" in weighed


def test_the_plan_names_mixed_precision(tmp_path: Path) -> None:
    """Where it is not the default."""
    assert "precision: mixed_bfloat16" in plan(tmp_path, {"training.precision": "mixed_bfloat16"})
    assert not any(line.startswith("precision") for line in plan(tmp_path, {}))


def test_data_from_a_file(tmp_path: Path) -> None:
    """The size of a file's data is read without loading it."""
    lines = plan(tmp_path, {"dataset": {"name": SLICE, "validation": 0.25}})
    expected = f"data: {SLICE}, 1,500 examples to train on, 500 held out for validation, 24 steps"
    assert any(line.startswith(expected) for line in lines)


def test_a_gamma_that_hardly_decays(tmp_path: Path) -> None:
    """Over the few steps of a small data set: said below the table of the trials' steps."""
    changes = {"dataset": {"name": SLICE, "validation": 400}, "search_space.gamma": 0.99994}
    hardly = [line for line in plan(tmp_path, changes) if "all but triangular" in line]
    assert len(hardly) == 1
    assert hardly[0].startswith("warning: exp_range with gamma 0.99994 is all but triangular: ")
    fits = hardly[0].split("search_space.gamma ")[1].split(" ")[0]
    changed = plan(tmp_path, {**changes, "search_space.gamma": float(fits)})
    assert not [line for line in changed if "warning" in line]


def test_data_from_a_function(tmp_path: Path) -> None:
    """The function is not called: its size stays open, and the cycles are judged without it."""
    text = "raise SystemExit('must not be imported')\ndef load(): ..."
    (tmp_path / "data_for_a_plan.py").write_text(text)
    changes = {"dataset.name": "data_for_a_plan:load", "objective.at": "final"}
    lines = plan(tmp_path, changes)
    open_size = "data: data_for_a_plan:load (its size is known once it is loaded: --measure)"
    assert open_size in lines
    assert lines[lines.index(open_size) + 1].startswith("warning: with objective.at: final trials")


@pytest.mark.parametrize(
    ("factor", "shown"),
    [
        (4, ["4"]),
        ([8, 2, 2.5], ["2", "2.5", "8"]),
        ({"low": 2, "high": 8, "step": 3}, ["2", "5", "8"]),
        ({"low": 2.0, "high": 8.0}, ["2", "3", "4", "5", "6", "7", "8"]),
        ({"low": 1.0, "high": 2.5}, ["1", "1.25", "1.5", "1.75", "2", "2.25", "2.5"]),
        ({"low": 1, "high": 31}, [str(factor) for factor in range(1, 32, 2)]),
        ({"low": 2.0, "high": 4.0, "step": 0.5}, ["2", "2.5", "3", "3.5", "4"]),
    ],
)
def test_the_factors_shown(tmp_path: Path, factor: Any, shown: list[str]) -> None:
    """All factors, or an even spread of many; each one a factor that can be sampled."""
    lines = plan(tmp_path, {"search_space.step_size_factor": factor, "training.epochs": 64})
    table = lines[
        lines.index("  factor  step size  whole cycles  epochs      steps  final rate") + 1 :
    ]
    rows = table[: next(i for i, line in enumerate(table) if line.startswith("cost"))]
    assert [row.split()[0] for row in rows] == shown


@pytest.mark.parametrize("epochs", [16, 17, 40])
def test_no_warning_where_every_factor_ends_at_a_trough(epochs: int) -> None:
    """16 epochs let every factor in [2, 8] finish a cycle."""
    assert warnings({"training.epochs": epochs}) == []


def test_each_policy_has_a_line_of_its_own_where_they_end_apart(tmp_path: Path) -> None:
    """Numbers where the bounds are fixed, below one another."""
    changes = {
        "search_space.init_lr": 0.001,
        "search_space.max_lr": 0.101,
        "search_space.step_size_factor": 3,
        "search_space.policy": ["triangular", "triangular2"],
        "training.epochs": 7,
        "objective.at": "final",
    }
    lines = plan(tmp_path, changes)
    head = lines.index("  factor  step size  whole cycles  epochs      steps  final rate")
    assert lines[head + 1 : head + 3] == [
        "       3      2,532             1       7      5,908  triangular: 0.0343333333",
        "                                                      triangular2: 0.0176666667",
    ]


def test_the_warning_of_scores_that_are_not_comparable() -> None:
    """`final` compares peaks with troughs, unless every factor divides the budget."""
    (warning,) = warnings({"objective": {"at": "final"}})
    assert "with objective.at: final" in warning
    assert warnings({"objective": {"at": "final"}, "search_space.step_size_factor": 4}) == []
    assert warnings({"objective": {"at": "best"}}) == []
    # One factor and policy is the same place for all trials, wherever that is.
    one = {"objective": {"at": "final"}, "search_space.step_size_factor": 3}
    assert warnings({**one, "search_space.policy": "triangular2"}) == []
    assert len(warnings({**one, "search_space.policy": ["triangular", "constant"]})) == 1
    # A factor that finishes no cycle is compared as little.
    assert len(warnings({"objective": {"at": "final"}, "training.epochs": 2})) == 1


def test_the_plan_with_validation_on_the_test_set(tmp_path: Path) -> None:
    """What is trained on, and that no value of such a sweep judges anything."""
    lines = plan(tmp_path, {"dataset": {"name": "fashion_mnist", "validation": "test"}})
    assert ON_TEST_SET in lines
    assert (
        "data: fashion_mnist, 60,000 examples to train on, none held out for validation, "
        "938 steps per epoch"
    ) in lines
    assert ON_TEST_SET not in plan(tmp_path, {})


def test_the_plan_with_a_range_test(tmp_path: Path) -> None:
    """That the ranges come from one, what it costs, and that its bounds hold for one training."""
    changes = {**FROM_RANGE_TEST, "range_test": {"seeds": 2, "epochs": 4}}
    lines = plan(tmp_path, changes)
    assert (
        "range test: the first stage, it gives init_lr and max_lr; 2 seeds of 4 epochs, "
        "exponential from 1e-05 to 10, rule smith" in lines
    )
    assert not any(line.startswith(("  init_lr", "  max_lr", "warning")) for line in lines)
    (cost,) = (line for line in lines if line.startswith("cost"))
    assert "16 for the baseline, 8 for the range test, 93 epochs" in cost
    varied = plan(tmp_path, {**changes, "search_space.momentum": [0.0, 0.9]})
    (warning,) = (line for line in varied if line.startswith("warning"))
    assert warning.endswith("do not carry over to others, and the space varies momentum")


def test_the_study_that_it_begins_with_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A storage that is not there is none that `check` makes."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        InputError, match=r"^.*sweep\.yaml: study\.warm_start\.storage: there is no"
    ):
        plan(tmp_path, {"study.warm_start": {"study": "before"}})
    assert not list(tmp_path.glob("*.db"))
    store = open_storage("sqlite:///optuna.db")
    with pytest.raises(InputError, match=r"sweep\.yaml: study\.warm_start\.study: there is no stu"):
        plan(tmp_path, {"study.warm_start": {"study": "before"}})
    assert optuna.get_all_study_names(store) == []


def test_a_comparison_is_counted_and_not_among_the_costs_of_the_study(tmp_path: Path) -> None:
    """How much it trains is said; `in all` is then the study alone, and says so."""
    changes = {"comparison": {"rivals": ["constant", "cosine"], "seeds": 5}, "study.trials": 8}
    lines = plan(tmp_path, changes)
    assert "  16 trials of searches and at most 52 trainings with fresh seeds" in lines
    cost = next(line for line in lines if line.startswith("cost without pruning: "))
    assert cost.endswith(" steps in all, the comparison left out")
