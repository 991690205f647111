"""Reading a sweep file: overrides, and every problem of both at once."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from clr_sweep.common.door import is_python
from clr_sweep.common.errors import InputError
from clr_sweep.definition.engine_config import renamed
from clr_sweep.definition.losses import loss_problem
from clr_sweep.definition.misplaced_keys import without_misplaced
from clr_sweep.definition.outputs import is_of_several, outputs_of, with_direction
from clr_sweep.definition.own_training import own_training_problems, with_own_training
from clr_sweep.definition.problems import sentence
from clr_sweep.definition.readable_values import readable_values
from clr_sweep.definition.sections import section
from clr_sweep.definition.shipped_sweeps import with_known_sweeps
from clr_sweep.definition.space_checks import cycle_problem
from clr_sweep.definition.sweep import Sweep
from clr_sweep.definition.sweep_checks import sweep_problems, together_problems
from clr_sweep.definition.validation import those_written, validation
from clr_sweep.definition.yaml_file import read_mapping

OPTIONS = {
    "--trials": "study.trials",
    "--epochs": "training.epochs",
    "--jobs": "study.jobs",
    "--seed": "study.seed",
    "--study": "study.name",
    "--storage": "study.storage",
    "--engine": "engine.name",
    "--tracking-uri": "tracking.uri",
}
"""The options of the command line that stand in place of a value of the file."""

RANGE_TEST_OPTIONS = {
    f"--{name.replace('_', '-')}": f"range_test.{name}"
    for name in ("low", "high", "epochs", "seeds", "ramp", "rule", "min_seeds")
}
"""Those of `clr-sweep range-test`."""

_OPTION_OF = {
    key: option for known in (OPTIONS, RANGE_TEST_OPTIONS) for option, key in known.items()
}
_TEXTS = ("study.name", "study.storage", "engine.name", "tracking.uri")
_RATES = ("range_test.low", "range_test.high")
_WHOLE_NUMBER = re.compile(r"[-+]?[0-9]{1,18}")


def load_sweep(path: Path, overrides: Mapping[str, Any] | None = None) -> Sweep:
    """Read, override and validate a sweep file.

    Args:
        path: the YAML file. Relative files and modules that it names are looked for beside it
            first, then in the current folder.
        overrides: values by dotted key (`study.trials`), put in place of the file's. A whole
            number may be given as the text that stood on the command line.

    Raises:
        InputError: with every problem found in the file and in the overrides, each with its
            place.
    """
    given = {key: _from_text(key, value) for key, value in (overrides or {}).items()}
    wrong = [f"{_option(key)}: {text}" for key, text in _override_problems(given)]
    try:
        content = read_mapping(path)
    except InputError as error:
        text = with_known_sweeps(str(error), path)
        raise InputError([*wrong, *text.split("\n")]) from None
    for key, value in given.items():
        of, _, name = key.partition(".")
        inner = content.setdefault(of, {})
        if isinstance(inner, dict):
            content[of] = renamed(inner, value) if key == "engine.name" else {**inner, name: value}
    return _checked(content, search_path(path), f"{path}: ", given, wrong)


def checked_sweep(content: dict[str, Any], folders: tuple[Path, ...]) -> Sweep:
    """The sweep of what a sweep file would hold.

    Args:
        folders: in which files and modules that it names are looked for, in this order.

    Raises:
        InputError: as `load_sweep`.
    """
    return _checked(content, folders, "", {}, [])


def _checked(
    content: dict[str, Any],
    folders: tuple[Path, ...],
    place: str,
    given: Mapping[str, Any],
    wrong: list[str],
) -> Sweep:
    """The sweep of a file's content, with what is given in place of its values.

    Args:
        place: what stands before each problem of the file's.
        wrong: problems that are known already.
    """
    content, problems = without_misplaced(content, folders)
    sweep, more = validation(Sweep, content)
    problems += more
    problems += own_training_problems(content)
    values = readable_values(with_direction(with_own_training(content)))
    training, loss = section(content, "training"), values.get("training.loss")
    outputs = () if loss is None or "metrics" in training else outputs_of(loss, ())
    if any(loss_problem(one.loss.name) for one in outputs):
        # What is measured beside a loss that there is not, nobody can say.
        values.pop("training.metrics", None)
    problems += [(those_written(content, keys), text) for keys, text in together_problems(values)]
    unread = {keys[1] for keys, _ in problems if keys[0:1] == ("search_space",) and keys[1:]}
    problems += sweep_problems(values, folders, unread)
    # There is no such metric, which is said already; or nobody knows whether there is, since those
    # of several outputs are told by their losses and metrics, of which one is wrong.
    said = [("objective", "metric")]
    if is_of_several(training.get("loss")):
        said += [("training", "loss"), ("training", "metrics")]
    unknown_metric = any(keys[:2] in said for keys, _ in problems)
    for keys, text in dict.fromkeys(problems):
        if unknown_metric and keys == ("objective",) and "direction is required" in text:
            continue
        if ".".join(keys) not in given:
            wrong.append(f"{place}{sentence(keys, text)}")
    # Wrong only together with the factors, so an override by itself does not show it.
    if (short := cycle_problem(values)) is not None:
        key = "training.epochs"
        wrong.append(f"{_option(key) if key in given else f'{place}{key}'}: {short}")
    if sweep is None or wrong:
        raise InputError(wrong)
    return sweep


def search_path(path: Path) -> tuple[Path, ...]:
    """Where files and modules named in the file at `path` are looked for, in this order."""
    return tuple(dict.fromkeys((path.resolve().parent, Path.cwd())))


def _from_text(key: str, value: Any) -> Any:
    if isinstance(value, str) and key not in _TEXTS and _WHOLE_NUMBER.fullmatch(value):
        return int(value)
    if isinstance(value, str) and key in _RATES:
        with contextlib.suppress(ValueError):
            return float(value)
    return value


def _option(key: str) -> str:
    return key if is_python() else _OPTION_OF.get(key, key)


def _override_problems(given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What is wrong with the overrides by themselves, whatever the file says."""
    alone: dict[str, dict[str, Any]] = {}
    for key, value in given.items():
        of, _, name = key.partition(".")
        alone.setdefault(of, {})[name] = value
    for keys, text in validation(Sweep, alone)[1]:
        if (key := ".".join(keys)) in given:
            yield key, text
