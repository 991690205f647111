"""How a study is compared with its rivals: each tuned as it was, all trained with fresh seeds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainValidator, StrictInt, WithJsonSchema

from clr_sweep.common.counts import plural
from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import expected
from clr_sweep.definition.fields import MOST, POLICIES, AboveZero, Policy
from clr_sweep.definition.problems import Problem, shown, unknown
from clr_sweep.definition.reported_metric import ReportedMetric
from clr_sweep.definition.sections import Section

# A share of right answers: half a point. Nothing is known of what matters in any other metric.
MARGIN_OF_A_SHARE = 0.005
# Beside the tuned ones: the baseline, and a constant rate that is the mean of CLR's winner.
FIXED_RIVALS = 2


def _rivals(value: Any) -> Any:
    listed = isinstance(value, (list, tuple)) and all(isinstance(one, str) for one in value)
    if not listed or not value or len(set(value)) < len(value):
        raise expected("a list of policies, none twice, such as [constant, cosine]", POLICIES)
    wrong = [(str(index), one) for index, one in enumerate(value) if one not in POLICIES]
    if wrong:
        problems = [((index,), unknown("policy", one, POLICIES)) for index, one in wrong]
        raise FieldProblemsError(problems)
    return tuple(value)


def _trials(value: Any) -> Any:
    if not isinstance(value, Mapping):
        if not _is_count(value):
            raise expected(f"{_COUNT}, or one for each rival, such as {{cosine: 20}}")
        return value
    problems = [
        ((str(name),), unknown("policy", name, POLICIES)) for name in value if name not in POLICIES
    ] + [
        ((str(name),), f"must be {_COUNT}, got {shown(trials)}")
        for name, trials in value.items()
        if not _is_count(trials)
    ]
    if problems:
        raise FieldProblemsError(problems)
    return dict(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MOST


_COUNT = f"a whole number from 1 to {MOST}"
_COUNT_SCHEMA = {"type": "integer", "minimum": 1, "maximum": MOST}
Trials = Annotated[
    int | dict[Policy, int],
    PlainValidator(_trials),
    WithJsonSchema({"anyOf": [
        _COUNT_SCHEMA,
        {
            "type": "object",
            "properties": dict.fromkeys(POLICIES, _COUNT_SCHEMA),
            "additionalProperties": False,
        },
    ]}),
]  # fmt: skip
Rivals = Annotated[
    tuple[Policy, ...],
    BeforeValidator(_rivals),
    WithJsonSchema(
        {"type": "array", "items": {"enum": list(POLICIES)}, "minItems": 1, "uniqueItems": True}
    ),
]
Seeds = Annotated[StrictInt, Field(ge=2, le=1000)]


class ComparisonConfig(Section):
    """How the verdict is found: searches, finalists, finals.

    Attributes:
        rivals: policies, each tuned in the sweep's own space by a search of its own. One with
            cycles is an arm by itself, beside the study that searches among its policies.
        trials: of each rival's search, one number or one for each; as many as the study has where
            it is left out. A rival with fewer is compared with the study's first as many too.
        finalists: the best trials of a search that are trained again, with `finalist_seeds` fresh
            seeds each; the best mean on the validation examples wins.
        seeds: fresh seeds of the finals, the same for all arms; fixed before the first is trained.
        margin: differences below it do not matter, in the metric's own unit. Half a point of an
            accuracy where it is left out; other metrics have none, and no equivalence is tested.
        searches: independent searches of each arm, every one with a split, a sampler and seeds of
            its own. From 5 on the searches are a sample, and classes of schedules are compared.
    """

    stands_for = ("rivals",)
    rivals: Rivals = ("constant", "linear", "cosine", "one_cycle")
    trials: Trials | None = None
    finalists: Annotated[StrictInt, Field(ge=1, le=100)] = 3
    finalist_seeds: Annotated[StrictInt, Field(ge=1, le=1000)] = 3
    seeds: Seeds = 10
    margin: AboveZero | None = None
    searches: Annotated[StrictInt, Field(ge=1, le=100)] = 1

    @classmethod
    def together(cls, values: Mapping[str, Any]) -> Iterator[Problem]:
        """See `Section`."""
        rivals, trials = values.get("rivals"), values.get("trials")
        if rivals is not None and isinstance(trials, Mapping):
            for name in trials:
                if name not in rivals:
                    yield ("trials", name), f"is none of the rivals ({', '.join(rivals)})"

    def trials_of(self, rival: Policy, of_study: int) -> int:
        """The trials of a rival's search.

        Args:
            of_study: those of the study that it is compared with.
        """
        given = self.trials.get(rival) if isinstance(self.trials, Mapping) else self.trials
        return of_study if given is None else given

    def trainings(self, of_study: int) -> tuple[int, int]:
        """What a comparison trains at most: in the rivals' searches, and with fresh seeds.

        Args:
            of_study: the trials of the study. Those of its further searches are counted too.
        """
        rivals = [self.trials_of(rival, of_study) for rival in self.rivals]
        arms = 1 + len(rivals) + len({trials for trials in rivals if trials < of_study})
        chosen = arms * self.finalists * self.finalist_seeds if self.finalists > 1 else 0
        seeded = chosen + (arms + FIXED_RIVALS) * self.seeds
        searched = sum(rivals) * self.searches + of_study * (self.searches - 1)
        return searched, seeded * self.searches

    def describe_trainings(self, of_study: int) -> str:
        """What it trains at most, in words; see `trainings`."""
        searched, seeded = self.trainings(of_study)
        return (
            f"{plural(searched, 'trial')} of searches and at most {plural(seeded, 'training')} "
            "with fresh seeds"
        )

    def margin_of(self, metric: ReportedMetric) -> float | None:
        """What does not matter in this metric; None where nobody has said."""
        if self.margin is not None:
            return float(self.margin)
        return MARGIN_OF_A_SHARE if metric.is_share else None


def trials_problems(comparison: ComparisonConfig | None, of_study: int) -> list[Problem]:
    """Rivals that would be searched for longer than the study: that is no equal tuning."""
    if comparison is None:
        return []
    keyed = isinstance(comparison.trials, Mapping)
    found = []
    for rival in comparison.rivals:
        if (trials := comparison.trials_of(rival, of_study)) > of_study:
            keys = ("trials", rival) if keyed else ("trials",)
            text = f"must be at most study.trials ({of_study}), for an equal search, got {trials}"
            found.append((keys, text))
    return list(dict.fromkeys(found))
