"""What a comparison consists of: its arms, and what each of its trainings is for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Stage = Literal["finalists", "finals"]
FINALISTS: Stage = "finalists"
FINALS: Stage = "finals"
CLR = "CLR"
"""The name of the study that is compared, as an arm."""


@dataclass(frozen=True)
class SeedRun:
    """What a training of a comparison is for.

    Attributes:
        entry: what is trained, see `entry_of`, or the name of a fixed arm.
        seed: which of the stage's fresh seeds, from 0: the same for all that are compared.
    """

    stage: Stage
    entry: str
    seed: int

    @property
    def label(self) -> str:
        return f"{self.stage.removesuffix('s')} {self.seed + 1} of {self.entry}"


@dataclass(frozen=True)
class Arm:
    """One side of a comparison.

    Attributes:
        kind: `clr`, the study that is compared; `rival`, tuned by a search of its own; `fixed`,
            not tuned.
        name: of the arm, in words: a policy, or how a fixed one was chosen.
        source: the study in which it was searched for; empty of a fixed one.
        trials: the first so many of that search count.
        candidates: the numbers of its best trials, the best first.
        counts: its trials by the state they ended in.
        cpu_seconds: what these trials took.
        edges: by candidate, which of its rates lie at the edge of their range, and at which.
    """

    kind: Literal["clr", "rival", "fixed"]
    name: str
    source: str = ""
    trials: int = 0
    candidates: tuple[int, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    edges: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def is_study(self) -> bool:
        """Whether it is all of the study that is compared, not its first trials alone."""
        return self.name == CLR

    @property
    def ended(self) -> int:
        """Its trials that have ended; fewer than `trials` where its search ended before."""
        return min(sum(self.counts.values()) or self.trials, self.trials)

    @property
    def title(self) -> str:
        """The name where it begins a line: that of a policy stays as sweep files write it."""
        return self.name if self.kind == "rival" else f"{self.name[:1].upper()}{self.name[1:]}"

    @property
    def entries(self) -> tuple[str, ...]:
        """What of it is trained with fresh seeds, the best first."""
        if self.kind == "fixed":
            return (self.name,)
        return tuple(entry_of(self.source, number) for number in self.candidates)

    def candidate(self, entry: str | None) -> int | None:
        """The number of the candidate that an entry is of; None of what is no candidate."""
        return dict(zip(self.entries, self.candidates, strict=False)).get(entry or "")


@dataclass(frozen=True)
class ComparisonRecord:
    """How a study is compared with its rivals, as it was fixed before the first training.

    Attributes:
        of: the study's name.
        number: which comparison of that study, from 1: those after the first have seeds of their
            own.
        margin: differences below it do not matter; None where nobody has said.
        pairs: the arms that are held against each other, as (CLR, rival), by their places.
    """

    of: str
    number: int
    finalist_seeds: int
    seeds: int
    margin: float | None
    arms: tuple[Arm, ...]
    pairs: tuple[tuple[int, int], ...]

    @property
    def design(self) -> tuple[object, ...]:
        """What independent searches have in common where they can be counted together."""
        arms = tuple((arm.kind, arm.name, arm.trials) for arm in self.arms)
        return self.finalist_seeds, self.seeds, self.margin, self.pairs, arms


def entry_of(study: str, number: int) -> str:
    """The name of a trial of another study that is trained again."""
    return f"{study} trial {number}"
