"""What the pages of the documentation say of the kept runs, block by block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.documented import compared, reproductions, sums
from benchmarks.documented.blocks import table
from benchmarks.documented.gallery import blocks_of_gallery
from benchmarks.documented.kept import COMPARED, read
from benchmarks.scaling import table as scaling
from benchmarks.scaling.kept import SERVERS
from clr_sweep.lr_range_test.curve import from_arrays
from clr_sweep.lr_range_test.report import ranges_yaml, summary
from clr_sweep.lr_range_test.rules import RULES
from clr_sweep.lr_range_test.suggestion import suggest
from clr_sweep.results import curves, report, words
from clr_sweep.training.records import RangeTestRecord, StudyRecord, TrialRecord

PROJECT = Path(__file__).parents[2]
_RANGE, _POLICIES = "fashion_mnist_range_test", "policies"
_SHOWN = ("val_accuracy", "val_loss", "test_accuracy", "test_loss")


def _finalists(study: StudyRecord) -> tuple[TrialRecord, TrialRecord]:
    """The best trial and the baseline, which a kept run has."""
    assert study.best is not None
    assert study.baseline is not None
    return study.best, study.baseline


def _accuracies(record: TrialRecord) -> list[str]:
    return [sums.value(record, name) for name in ("val_accuracy", "test_accuracy")]


def _run(sweep: str) -> str:
    study = read(sweep).study
    trained, planned = sums.epochs_trained(study), sums.epochs_planned(study)
    deviation = max(trial.learning_rate_deviation or 0.0 for trial in study.all)
    packages = _trained_by(study.best)
    rows = [
        ["trials", words.counts(study)],
        ["epochs trained", f"{trained} of the {planned} that no pruner would have cut"],
        ["CPU time", f"{sums.cpu_minutes(study):.1f} min, the baseline included"],
        ["planned against actual rate",
         f"the greatest deviation over all steps of all trials is {words.rate(deviation)}"],
        ["packages", ", ".join(f"{name} {version}" for name, version in packages.items())],
    ]  # fmt: skip
    return table(["", ""], rows)


def _trained_by(trial: TrialRecord | None) -> dict[str, str]:
    packages = trial.provenance.get("packages", {}) if trial is not None else {}
    assert isinstance(packages, dict)
    return {name: str(version) for name, version in packages.items() if name != "clr-sweep"}


def _against_baseline(sweep: str) -> str:
    study = read(sweep).study
    best, baseline = _finalists(study)
    rows = [["schedule", _schedule(best), _schedule(baseline), ""]]
    for name in _SHOWN:
        ours, theirs = sums.by_name(best)[name], sums.by_name(baseline)[name]
        change = ours - theirs
        points = f"{words.points(change)} points" if "accuracy" in name else f"{change:+.4f}"
        metric = words.metric(study.reported(name))
        rows.append([metric, words.value(ours), words.value(theirs), points])
    rows += [
        ["epochs", *(words.epochs(curves.epochs_done(one)) for one in (best, baseline)), ""],
        ["CPU s", *(f"{one.cpu_seconds:.0f}" for one in (best, baseline)), ""],
    ]
    return table(["", best.label, "baseline", "difference"], rows)


def _schedule(record: TrialRecord) -> str:
    factor = record.config.schedule.step_size_factor
    half = f", half cycle of {words.of_epochs(f'{factor:.4g}')}" if factor else ""
    return f"{words.bounds(record)}{half}"


def _complete(sweep: str) -> str:
    study = read(sweep).study
    rows = []
    for trial in sums.complete(study):
        schedule = trial.config.schedule
        cyclical = schedule.is_cyclical
        rows.append([
            str(trial.number), words.value(trial.value or 0.0),
            words.rate(schedule.init_lr) if cyclical else "-", words.rate(schedule.max_lr),
            f"{schedule.step_size_factor:.4g}" if cyclical else "-", schedule.policy,
            words.epochs(curves.epochs_done(trial)), f"{trial.cpu_seconds:.0f}",
        ])  # fmt: skip
    head = [
        "trial", words.metric(study.objective), "init_lr", "max_lr", "factor", "policy", "epochs",
        "CPU s",
    ]  # fmt: skip
    return table(head, rows)


def _configuration(sweep: str) -> str:
    return f"```yaml\n{read(sweep).exported.strip()}\n```"


def _policies(sweep: str) -> str:
    rows = []
    for policy, trials in sums.best_by_policy(read(sweep).study).items():
        best = trials[0]
        schedule = best.config.schedule
        middle = sorted(trial.value or 0.0 for trial in trials)[(len(trials) - 1) // 2]
        rows.append([
            policy, str(len(trials)), words.value(best.value or 0.0), words.value(middle),
            str(best.number), words.rate(schedule.max_lr),
            f"{schedule.step_size_factor:.4g}" if schedule.is_cyclical else "-",
        ])  # fmt: skip
    head = ["policy", "trials", "best", "lower median", "trial", "its max_lr", "its factor"]
    return table(head, rows)


def _saved(sweep: str) -> str:
    study = read(sweep).study
    trained, planned = sums.epochs_trained(study), sums.epochs_planned(study)
    return (
        f"In a real sweep of {len(study.trials)} trials, two at once and guided by TPE, it trained "
        f"{trained} of {planned} epochs: {100 * (1 - trained / planned):.0f} % saved\n"
        "([results](results.md))."
    )


def _summary(sweep: str) -> str:
    """What `run` printed at its end: the study as it was before it was compared."""
    alone = replace(read(sweep).study, comparisons=(), searches=())
    return f"```text\n{report.summary(alone)}\n```"


def _readme(sweep: str) -> str:
    study = read(sweep).study
    best, baseline = _finalists(study)
    rows = [
        [title, *_accuracies(record)]
        for title, record in (
            (f"best of {len(study.trials)} trials: {_schedule(best)}", best),
            (f"the tutorial's {words.bounds(baseline)} (the baseline)", baseline),
        )
    ]
    return "\n".join([
        table(["schedule", "validation accuracy", "test accuracy"], rows),
        "",
        f"{sums.cpu_minutes(study):.0f} CPU minutes in all.",
    ])  # fmt: skip


def _printed(sweep: str) -> str:
    record = _range_test(sweep)
    return f"```text\n{summary(record)}\n{ranges_yaml(record).strip()}\n```"


def _rules(sweep: str) -> str:
    run = read(sweep)
    record = _range_test(sweep)
    found = [from_arrays(one) for one in run.range_curves]
    rows = []
    for rule in RULES:
        one = suggest(found, rule, record.metric, record.sign)
        tops = ", ".join(words.rate(top) for _, top in one.pairs)
        rows.append([f"`{rule}`", words.rate(one.base), words.rate(one.max), tops])
    return table(["rule", "base", "max", "max of the seeds"], rows)


def _ranges_held(sweep: str) -> str:
    """How the ranges of the range test lie to the best trials of the study without one."""
    suggestion = _range_test(sweep).suggestion
    assert suggestion is not None
    best = sums.complete(read(COMPARED).study)[:10]
    inits, tops = (
        [getattr(trial.config.schedule, key) for trial in best] for key in ("init_lr", "max_lr")
    )
    inside = sum(
        suggestion.init_lr[0] <= init <= suggestion.init_lr[1]
        and suggestion.max_lr[0] <= top <= suggestion.max_lr[1]
        for init, top in zip(inits, tops, strict=True)
    )
    return (
        f"The {len(best)} best trials of [the study](results.md) of `sweeps/fashion_mnist.yaml`, "
        f"which searched without a range test,\nhave `max_lr` from {words.rate(min(tops))} to "
        f"{words.rate(max(tops))} and `init_lr` from {words.rate(min(inits))} to "
        f"{words.rate(max(inits))}: {inside} of them\nlie within the ranges above."
    )


def _range_test(sweep: str) -> RangeTestRecord:
    record = read(sweep).study.range_test
    assert record is not None
    return record


# Page, block: by what it is written, and from the run of which sweep, or from which stores.
BLOCKS: dict[tuple[str, str], tuple[Callable[[str], str], str]] = {
    ("README.md", "result"): (_readme, COMPARED),
    ("docs/first-sweep.md", "summary"): (_summary, COMPARED),
    ("docs/results.md", "run"): (_run, COMPARED),
    ("docs/results.md", "against-baseline"): (_against_baseline, COMPARED),
    ("docs/results.md", "complete-trials"): (_complete, COMPARED),
    ("docs/results.md", "configuration"): (_configuration, COMPARED),
    ("docs/results.md", "range-test-run"): (_run, _RANGE),
    ("docs/results.md", "range-test-against-baseline"): (_against_baseline, _RANGE),
    ("docs/results.md", "policies-run"): (_run, _POLICIES),
    ("docs/results.md", "policies"): (_policies, _POLICIES),
    ("docs/results.md", "policies-against-baseline"): (_against_baseline, _POLICIES),
    ("docs/pruning.md", "real-sweep"): (_saved, COMPARED),
    ("docs/range-test.md", "printed"): (_printed, _RANGE),
    ("docs/range-test.md", "rules"): (_rules, _RANGE),
    ("docs/range-test.md", "ranges-held"): (_ranges_held, _RANGE),
    ("docs/scaling.md", "scaling"): (scaling.measured, SERVERS),
    ("docs/scaling.md", "scaling-cost"): (scaling.cost, SERVERS),
    **compared.BLOCKS,
    **reproductions.BLOCKS,
    **blocks_of_gallery(),
}


def content(page: str, block: str) -> str:
    """What stands in a block of a page."""
    write, sweep = BLOCKS[page, block]
    return write(sweep)
