"""A range test in words and as YAML: for the terminal, for a sweep file, for MLflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from clr_sweep.common.counts import plural
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sweep import ON_TEST_SET
from clr_sweep.definition.yaml_file import dump
from clr_sweep.lr_range_test.curve import Curve
from clr_sweep.lr_range_test.settings import RangeTestConfig
from clr_sweep.lr_range_test.suggestion import Suggestion
from clr_sweep.results import words
from clr_sweep.training.records import RangeTestRecord
from clr_sweep.training.reports import State


class Shown(Protocol):
    """What figure and summary need of a range test, of a sweep or of a model in hand."""

    @property
    def name(self) -> str: ...

    @property
    def state(self) -> State: ...

    @property
    def metric(self) -> str: ...

    @property
    def judged_by(self) -> ReportedMetric: ...

    @property
    def sign(self) -> int: ...

    @property
    def test(self) -> RangeTestConfig: ...

    @property
    def suggestion(self) -> Suggestion | None: ...

    @property
    def on_test_set(self) -> bool: ...

    def curves(self) -> tuple[Curve, ...]: ...


def ranges_yaml(record: Shown) -> str:
    """The ranges as they stand in a sweep file, ready to paste; empty while there are none."""
    if record.suggestion is None:
        return ""
    keys = ("init_lr", "max_lr")
    lines = [
        f"  {key}: {{low: {low!r}, high: {high!r}, log: true}}"
        for key in keys
        for low, high in [getattr(record.suggestion, key)]
    ]
    return "\n".join(["search_space:", *lines, ""])


def as_yaml(record: RangeTestRecord, origin: Mapping[str, Any]) -> str:
    """All numbers of a range test; the curves themselves are in their own files.

    Args:
        origin: of the result: the data's digest, the code, the machine.
    """
    found = record.suggestion
    content: dict[str, Any] = {"study": record.study, "test": record.test.model_dump(mode="json")}
    if found is not None:
        seeds = [
            {"seed": curve.seed, "steps": len(curve.losses), "stability_edge": edge}
            for curve, edge in zip(record.curves(), found.edges, strict=True)
        ]
        bases, tops = zip(*found.pairs, strict=True)
        content |= {
            "rule": found.rule,
            "metric": record.metric,
            "base": found.base,
            "max": found.max,
            "base_over_seeds": {"lowest": min(bases), "highest": max(bases)},
            "max_over_seeds": {"lowest": min(tops), "highest": max(tops)},
            "seeds": seeds,
            "warnings": list(found.warnings),
            "search_space": {
                key: {"low": low, "high": high, "log": True}
                for key, (low, high) in (("init_lr", found.init_lr), ("max_lr", found.max_lr))
            },
        }
    return dump({**content, "training": _training(record), "provenance": dict(origin)})


def summary(record: Shown) -> str:
    """The pair, its spread and what speaks against it, in a few lines of plain text."""
    found = record.suggestion
    if found is None:
        return f"range test of {record.name}: {record.state}"
    bases, tops = zip(*found.pairs, strict=True)
    noun, seeds = plural(len(found.pairs), "seed"), len(found.edges)
    if len(found.pairs) < seeds:
        noun = f"{len(found.pairs)} of {seeds} seeds"
    lines = [
        f"range test of {record.name}, rule {found.rule}: base {words.rate(found.base)}, "
        f"max {words.rate(found.max)}",
        f"  over {noun}: base {_spread(bases)}, max {_spread(tops)}",
        f"  {edges_in_words(record, found.edges)}",
        *(f"  warning: {text}" for text in found.warnings),
        *([f"  {ON_TEST_SET}"] if record.on_test_set else []),
    ]
    return "\n".join(lines)


def baseline_warnings(record: Shown, rate: float) -> list[str]:
    """What the test says against the rate of the baseline, the highest of its policy, if anything.

    Below the upper bound of max_lr it is a rate that trials may have too.
    """
    found = record.suggestion
    if found is None or rate <= found.max_lr[1]:
        return []
    return [
        f"warning: baseline.learning_rate {words.rate(rate)} lies above every max_lr that is "
        f"searched, up to {words.rate(found.max_lr[1])}; {edges_in_words(record, found.edges)}: "
        "the baseline may well diverge, which leaves nothing to beat; the range test suggests "
        f"{words.rate(found.max)}"
    ]


def markdown(record: RangeTestRecord, links: str = "") -> str:
    """What the UI shows on top of the run's page, the result and the links unopened.

    Args:
        links: Markdown that stands below the result.
    """
    if record.suggestion is None:
        return f"**Range test: {record.state}.** {record.reason or ''}".rstrip()
    first, *rest = summary(record).splitlines()
    # Below it, in the same paragraph: a space between would push it out of sight.
    result = "  \n".join([f"**{words.capital(first)}**", *([links] if links else [])])
    # Spaces before a line of a paragraph mean nothing there.
    listed = "\n".join(f"- {line.strip()}" for line in rest)
    return f"{result}\n\n{listed}\n\n```yaml\n{ranges_yaml(record)}```"


def edges_in_words(record: Shown, seen: Sequence[float | None]) -> str:
    """Where a stability edge was seen.

    Args:
        seen: the stability edge of each seed, None where there is none.
    """
    known = [edge for edge in seen if edge is not None]
    if not known:
        return f"no stability edge seen up to {words.rate(float(record.test.high))}"
    several = f" ({len(known)} of {len(seen)} seeds)" if len(seen) > 1 else ""
    return f"stability edge at {_spread(known)}{several}"


def _spread(values: Any) -> str:
    low, high = words.rate(min(values)), words.rate(max(values))
    return low if low == high else f"{low} to {high}"


def _training(record: RangeTestRecord) -> dict[str, Any]:
    """What the bounds hold for: they do not carry over to another one."""
    training = record.config.training
    return {
        "model": record.config.model.model_dump(mode="json"),
        "dataset": record.config.dataset.name,
        "optimizer": training.optimizer.model_dump(mode="json"),
        "batch_size": training.batch_size,
        "loss": str(training.loss),
        "precision": training.precision,
    }
