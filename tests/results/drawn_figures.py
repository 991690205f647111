"""What is in a figure: its artists by name, its marks, its texts, and its pixels."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure


def drawn(figure: Figure, gid: str) -> list[Any]:
    """The artists of a figure that carry a name."""
    return figure.findobj(lambda artist: artist.get_gid() == gid)


def texts(figure: Figure) -> str:
    """Everything that is written in a figure."""
    return "\n".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))


def render(figure: Figure) -> bytes:
    """The figure as a PNG; layout and drawing run here."""
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=60)
    return file.getvalue()


def marks(figure: Figure, gid: str) -> np.ndarray:
    """The positions of the marks of a name, in all axes, shape (n, 2)."""
    found = [np.asarray(c.get_offsets()) for c in drawn(figure, gid)]
    return np.concatenate(found) if found else np.zeros((0, 2))


def shown(artist: Artist) -> bool:
    """Whether a text is drawn: visible, as are its axes, and no tick beyond the limits."""
    ax = artist.axes
    if not artist.get_visible() or (ax is not None and not ax.get_visible()):
        return False
    return artist.get_gid() is not None
