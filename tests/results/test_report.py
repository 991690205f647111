"""The reports: their numbers are those of the records, and they fit where they are shown."""

from __future__ import annotations

import dataclasses
import re
from typing import Any

import pytest
import yaml
from compared_arms import compared

from clr_sweep.definition.sweep import ModelConfig
from clr_sweep.definition.trial_config import TrialConfig
from clr_sweep.results.comparison import compare
from clr_sweep.results.report import LIMIT, markdown, summary, trial_markdown
from clr_sweep.search.arms import BASELINE
from clr_sweep.training.records import StudyRecord


def tables(text: str) -> list[list[dict[str, str]]]:
    """The tables of a Markdown text as rows by column."""
    found = []
    for block in re.findall(r"(?:^\|.*\|$\n?)+", text, flags=re.MULTILINE):
        lines = [
            [cell.removesuffix(" &nbsp; ").strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
            for line in block.strip().splitlines()
        ]
        head, rule, *rows = lines
        assert all(re.fullmatch(r"-+:?", cell) for cell in rule)
        assert {len(row) for row in lines} == {len(head)}
        found.append([dict(zip(head, row, strict=True)) for row in rows])
    return found


def said(verdict: str, text: str) -> bool:
    """Whether a report says a verdict: what came out on top, and below the links the caution."""
    result, _, caution = verdict.partition(". ")
    return result in text and caution in text


def test_the_top_table_holds_the_best_ten_trials(big_study: StudyRecord) -> None:
    """Sorted by value, every cell the record's, in three or more significant digits."""
    rows = tables(markdown(big_study))[1]
    done = sorted(
        (t for t in big_study.trials if t.state == "complete"), key=lambda t: -(t.value or 0)
    )[:10]
    assert [int(row["trial"]) for row in rows] == [t.number for t in done]
    for row, trial in zip(rows, done, strict=True):
        schedule = trial.config.schedule
        assert float(row["validation accuracy"]) == pytest.approx(trial.value, abs=5e-5)
        assert float(row["init_lr"]) == pytest.approx(schedule.init_lr, rel=5e-3)
        assert float(row["max_lr"]) == pytest.approx(schedule.max_lr, rel=5e-3)
        assert float(row["factor"]) == schedule.step_size_factor
        assert row["policy"] == schedule.policy
        exponential = schedule.policy == "exp_range"
        assert row["gamma"] == (f"{schedule.gamma}" if exponential else "-")
        assert float(row["epochs"]) == trial.config.steps / 844
        assert float(row["CPU s"].replace(",", "")) == pytest.approx(trial.cpu_seconds, abs=0.05)


def test_the_comparison_table_holds_both_runs(big_study: StudyRecord) -> None:
    """Validation and test metrics, epochs and CPU time of the best trial and the baseline."""
    best, baseline = big_study.best, big_study.baseline
    assert best is not None
    assert baseline is not None
    rows = {row[""]: row for row in tables(markdown(big_study))[0]}
    for name, key in {
        "validation accuracy": "val_accuracy", "validation loss": "val_loss",
        "test accuracy": "test_accuracy", "test loss": "test_loss",
    }.items():  # fmt: skip
        for column, record in ((best.label, best), ("baseline", baseline)):
            metric = {**record.metrics, **record.test_metrics}[key]
            assert float(rows[name][column]) == pytest.approx(metric, abs=5e-5)
    change = best.test_metrics["test_accuracy"] - baseline.test_metrics["test_accuracy"]
    assert rows["test accuracy"]["difference"] == f"{100 * change:+.2f} points"
    assert rows["epochs"]["baseline"] == "16"
    assert float(rows["CPU s"][best.label]) == pytest.approx(best.cpu_seconds)


def test_the_configuration_reads_back_equal(big_study: StudyRecord) -> None:
    """The YAML block is a file that `clr-sweep train` takes: floats equal to the bit."""
    [block] = re.findall(r"```yaml\n(.*?)\n```", markdown(big_study), flags=re.DOTALL)
    config = TrialConfig.model_validate(yaml.safe_load(block)["config"])
    assert big_study.best is not None
    assert config == big_study.best.config


def test_counts_cost_and_commands(big_study: StudyRecord) -> None:
    """How many trials ended how, what they cost in all, and how to go on."""
    text = markdown(big_study)
    counts = {s: big_study.count(s) for s in ("complete", "pruned", "diverged", "failed")}  # type: ignore[arg-type]
    assert f"50 trials: {', '.join(f'{n} {s}' for s, n in counts.items())}" in text
    assert big_study.baseline is not None
    cpu = sum(t.cpu_seconds for t in (*big_study.trials, big_study.baseline))
    assert f"took {cpu / 60:.1f} min of CPU time" in text
    assert "clr-sweep export fashion-mnist -o best.yaml\nclr-sweep train best.yaml" in text


def test_verdict_and_notes_are_those_of_the_comparison(big_study: StudyRecord) -> None:
    """The report adds nothing to what the comparison says."""
    text = markdown(big_study)
    comparison = compare(big_study)
    assert said(comparison.verdict, text)
    for note in comparison.notes:
        assert f"- {note}" in text


def test_a_running_study_says_how_far_it_is(build: Any) -> None:
    """Ended of planned; running trials are counted as such, and the best is so far."""
    trials = [build.trial(i) for i in range(9)] + [
        build.trial(9, "pruned", 2), build.trial(10, "pruned", 3), build.trial(11, "diverged", 1),
        build.trial(12, "running", 1),
    ]  # fmt: skip
    text = markdown(build.study(trials, build.baseline(state="running", stop=3)), 50)
    assert "12 of 50 trials: 9 complete, 2 pruned, 1 diverged, 0 failed, 1 running" in text
    assert text.startswith("**After 12 of 50 trials: Trial ")
    assert "baseline (running)" in text
    assert markdown(build.study(trials[:12]), 12).startswith("**Trial ")


def test_what_a_closed_description_shows(big_study: StudyRecord) -> None:
    """The result with its difference, and right below it where to look; the best trial once."""
    first, second, *rest = markdown(big_study, links="[charts](#/there)").split("\n")
    result, _, caution = compare(big_study).verdict.partition(". ")
    assert first == f"**{result}.**  "  # two spaces: a new line of the same paragraph
    assert second == "[charts](#/there)"
    assert rest[:2] == ["", caution]
    best = big_study.best
    assert best is not None
    assert first.count(best.label.capitalize()) == 1
    assert best.label not in caution.lower()


def test_a_column_that_no_policy_has(build: Any) -> None:
    """Gamma stands in the table where a trial has one."""
    without, has = (
        [build.trial(i, policy=p) for i in range(3)] for p in ("triangular", "exp_range")
    )
    for trials, shown in ((without, False), ([*without[:2], has[2]], True)):
        assert ("gamma" in tables(markdown(build.study(trials)))[1][0]) == shown


@pytest.mark.parametrize("planned", [None, 50])
def test_a_study_without_a_complete_trial(build: Any, planned: int | None) -> None:
    """Says so, without tables, a configuration or commands for it."""
    study = build.study([build.trial(0, "diverged", 1)], build.baseline())
    text = markdown(study, planned)
    assert "No complete trial yet (1 diverged)" in text
    assert tables(text) == []
    assert "clr-sweep export" not in text
    assert "No complete trial yet" in markdown(build.study(), planned)


def test_further_hyperparameters_have_columns(build: Any) -> None:
    """Columns by their names in the space; a ratio is left to the rate that follows from it."""
    trials = [
        build.trial(i, params={
            "max_lr": 0.31, "init_lr_ratio": 250.0, "momentum": 0.9, "model.kind": "a|b`c*",
        })
        for i in range(3)
    ]  # fmt: skip
    rows = tables(markdown(build.study(trials)))[1]
    assert rows[0]["momentum"] == "0.9"
    assert rows[0]["model.kind"] == r"a\|b\`c\*"
    assert "init_lr_ratio" not in rows[0]


def test_the_report_never_passes_the_limit(big_study: StudyRecord) -> None:
    """Wide tables and a long configuration: rows go first, the verdict and the commands stay."""
    best = big_study.best
    assert best is not None
    wide = {f"model.argument_{i}_{'x' * 60}": "y" * 200 for i in range(9)}
    crowded = [dataclasses.replace(t, params={**t.params, **wide}) for t in big_study.trials]
    cases = {}
    for length in (0, 1000, 4000, 20000):
        model = ModelConfig(name="tutorial_cnn", arguments={"text": "z" * length})
        config = best.config.model_copy(update={"model": model})
        trials = [
            dataclasses.replace(t, config=config) if t.number == best.number else t for t in crowded
        ]
        study = dataclasses.replace(big_study, trials=tuple(trials), name="n" * 100)
        text = markdown(study, 10**6)
        cases[length] = text
        assert len(text) < LIMIT
        assert said(compare(study).verdict, text)
        assert f"clr-sweep export {'n' * 100} -o best.yaml" in text
    assert len(tables(cases[0])[1]) >= 3
    assert "```yaml" in cases[0]
    assert "```yaml" not in cases[20000]


def test_user_text_cannot_break_the_page(build: Any) -> None:
    """Reasons with Markdown, HTML and newlines stay text on one line; backticks end no block."""
    failed = dataclasses.replace(
        build.trial(3, "failed", 1), reason="bad `x` <script>|\n\n# title " + "w" * 9000
    )
    text = trial_markdown(failed)
    assert len(text) < LIMIT
    assert "<script>" not in text.replace(r"\<script\>", "")
    assert "\n# title" not in text
    model = ModelConfig(name="tutorial_cnn", arguments={"text": "```\n# out"})
    config = build.config().model_copy(update={"model": model})
    report = markdown(build.study([build.trial(0, config=config)]))
    [block] = re.findall(r"^(`{3,})yaml\n(.*?)^\1$", report, flags=re.DOTALL | re.MULTILINE)
    assert yaml.safe_load(block[1])["config"]["model"]["arguments"]["text"] == "```\n# out"


def test_trial_markdown_says_what_the_trial_was(build: Any) -> None:
    """Schedule in words, state, result, cost."""
    record = build.trial(37, tested=True)
    text = trial_markdown(record)
    assert text.startswith(f"**Trial 37: complete, validation accuracy {record.value:.4f}**")
    assert (
        "Schedule: triangular2, 0.0012 to 0.31, half cycle 4 epochs = 3,376 steps, 2 whole cycles "
        "in 16 epochs, ends at a trough." in text
    )
    shown = {row["metric"]: float(row["result"]) for row in tables(text)[0]}
    assert shown["test accuracy"] == pytest.approx(record.test_metrics["test_accuracy"], abs=5e-5)
    assert shown["training loss"] == pytest.approx(record.metrics["loss"], abs=5e-5)
    assert "102.4 s of CPU time for 16 of 16 epochs" in text
    assert "attempts" not in text
    again = dataclasses.replace(record, retried=("killed", "out of memory " + "x" * 900))
    shown_again = trial_markdown(again)
    assert "no fault of the trial's: 2 (killed; out of memory xxx" in shown_again
    assert len(shown_again) < len(text) + 400


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"at": "final", "factor": 2, "epochs": 10}, "2 whole cycles in 10 epochs, ends at a peak"),
        ({"at": "final", "factor": 8, "epochs": 10},
         "0 whole cycles in 10 epochs, ends in mid-cycle, on the fall, at rate 0.233"),
        ({"at": "final", "factor": 3, "epochs": 8},
         "1 whole cycle in 8 epochs, ends in mid-cycle, on the rise, at rate 0.104"),
        ({"factor": 2.25, "epochs": 16}, "half cycle 2.25 epochs = 1,899 steps, 3 whole cycles in "
                                          "13.5 epochs, ends at a trough"),
        ({"policy": "constant", "init_lr": 0.01}, "constant 0.01, 13,504 steps in 16 epochs"),
        ({"policy": "exp_range", "gamma": 0.99994}, "exp_range, 0.0012 to 0.31, gamma 0.99994"),
    ],
)  # fmt: skip
def test_schedules_in_words(build: Any, arguments: dict[str, Any], words: str) -> None:
    """Where a schedule ends: trough, peak or in between, with its rate."""
    config = build.config(**arguments)
    assert words in trial_markdown(build.trial(1, "failed", 0, config=config))


