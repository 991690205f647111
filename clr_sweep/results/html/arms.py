"""What is compared, and what came of it: the verdict, the arms in a table, their curves."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure

from clr_sweep.common.counts import plural
from clr_sweep.common.durations import duration
from clr_sweep.definition import metrics
from clr_sweep.results import curves, style, words
from clr_sweep.results.comparison import Comparison, compare, compared
from clr_sweep.results.html.views import NOTHING, Picture, Section, Table, Verdict
from clr_sweep.results.rival_figures import (
    WIDTH,
    Rival,
    metric_figure,
    progress_by_cost_figure,
    rates_figure,
    value_by_cost_figure,
)
from clr_sweep.results.warnings import warnings
from clr_sweep.training.records import StudyRecord, TrialRecord

_MOST_METRICS = 6  # columns


def verdict_of(study: StudyRecord) -> Verdict:
    """The best trial against the baseline, one run each."""
    found = compare(study)
    result, _, caution = found.verdict.partition(". ")
    sentences = [f"{result.rstrip('.')}.", *([caution] if caution else [])]
    sentences += warnings(study)
    drawn = _dots(study, found)
    notes = found.notes if drawn is None else (_reading(study, found), *found.notes)
    return Verdict(tuple(sentences), drawn, notes)


def _dots(study: StudyRecord, found: Comparison) -> Figure | None:
    """Both arms, each run a dot: filled on the test set, hollow on the validation examples."""
    if found.best is None:
        return None
    tested = metrics.on_test_set(study.metric)
    arms = [(found.best, style.BLUE)]
    if found.baseline is not None and found.baseline.state == "complete":
        arms.append((found.baseline, style.INK))
    drawn = Figure(figsize=(WIDTH, 0.75 + 0.62 * len(arms)), dpi=style.DPI,
                   layout="constrained", facecolor="white")  # fmt: skip
    ax = drawn.add_subplot()
    style.dress(ax, words.quantity(study.objective), "", grid="x")
    for place, (record, color) in enumerate(arms):
        shown = {"validation": record.value, "test": record.test_metrics.get(tested)}
        for where, value in shown.items():
            if value is not None:
                ax.plot([value], [place], "o", ms=8, mew=1.8, mec=color, zorder=3, gid=where,
                        mfc=color if where == "test" else "white")  # fmt: skip
        value = shown["validation"] if shown["test"] is None else shown["test"]
        if value is not None:
            ax.annotate(words.value(value), (value, place), xytext=(0, -15), ha="center",
                        textcoords="offset points", fontsize=style.SMALL, color=color,
                        fontweight="bold", gid="label")  # fmt: skip
        # Above its row: beside the axes a name would leave a narrow page no room for the dots.
        name = f"{words.capital(record.label)}: {words.bounds(record)}"
        ax.annotate(words.shorten(name, 62), (0, place), xycoords=("axes fraction", "data"),
                    xytext=(0, 9), textcoords="offset points", fontsize=style.SMALL, color=color,
                    gid="arm")  # fmt: skip
    ax.set_yticks([])
    ax.spines["left"].set_visible(False)
    ax.set_ylim(len(arms) - 0.4, -0.6)
    ax.margins(x=0.08)
    return drawn


def _reading(study: StudyRecord, found: Comparison) -> str:
    tested = metrics.on_test_set(study.metric)
    runs = [record for record in (found.best, found.baseline) if record is not None]
    if any(tested in record.test_metrics for record in runs):
        return "Each run a dot: filled on the test set, hollow on the validation examples."
    return "Each run a dot, on the validation examples: none was tested yet."


def arms_section(study: StudyRecord, rivals: Sequence[Rival]) -> Section:
    """The arms in numbers."""
    if not rivals:
        return Section("arms", "The arms", ("No trial is complete yet, and no baseline.",))
    names = [
        name
        for name in compared(rivals[0].record, study.metric)
        if name == study.metric or name.startswith(("val_", "test_"))
    ][:_MOST_METRICS]
    values = [words.metric(study.reported(name)) for name in names]
    head = ("arm", "state", "schedule", *values, "epochs", "CPU s")
    rows = [
        (
            words.capital(rival.record.label),
            rival.record.state,
            words.schedule(rival.record),
            *(_metric(rival.record, study.metric, name) for name in names),
            words.epochs(curves.epochs_done(rival.record)),
            f"{rival.record.cpu_seconds:,.1f}",
        )
        for rival in rivals
    ]
    table = Table("What is compared", head, tuple(rows), "lll" + "r" * (len(names) + 2))
    return Section("arms", "The arms", tables=(table.trimmed(),))


def _metric(record: TrialRecord, objective: str, name: str) -> str:
    value = {**record.metrics, **record.test_metrics}.get(name)
    if name == objective and record.value is not None:
        value = record.value
    return NOTHING if value is None else words.value(value)


def curves_section(study: StudyRecord, rivals: Sequence[Rival], lines: str = "") -> Section:
    """Rates and losses side by side, as TensorFlow Addons' tutorial of CLR shows them.

    Args:
        lines: what a line stands for, where its name does not say it.
    """
    trained = [rival for rival in rivals if rival.record.reports]
    if not trained:
        return Section("curves", "Learning rates and losses")
    names = ["val_loss", "loss"]
    if study.metric not in names:
        names.append(study.metric)
    shown = [
        name
        for name in names
        if any(len(curves.metric_curve(rival.record, name)[0]) for rival in trained)
    ]
    labels = ", ".join(rival.label for rival in trained)
    pictures = [
        Picture(rates_figure(trained), f"The learning rate over the epochs: {labels}",
                "Learning rate of the recorded steps", is_half=True)
    ]  # fmt: skip
    pictures += [
        Picture(
            metric_figure(trained, metric),
            f"{words.capital(words.metric(metric))} over the epochs: {labels}. At the end: "
            + _ends(trained, metric.name),
            f"{words.capital(words.metric(metric))} at the end of each epoch",
            is_half=True,
        )
        for metric in map(study.reported, shown)
    ]
    told = (lines,) if lines else ()
    return Section("curves", "Learning rates and losses", told, pictures=tuple(pictures))


def _ends(rivals: Sequence[Rival], name: str) -> str:
    last = [(rival.label, curves.metric_curve(rival.record, name)[1]) for rival in rivals]
    return "; ".join(f"{label} {words.value(float(y[-1]))}" for label, y in last if len(y))


def cost_section(study: StudyRecord, rivals: Sequence[Rival]) -> Section:
    """What was reached at which cost."""
    title = f"{words.capital(words.quantity(study.objective))} against cost"
    trained = [rival for rival in rivals if rival.record.reports]
    pictures = []
    if trained:
        pictures.append(Picture(
            progress_by_cost_figure(trained, study.objective),
            f"{words.capital(words.metric(study.objective))} over the CPU time of a run: "
            + _ends(trained, study.metric),
            "While the compared runs train, by the CPU time of each", is_half=True,
        ))  # fmt: skip
    if study.ended:
        best = study.best
        reached = "" if best is None or best.value is None else (
            f"; the best, {best.label}, reached {words.value(best.value)} in "
            f"{duration(best.cpu_seconds, 1)}"
        )  # fmt: skip
        pictures.append(Picture(
            value_by_cost_figure(study),
            f"{words.capital(words.metric(study.objective))} of "
            f"{plural(study.ended, 'trial')} over the CPU time of each{reached}",
            "Every ended trial" + (f"; ring: best, {best.label}" if best else ""), is_half=True,
        ))  # fmt: skip
    return Section("cost", title, pictures=tuple(pictures))
