"""What was meant by a single value where a section is wanted: `objective: val_loss`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.keys_in_file import fields_in_file, takes
from clr_sweep.definition.problems import as_written


def meant_section(cls: type[Frozen], found: Any) -> str:
    """The hint for it: the value under the key that it is for, or else the keys that there are.

    Args:
        cls: the section's record, whose `stands_for` says which keys a value alone may be for.
    """
    if found is None or found is True:
        if _needs_nothing(cls):
            return " - did you mean {}, with all at its default?"
    elif (form := as_section(cls, found)) is not None:
        return f" - did you mean {form}?"
    return f" (known keys: {', '.join(fields_in_file(cls))})"


def as_section(cls: type[Frozen], found: Any) -> str | None:
    """A single value as the section that it stands for, on one line; None where it is for none."""
    forms = ({key: value} for key in cls.stands_for for value in (found, [found]))
    right = (one for one in forms if all(takes(cls, key, value) for key, value in one.items()))
    return next((text for one in right if (text := as_written(one)) is not None), None)


def _needs_nothing(cls: type[Frozen]) -> bool:
    try:
        cls.model_validate({})
    except ValidationError:
        return False
    return True