@pytest.mark.parametrize(
    ("state", "stop", "words"),
    [
        ("pruned", 6, "pruned after 6 epochs: below the median of the lower 70% of the rate, last "
                      "validation accuracy"),
        ("diverged", 3, "diverged at step 2,652 (epoch 4) at rate"),
        ("running", 1, "running after 1 epoch, last validation accuracy"),
        ("failed", 0, "failed: ValueError: the model's output has the wrong shape"),
    ],
)  # fmt: skip
def test_trials_that_did_not_complete(build: Any, state: Any, stop: int, words: str) -> None:
    """The state, its reason and the last metric."""
    assert words in trial_markdown(build.trial(5, state, stop))


def test_summary_is_plain_text(big_study: StudyRecord) -> None:
    """Counts, verdict, cost and the next command, for a terminal."""
    text = summary(big_study)
    assert compare(big_study).verdict in text
    assert "50 trials: " in text
    assert "clr-sweep export fashion-mnist -o best.yaml" in text
    assert "**" not in text


def test_a_trial_that_was_stopped_early_says_so(build: Any) -> None:
    """It is complete, with a reason, and has done the epochs that it reported."""
    whole = build.trial(2, factor=2, policy="triangular")
    reason = "stopped early after epoch 8: val_accuracy has not improved at the last trough"
    stopped = dataclasses.replace(
        whole, reports=whole.reports[:8], metrics=whole.reports[7].metrics, reason=reason
    )
    text = trial_markdown(stopped)
    assert f"complete after 8 epochs: {reason}" in text
    assert "for 8 of 16 epochs" in text
    study = build.study([stopped], build.baseline())
    assert tables(markdown(study))[1][0]["epochs"] == "8"
    assert any("6,752 steps (8 epochs)" in note for note in compare(study).notes)


def test_without_a_baseline_nothing_stands_beside_the_best_trial(build: Any) -> None:
    """The search of a rival has none."""
    text = markdown(build.study([build.trial(0)]))
    assert "## Best trial\n" in text
    [head] = [line for line in text.splitlines() if line.startswith("|  | trial 0")]
    assert "baseline" not in head


def test_a_compared_study_tells_what_the_comparison_cost(build: Any) -> None:
    """Beside its own trials: the rivals' searches (here 60 s), and all trainings of 1.5 s."""
    study = build.study([build.trial(0)], build.baseline())
    assert "The comparison took" not in summary(study)
    made = compared({"CLR": [0.9, 0.91], "constant": [0.5, 0.52], BASELINE: [0.1, 0.1]})
    told = summary(dataclasses.replace(study, comparisons=(made,)))
    assert "The comparison took 69.0 s of CPU time more." in told
    other = dataclasses.replace(study, comparisons=(made,), searches=(made, made))
    assert f"The comparison took {(69 + 129) / 60:.1f} min of CPU time more." in summary(other)
