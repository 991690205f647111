"""What was meant by a single value where a section is wanted: `objective: val_loss`."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from clr_sweep.definition.dimensions import Frozen
from clr_sweep.definition.keys_in_file import fields_in_file, takes
from clr_sweep.definition.problems import shown


def meant_section(cls: type[Frozen], found: Any) -> str:
    """The hint for it: the value under the key that it is for, or else the keys that there are.

    Args:
        cls: the section's record, whose `stands_for` says which keys a value alone may be for.
    """
    if found is None or found is True:
        if _needs_nothing(cls):
            return " - did you mean {}, with all at its default?"
    else:
        for key in cls.stands_for:
            for value in (found, [found]):
                if takes(cls, key, value):
                    return f" - did you mean {shown({key: value})}?"
    return f" (known keys: {', '.join(fields_in_file(cls))})"


def _needs_nothing(cls: type[Frozen]) -> bool:
    try:
        cls.model_validate({})
    except ValidationError:
        return False
    return True
