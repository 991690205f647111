"""What docs/gallery.md says of the kept runs of `sweeps/gallery`."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.documented.blocks import table
from benchmarks.documented.compared import (
    bullets,
    comparison_cost,
    filled,
    found,
    last_comparison,
)
from benchmarks.documented.kept import GALLERY, machine, read
from benchmarks.documented.sums import cpu_seconds
from clr_sweep.common.durations import duration
from clr_sweep.lr_range_test.report import ranges_yaml, summary
from clr_sweep.results.arms import arm_results, shown_arms
from clr_sweep.results.comparison_tables import arm_rows
from clr_sweep.results.verdict_notes import far_off_note

PAGE = "docs/gallery.md"


def _range_test(sweep: str) -> str:
    """What the range test printed."""
    record = read(sweep).study.range_test
    assert record is not None
    return f"```text\n{summary(record)}\n{ranges_yaml(record).strip()}\n```"


def _verdict(sweep: str) -> str:
    """The sentence, and the seeds without which nobody understands it."""
    notes = filter(None, map(far_off_note, shown_arms(last_comparison(sweep))))
    return "\n\n".join([filled(f"**{found(sweep).headline}**"), *map(filled, notes)])


def _arms(sweep: str) -> str:
    return table(*arm_rows(last_comparison(sweep)))


def _answers(sweep: str) -> str:
    """Those against the rivals that were tuned as well."""
    tuned = sum(arm.arm.kind == "rival" for arm in arm_results(last_comparison(sweep)))
    return bullets(found(sweep).answers[:tuned])


def _cost(sweep: str) -> str:
    study = read(sweep).study
    searched = duration(cpu_seconds(study), 1)
    return filled(
        f"CPU time, on {machine(sweep)}: {searched} for the search and the baseline, the range "
        f"test apart, {comparison_cost(study)} for the comparison."
    )


def blocks_of_gallery() -> dict[tuple[str, str], tuple[Callable[[str], str], str]]:
    """Of each sweep the blocks that its section has, by page and name."""
    written = {
        "range-test": _range_test, "verdict": _verdict, "arms": _arms, "answers": _answers,
        "cost": _cost,
    }  # fmt: skip
    return {
        (PAGE, f"{sweep.removeprefix('gallery/').replace('_', '-')}-{name}"): (write, sweep)
        for sweep in GALLERY
        for name, write in written.items()
    }
