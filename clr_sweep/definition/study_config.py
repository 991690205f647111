"""The Optuna study: how much is searched, by which sampler and pruner, from where, until when."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictInt,
    StrictStr,
    Tag,
    model_validator,
)

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.dimensions import TAGS, Frozen, Number, Scalar, expected
from clr_sweep.definition.fields import (
    AboveZero,
    Count,
    PrunerName,
    SamplerName,
    Seed,
    StorageUrl,
    StudyName,
)
from clr_sweep.definition.optuna_classes import OptunaClass, OptunaPruner, OptunaSampler
from clr_sweep.definition.reported_metric import ReportedMetric


class StopRule(Frozen):
    """When a search ends before all its trials have.

    Attributes:
        no_better_in: so many trials in a row, none of them better than the best before them.
        target: a value of the objective; the first trial to reach it is the last to be begun.
    """

    other_words = {"patience": "no_better_in"}
    stands_for = ("no_better_in", "target")
    no_better_in: Count | None = None
    target: Number | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.no_better_in is None and self.target is None:
            raise FieldProblemsError([((), "must give no_better_in, target, or both")])
        return self

    def describe(self) -> str:
        """In words, after `stops when`."""
        parts = []
        if self.no_better_in is not None:
            many = self.no_better_in
            parts.append(
                "a trial is no better than the best before it"
                if many == 1
                else f"{many} trials in a row are no better than the best before them"
            )
        if self.target is not None:
            parts.append(f"a trial reaches {self.target:g}")
        return ", or ".join(parts)


def target_problem(rule: StopRule | None, metric: ReportedMetric) -> str | None:
    """What is wrong with the target of a rule for this objective, if anything."""
    target = None if rule is None else rule.target
    if target is None or not metric.is_share or 0 <= target <= 1:
        return None
    return f"must be from 0 to 1, as {metric.name} is, got {target:g}"


def _as_list(value: Any) -> Any:
    if not isinstance(value, (list, tuple)) or not all(
        isinstance(one, dict) and one and all(isinstance(key, str) for key in one) for one in value
    ):
        raise expected("a list of mappings such as [{max_lr: 0.1, policy: triangular}]")
    return tuple(value)


def _each_once(value: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    if any(one in value[:place] for place, one in enumerate(value)):
        raise expected("a list in which each trial stands once")
    return value


Given = Mapping[str, bool | int | float | str]
"""Values of parameters by their names; of a ratio by that of `RATIO`."""
StartingTrials = Annotated[
    tuple[Annotated[dict[StrictStr, Scalar], Field(min_length=1)], ...],
    BeforeValidator(_as_list),
    AfterValidator(_each_once),
]


class WarmStart(Frozen):
    """Trials of another study that a search begins with.

    Attributes:
        trials: how many of its best; several by default, since the best one of a study is so by
            luck too.
        storage: where the other study lies; None: where this one does.
    """

    other_words = {"name": "study"}
    stands_for = ("study",)
    study: StudyName
    trials: Count = 3
    storage: StorageUrl | None = None

    def describe(self) -> str:
        """In words: `the 3 best trials of study first`."""
        best = "best trial" if self.trials == 1 else f"{self.trials} best trials"
        return f"the {best} of study {self.study}"


def not_all_trained(key: str, given: int, trials: int, at_most: str = "") -> Iterator[str]:
    """A warning where fewer trials are left than a study is to start with.

    Args:
        key: what gives them, below `study`.
        given: how many there are.
        trials: how many of `study.trials` are left for them.
        at_most: before a number that may turn out to be smaller.
    """
    if (more := given - trials) > 0:
        yield (
            f"warning: study.{key} gives {at_most}{more} more than study.trials: they are trained "
            "when a later start has more trials"
        )


# Tags are part of where pydantic says that a problem is, as those of `Dimension` are.
_NAME_TAG, _SAMPLER_TAG, _PRUNER_TAG = "(name)", "(sampler)", "(pruner)"
TAGS.update({_NAME_TAG: None, _SAMPLER_TAG: OptunaSampler, _PRUNER_TAG: OptunaPruner})


def _is_class(value: Any) -> bool:
    return isinstance(value, (dict, OptunaClass))


Sampler = Annotated[
    Annotated[SamplerName, Tag(_NAME_TAG)] | Annotated[OptunaSampler, Tag(_SAMPLER_TAG)],
    Discriminator(lambda value: _SAMPLER_TAG if _is_class(value) else _NAME_TAG),
]
Pruner = Annotated[
    Annotated[PrunerName, Tag(_NAME_TAG)] | Annotated[OptunaPruner, Tag(_PRUNER_TAG)],
    Discriminator(lambda value: _PRUNER_TAG if _is_class(value) else _NAME_TAG),
]


class StudyConfig(Frozen):
    """The Optuna study.

    Attributes:
        trials: the total, those of earlier starts included.
        sampler: one of ours by name, or one of Optuna's by its class.
        pruner: the same.
        start_with: the parameters of the first trials, or some of them; the rest is sampled.
        warm_start: the trials after those are the best of another study, as far as they fit.
        stop_when: None: the search ends when all its trials have.
        jobs: trials at once; None: `trials_per_gpu` on each GPU, without one as many as cores.
        trials_per_gpu: trials that share a GPU, where `jobs` is None.
        deterministic: the same trials with the same results whatever the number of jobs, and
            however often the sweep is interrupted.
        retries: how often a trial goes on after a failure that is not its own: its process was
            killed, or out of memory.
        trial_timeout: seconds that a trial may take, all its attempts together; None: any.
        timeout: seconds after which a start stops the sweep, trials in flight included; None:
            never.
    """

    stands_for = ("sampler", "pruner", "trials", "name")
    name: StudyName | None = None
    trials: Count = 50
    sampler: Sampler = "tpe"
    pruner: Pruner = "cycle_aware"
    start_with: StartingTrials = ()
    warm_start: WarmStart | None = None
    stop_when: StopRule | None = None
    seed: Seed = 42
    jobs: Count | None = None
    trials_per_gpu: Count = 1
    storage: StorageUrl | None = None
    deterministic: StrictBool = False
    retries: Annotated[StrictInt, Field(ge=0, le=1000)] = 2
    trial_timeout: AboveZero | None = None
    timeout: AboveZero | None = None

    @property
    def sampler_name(self) -> str:
        """Of the sampler, ours or the class of Optuna's, without its arguments."""
        sampler = self.sampler
        return sampler.class_name if isinstance(sampler, OptunaSampler) else sampler
