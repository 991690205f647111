"""What is run of a study: all of it, or what a comparison with its rivals needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

from clr_sweep.definition.comparison import ComparisonConfig
from clr_sweep.definition.loading import search_path
from clr_sweep.search.warm_start import Settled
from clr_sweep.training.requests import ModelIdentity

Plan = Callable[[optuna.Study, Mapping[str, Any]], None]


@dataclass(frozen=True)
class SweepSource:
    """Where a sweep was read from.

    Attributes:
        text: what stands in the file; of a sweep made from another, what would.
        folders: in which a module of the user's is looked for.
        is_written: whether the text stands in the file; a sweep made from another's does not.
    """

    file: Path
    text: str
    folders: tuple[Path, ...]
    is_written: bool = True

    @classmethod
    def of(cls, file: Path) -> SweepSource:
        """That of a sweep file."""
        return cls(file, file.read_text(encoding="utf-8"), search_path(file))


@dataclass(frozen=True)
class Part:
    """What a study does, beside its trials.

    Attributes:
        has_baseline: a baseline is trained beside them.
        is_tested: the best trial and the baseline are evaluated on the test set.
        plan: told the study before its first trial, with the provenance of what it trains: it
            may enqueue trials.
        begins_with: what it keeps for `study.warm_start` when it is made; None: what the other
            study holds then.
        data_digest: of the data that it has to be done on; None: on whatever data there are.
        model: that it has to be done with; None: whatever model there is.
        comparison: how it is compared when it has ended, to be told beforehand; None: it is not.
        is_warned: what speaks against its plan is said; in a comparison once, of the study.
    """

    has_baseline: bool = True
    is_tested: bool = True
    plan: Plan = lambda _study, _provenance: None
    begins_with: Settled | None = None
    data_digest: str | None = None
    model: ModelIdentity | None = None
    comparison: ComparisonConfig | None = None
    is_warned: bool = True

    @property
    def facts(self) -> dict[str, bool]:
        """What of it is kept with the study."""
        return {"is_tested": self.is_tested}


WHOLE = Part()
SEARCH = Part(has_baseline=False, is_tested=False, is_warned=False)
"""A search of a comparison: what it finds is trained again, and tested then."""
