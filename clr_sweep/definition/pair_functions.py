"""Functions of the user's own that compare labels and outputs: a loss, a metric."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from clr_sweep.common.errors import InputError
from clr_sweep.definition.own_functions import arguments_in_source

_WANTED = "must be a class or a function of (y_true, y_pred), got a function of"


def pair_problem(name: str, folders: Sequence[Path], *, takes_more: bool) -> str | None:
    """What is wrong with the arguments of such a function, as far as its source tells.

    Args:
        folders: in which its module is looked for.
        takes_more: whether it may have arguments without a default beside the two.
    """
    found = arguments_in_source(name, folders)
    if found is None or found.vararg is not None:
        return None
    names = [argument.arg for argument in (*found.posonlyargs, *found.args)]
    if len(names) >= 2 and (takes_more or len(names) - len(found.defaults) <= 2):
        return None
    return f"{_WANTED} ({', '.join(names)})"


def check_pair(
    function: Callable[..., Any], name: str, place: str, arguments: Mapping[str, Any] | None = None
) -> None:
    """Refuse a function that Keras could not call, of which the source did not tell.

    Args:
        name, place: of it in the sweep.
        arguments: that it gets beside the two.

    Raises:
        InputError: it does not take labels and outputs, or takes not these alone.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:
        return  # it is none of Python's own, and has no signature to look at
    try:
        signature.bind(None, None, **(arguments or {}))
    except TypeError:
        raise InputError(f"{place}: {name} {_WANTED} {signature}") from None
