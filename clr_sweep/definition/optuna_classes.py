"""Optuna's samplers and pruners by class name, and their arguments, known without importing Optuna.

`tests/search/test_classes_of_optuna.py` holds these tables against the installed Optuna.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self, get_args

from pydantic import ConfigDict, Field, StrictStr, model_validator

from clr_sweep.common.errors import FieldProblemsError
from clr_sweep.definition.arguments import SWITCH, Argument, Real, Single, value_problem
from clr_sweep.definition.dimensions import Scalar, is_number, with_arguments
from clr_sweep.definition.fields import PrunerName, SamplerName
from clr_sweep.definition.problems import Problem, shown, unknown
from clr_sweep.definition.with_arguments import WithArguments


def _whole(low: int) -> Single:
    return Single(
        f"a whole number, {low} or more", lambda value: type(value) is int and value >= low
    )


def _one_of(*names: str) -> Single:
    return Single(" or ".join(names), lambda value: value in names)


Arguments = Mapping[str, Argument]

_STARTUP: Arguments = {"n_startup_trials": _whole(0)}
SAMPLERS: Mapping[str, Arguments] = {
    "TPESampler": {
        **_STARTUP,
        "n_ei_candidates": _whole(1),
        "multivariate": SWITCH,
        "group": SWITCH,
        "constant_liar": SWITCH,
    },
    "GPSampler": {**_STARTUP, "deterministic_objective": SWITCH},
    "QMCSampler": {"qmc_type": _one_of("sobol", "halton"), "scramble": SWITCH},
    "RandomSampler": {},
}
_EVERY: Arguments = {"n_warmup_steps": _whole(0), "interval_steps": _whole(1)}
PRUNERS: Mapping[str, Arguments] = {
    "MedianPruner": {**_STARTUP, **_EVERY, "n_min_trials": _whole(1)},
    "PercentilePruner": {
        "percentile": Real(high=100), **_STARTUP, **_EVERY, "n_min_trials": _whole(1),
    },
    "ThresholdPruner": {"lower": Real(low=-1e30), "upper": Real(low=-1e30), **_EVERY},
    "PatientPruner": {"patience": _whole(0), "min_delta": Real()},
    "NopPruner": {},
}  # fmt: skip
_REQUIRED = {"PercentilePruner": ("percentile",), "PatientPruner": ("patience",)}
# The package, which the extra of its name installs, and what people call it.
_NEEDS = {"GPSampler": ("torch", "PyTorch")}

_KEEPS_STATE = (
    "cannot be used: it keeps its state beside the trials in Optuna's storage, so that a search "
    "which is stopped and continued would not be the same; the others do without"
)
_OF_GRIDS = "cannot be used: write the values as lists, and random draws no point twice"
# Those of Optuna's that a sweep does not take, each with the reason.
NOT_TAKEN = {
    "CmaEsSampler": _KEEPS_STATE,
    "NSGAIISampler": f"is for several objectives, and {_KEEPS_STATE}",
    "NSGAIIISampler": f"is for several objectives, and {_KEEPS_STATE}",
    "GridSampler": _OF_GRIDS,
    "BruteForceSampler": _OF_GRIDS,
    "PartialFixedSampler": "cannot be used: write the fixed values as values in the search space",
    "SuccessiveHalvingPruner": f"{_KEEPS_STATE}: phase_halving halves by phases",
    "HyperbandPruner": f"{_KEEPS_STATE}: phase_halving halves by phases",
    "WilcoxonPruner": "cannot be used: it compares values of the same problems, not of epochs",
}
_OWN_ARGUMENTS = {
    "seed": "is not taken: it follows from study.seed and the trial's number",
    "wrapped_pruner": "is not taken: it is PatientPruner by itself, which ends what stands still",
}


class OptunaClass(WithArguments):
    """A class of Optuna's by its name, with its arguments; those left out are as Optuna has them.

    Attributes:
        class_name: `class` in the file.
        ours: the names of those of the same kind that are not Optuna's.
    """

    model_config = ConfigDict(serialize_by_alias=True)
    known: ClassVar[Mapping[str, Arguments]]
    kind: ClassVar[str]
    ours: ClassVar[tuple[str, ...]]
    name_key = "class"
    other_words = {"name": "class", "type": "class", "class_name": "class"}

    class_name: StrictStr = Field(alias="class")
    arguments: dict[StrictStr, Scalar] = {}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if problems := list(self._problems()):
            raise FieldProblemsError(problems)
        return self

    @classmethod
    def wanted(cls) -> str:
        """See `WithArguments`."""
        return f"one of {', '.join(cls.ours)}, or a mapping of class and arguments"

    @classmethod
    def known_arguments(cls, name: str) -> Mapping[str, Argument]:
        """See `WithArguments`."""
        return cls.known.get(name, {})

    @classmethod
    def of_others(cls, name: str, argument: str) -> str:
        """See `WithArguments`."""
        having = [one for one, known in cls.known.items() if argument in known and one != name]
        if not having:
            return ""
        beside = f", and not of {name}" if name else ""
        return f" - it is an argument of {', '.join(having)}{beside}"

    @classmethod
    def takes(cls, written: Any) -> bool:
        """See `WithArguments`."""
        return written in cls.ours if isinstance(written, str) else super().takes(written)

    def __str__(self) -> str:
        return with_arguments(self.class_name, self.arguments)

    def _problems(self) -> Iterator[Problem]:
        name, given = self.class_name, self.arguments
        if name not in self.known:
            reason = NOT_TAKEN.get(name)
            is_one = reason is not None and name.endswith(self.kind.capitalize())
            yield ("class",), f"{name} {reason}" if is_one else unknown(self.kind, name, self.known)
            return
        arguments = self.known[name]
        for key, value in given.items():
            text = _OWN_ARGUMENTS.get(key) or (
                value_problem(arguments[key], value)
                if key in arguments
                else unknown(f"argument of {name}", key, arguments)
                if arguments
                else f"unknown argument {shown(key)}: {name} has none that a sweep takes"
            )
            if text:
                yield ("arguments", key), text
        for key in _REQUIRED.get(name, ()):
            if key not in given:
                yield (), f"{name} needs the argument {key}"
        yield from _together(name, given)


class OptunaSampler(OptunaClass):
    """One of `optuna.samplers`."""

    known, kind, ours = SAMPLERS, "sampler", get_args(SamplerName)


class OptunaPruner(OptunaClass):
    """One of `optuna.pruners`."""

    known, kind, ours = PRUNERS, "pruner", get_args(PrunerName)


def missing_package(name: str) -> str | None:
    """What is wrong with using this class here, if a package that it needs is not installed."""
    package, called = _NEEDS.get(name, ("", ""))
    if not package or importlib.util.find_spec(package) is not None:
        return None
    return f"{name} needs {called}, which is not installed: pip install 'clr-sweep[{package}]'"


def pruner_warning(pruner: str | OptunaPruner) -> str | None:
    """What has to be known of a pruner that does not look at phases; None of one that does."""
    name = pruner.class_name if isinstance(pruner, OptunaPruner) else pruner
    if name not in ("median", *PRUNERS) or name == "NopPruner":
        return None
    return (
        f"warning: {name} decides at the end of each epoch, whatever the rate is then, so it may "
        "hold a trial at its peak against others at a trough; cycle_aware and those named phase_ "
        "do not"
    )


def _together(name: str, given: Mapping[str, Any]) -> Iterator[Problem]:
    if name == "TPESampler" and given.get("group") is True and not given.get("multivariate"):
        yield ("arguments", "group"), "must go with multivariate: true"
    if name == "ThresholdPruner":
        if not {"lower", "upper"} & given.keys():
            yield (), "ThresholdPruner needs the argument lower, upper, or both"
        lower, upper = (
            value if is_number(value := given.get(key)) else None for key in ("lower", "upper")
        )
        if lower is not None and upper is not None and lower > upper:
            yield ("arguments", "lower"), f"must be at most upper ({upper:g}), got {lower:g}"
