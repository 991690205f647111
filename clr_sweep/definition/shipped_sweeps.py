"""The sweeps that clr-sweep brings along: they can be named from any folder."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from clr_sweep.common.nearest import hint

# In the repository a link to `sweeps/` beside the package, in what is installed a folder.
FOLDER = Path(__file__).parent / "sweeps"

_log = logging.getLogger(__name__)


def shipped_sweeps() -> dict[str, Path]:
    """The files of the shipped sweeps, by name; those of the gallery as `gallery/NAME`."""
    files = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("gallery/*.yaml")])
    return {_name(file.relative_to(FOLDER)): file for file in files}


def find_sweep(given: Path) -> Path:
    """The file that was meant by a sweep named on the command line.

    A shipped sweep is named `fashion_mnist`, `fashion_mnist.yaml` or `sweeps/fashion_mnist.yaml`,
    from anywhere; one of the gallery `gallery/digits`, and so on. A file of the user's always comes
    before it: the one given, else the one of that name in the current folder or in its folder
    `sweeps`. Where the file is not the one given, a line says which was taken.

    Returns:
        The file; what was given where there is none.
    """
    name = _name(given)
    shipped = shipped_sweeps().get(name)
    if os.path.lexists(given) or shipped is None:
        return given
    for mine in (Path(f"{name}.yaml"), Path("sweeps", f"{name}.yaml")):
        if os.path.lexists(mine):
            _log.info("sweep %s: taken from %s, the file of this folder", given, mine)
            return mine
    _log.info("sweep %s: the one that clr-sweep ships, %s", given, shipped)
    return shipped


def with_known_sweeps(message: str, path: Path) -> str:
    """The message for a sweep file that cannot be read, with what may have been meant.

    Args:
        message: what was said; it may name a near file of the same folder already.
        path: where the file was looked for.
    """
    names = shipped_sweeps()
    if os.path.lexists(path) or not names:
        return message
    near = "" if " - did you mean " in message else hint(_name(path), names)
    return (
        f"{message}{near} (those that clr-sweep ships can be named from anywhere: "
        f"{', '.join(names)})"
    )


def _name(path: Path) -> str:
    """What a file is called, without the folder `sweeps` in front and the ending."""
    return path.as_posix().removesuffix(".yaml").removeprefix("sweeps/")
